-- What became of the last ticks of a schedule, the last first.
SELECT tick, outcome, seq, id FROM ticks WHERE schedule = :schedule ORDER BY tick DESC;

-- What became of the last ticks of a schedule, the last first.
SELECT tick, outcome, seq, id FROM queuectl.ticks WHERE schedule = %(schedule)s ORDER BY tick DESC;

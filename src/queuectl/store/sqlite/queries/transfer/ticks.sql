-- What became of the ticks of all schedules.
SELECT schedule, tick, outcome, seq, id FROM ticks ORDER BY schedule, tick;

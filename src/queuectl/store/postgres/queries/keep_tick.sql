-- Record what became of a tick, once.
INSERT INTO queuectl.ticks (schedule, tick, outcome, seq, id)
VALUES (%(schedule)s, %(tick)s, %(outcome)s, %(seq)s, %(id)s);

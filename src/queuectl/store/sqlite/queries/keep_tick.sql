-- Record what became of a tick, once.
INSERT INTO ticks (schedule, tick, outcome, seq, id) VALUES (:schedule, :tick, :outcome, :seq, :id);

-- Add what became of a tick in another store.
INSERT INTO ticks (schedule, tick, outcome, seq, id) VALUES (?, ?, ?, ?, ?);

-- Add what became of ticks in another store.
COPY queuectl.ticks (schedule, tick, outcome, seq, id) FROM STDIN;

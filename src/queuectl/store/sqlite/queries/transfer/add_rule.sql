-- Add what is set for a queue, as it was in another store.
INSERT INTO queues (name, concurrency, rate, rate_period, paused_at, paused_by, paused_reason, paused_until)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

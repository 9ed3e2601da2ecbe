-- Add what is set for queues, as it was in another store.
COPY queuectl.queues (name, concurrency, rate, rate_period, paused_at, paused_by, paused_reason, paused_until) FROM STDIN;

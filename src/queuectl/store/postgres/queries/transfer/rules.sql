-- What is set for queues, in every column.
SELECT name, concurrency, rate, rate_period, paused_at, paused_by, paused_reason, paused_until
FROM queuectl.queues ORDER BY name;

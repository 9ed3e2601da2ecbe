-- What is set for queues; a pause whose time is over is none.
SELECT
    name, concurrency, rate, rate_period,
    CASE WHEN (paused_until <= coalesce(%(now)s::timestamptz, clock_timestamp())) IS NOT TRUE THEN paused_at END,
    paused_by, paused_reason, paused_until
FROM queuectl.queues ORDER BY name;

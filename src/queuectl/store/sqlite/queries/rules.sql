-- What is set for queues; a pause whose time is over is none.
SELECT
    name, concurrency, rate, rate_period,
    iif(paused_until <= :now, NULL, paused_at), paused_by, paused_reason, paused_until
FROM queues ORDER BY name;

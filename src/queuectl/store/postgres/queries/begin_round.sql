-- Begin a round of what one process does for all, unless another did within the time between two. A clock that was set
-- back begins one.
UPDATE queuectl.rounds SET begun_at = clock.now
FROM (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now) AS clock
WHERE name = %(name)s
    AND (begun_at <= clock.now - %(every)s::double precision * interval '1 second' OR begun_at > clock.now);

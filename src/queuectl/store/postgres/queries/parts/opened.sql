-- Let claims look at what `done` jobs have kept from starting, or would have.
opened AS (
    INSERT INTO queuectl.openings (holder, at)
    SELECT holder, coalesce(%(now)s::timestamptz, clock_timestamp())
    FROM (
        SELECT 'key:' || key AS holder FROM done WHERE key IS NOT NULL
        UNION ALL
        SELECT 'queue:' || queue FROM done WHERE EXISTS (SELECT FROM queuectl.queues WHERE name = done.queue)
    ) AS holders
    RETURNING holder
)

-- Add to the counts what has changed them. One process at a time: others would wait for it and find nothing.
WITH changed AS (
    DELETE FROM queuectl.count_changes
    WHERE (SELECT pg_try_advisory_xact_lock(hashtext('queuectl'), 1))
    RETURNING queue, state, n
)
INSERT INTO queuectl.counts AS kept (queue, state, n)
SELECT queue, state, sum(n) FROM changed GROUP BY queue, state HAVING sum(n) <> 0
ON CONFLICT (queue, state) DO UPDATE SET n = kept.n + excluded.n;

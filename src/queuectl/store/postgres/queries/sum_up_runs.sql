-- Add to the histograms the runs that are not in them yet. One process at a time.
WITH run AS (
    DELETE FROM queuectl.runs
    WHERE (SELECT pg_try_advisory_xact_lock(hashtext('queuectl'), 2))
    RETURNING minute, queue, ending, bucket, duration
)
INSERT INTO queuectl.durations AS kept (minute, queue, ending, bucket, n, total, shortest, longest)
SELECT minute, queue, ending, bucket, count(*), sum(duration), min(duration), max(duration)
FROM run
GROUP BY minute, queue, ending, bucket
ON CONFLICT (minute, queue, ending, bucket) DO UPDATE SET
    n = kept.n + excluded.n,
    total = kept.total + excluded.total,
    shortest = least(kept.shortest, excluded.shortest),
    longest = greatest(kept.longest, excluded.longest);

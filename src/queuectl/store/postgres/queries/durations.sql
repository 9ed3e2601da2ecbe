-- The histogram of completed runs of each queue: of those that were summed up, and of those that were not yet.
SELECT queue, bucket, sum(n)::bigint, sum(total)::bigint, min(shortest), max(longest)
FROM (
    SELECT queue, ending, bucket, n, total, shortest, longest FROM queuectl.durations
    UNION ALL
    SELECT queue, ending, bucket, 1, duration, duration, duration FROM queuectl.runs
) AS d
WHERE ending = 'completed'
GROUP BY queue, bucket;

-- All histograms, with the runs that are not in them yet.
SELECT minute, queue, ending, bucket, sum(n)::bigint, sum(total)::bigint, min(shortest), max(longest)
FROM (
    SELECT minute, queue, ending, bucket, n, total, shortest, longest FROM queuectl.durations
    UNION ALL
    SELECT minute, queue, ending, bucket, 1, duration, duration, duration FROM queuectl.runs
) AS d
GROUP BY minute, queue, ending, bucket
ORDER BY minute, queue, ending, bucket;

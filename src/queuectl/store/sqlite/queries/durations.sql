-- The histogram of completed runs of each queue.
SELECT queue, bucket, sum(n), sum(total), min(shortest), max(longest)
FROM durations WHERE ending = 'completed'
GROUP BY queue, bucket;

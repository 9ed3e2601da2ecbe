-- All histograms.
SELECT minute, queue, ending, bucket, n, total, shortest, longest FROM durations
ORDER BY minute, queue, ending, bucket;

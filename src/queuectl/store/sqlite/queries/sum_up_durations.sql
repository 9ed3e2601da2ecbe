-- Add the histograms of an hour's later minutes to that of its first one. `drop_summed_durations` follows.
INSERT INTO durations (minute, queue, ending, bucket, n, total, shortest, longest)
SELECT minute - minute % 60, queue, ending, bucket, sum(n), sum(total), min(shortest), max(longest)
FROM durations
WHERE minute < :minute AND minute % 60 <> 0
GROUP BY 1, 2, 3, 4
ON CONFLICT DO UPDATE SET
    n = n + excluded.n,
    total = total + excluded.total,
    shortest = min(shortest, excluded.shortest),
    longest = max(longest, excluded.longest);

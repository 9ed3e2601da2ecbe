-- Keep the histograms of whole hours by the hour: those of an hour's later minutes join that of its first one.
-- In one statement, so that who reads meanwhile sees each of them once. Index: durations_by_minute.
WITH summed AS (
    DELETE FROM queuectl.durations
    WHERE minute %% 60 <> 0
        AND minute < (
            SELECT floor(extract(epoch FROM
                coalesce(%(now)s::timestamptz, clock_timestamp()) - %(age)s::double precision * interval '1 second'
            ) / 3600)::integer * 60
        )
    RETURNING *
)
INSERT INTO queuectl.durations AS kept (minute, queue, ending, bucket, n, total, shortest, longest)
SELECT minute - minute %% 60, queue, ending, bucket, sum(n), sum(total), min(shortest), max(longest)
FROM summed
GROUP BY 1, 2, 3, 4
ON CONFLICT (minute, queue, ending, bucket) DO UPDATE SET
    n = kept.n + excluded.n,
    total = kept.total + excluded.total,
    shortest = least(kept.shortest, excluded.shortest),
    longest = greatest(kept.longest, excluded.longest);

-- What is selected of the failed jobs, in the order in which it will run. Index: jobs_failures.
SELECT seq FROM queuectl.unfinished, (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now) AS clock
WHERE state = 'failed' AND {selected}
ORDER BY
    greatest(next_run_at, now),
    CASE WHEN next_run_at <= now THEN -priority END,
    CASE WHEN next_run_at <= now THEN created_at END,
    seq
LIMIT nullif(%(limit)s, -1);

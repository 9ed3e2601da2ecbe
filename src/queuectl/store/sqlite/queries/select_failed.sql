-- What is selected of the failed jobs, in the order in which it will run. Index: jobs_failed.
SELECT seq FROM jobs
WHERE state = 'failed' AND {selected}
ORDER BY
    max(next_run_at, :now),
    CASE WHEN next_run_at <= :now THEN -priority END,
    CASE WHEN next_run_at <= :now THEN created_at END,
    seq
LIMIT :limit;

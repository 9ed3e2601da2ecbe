-- What is selected of the jobs that wait for their first run, in the order in which it will run; or of those of the
-- future alone. Indexes: jobs_ready, jobs_scheduled.
SELECT seq FROM (
    SELECT seq, priority, created_at, :now AS due FROM jobs
    WHERE ready = 1 AND state = 'pending' AND NOT :scheduled AND {selected}
    UNION ALL
    SELECT seq, priority, created_at, max(next_run_at, :now) AS due FROM jobs
    WHERE ready = 0 AND state = 'pending' AND (NOT :scheduled OR next_run_at > :now) AND {selected}
)
ORDER BY due, CASE WHEN due <= :now THEN -priority END, CASE WHEN due <= :now THEN created_at END, seq
LIMIT :limit;

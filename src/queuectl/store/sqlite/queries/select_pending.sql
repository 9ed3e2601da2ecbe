-- What is selected of the jobs that wait for their first run, in the order in which it will run, then what is held; or of
-- those of the future alone. Indexes: jobs_ready, jobs_scheduled, jobs_held.
SELECT seq FROM (
    SELECT seq, priority, created_at, 0 AS held, :now AS due FROM jobs
    WHERE ready = 1 AND state = 'pending' AND NOT :scheduled AND {selected}
    UNION ALL
    SELECT seq, priority, created_at, 0, max(next_run_at, :now) FROM jobs
    WHERE ready = 0 AND state = 'pending' AND held_by IS NULL AND (NOT :scheduled OR next_run_at > :now) AND {selected}
    UNION ALL
    SELECT seq, priority, created_at, 1, max(next_run_at, :now) FROM jobs
    WHERE held_by IS NOT NULL AND state = 'pending' AND (NOT :scheduled OR next_run_at > :now) AND {selected}
)
ORDER BY held, due, CASE WHEN due <= :now THEN -priority END, CASE WHEN due <= :now THEN created_at END, seq
LIMIT :limit;

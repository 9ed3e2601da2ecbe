-- Let due jobs run, the longest due first. Called by a claim when some are due, or nothing is ready. Index: jobs_due.
UPDATE jobs SET ready = 1
WHERE seq IN (
    SELECT seq FROM jobs
    WHERE ready = 0 AND next_run_at IS NOT NULL AND held_by IS NULL AND next_run_at <= :now
    ORDER BY next_run_at, seq
    LIMIT 1000
);

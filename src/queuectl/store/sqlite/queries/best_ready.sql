-- The job to run next, and whether others that are due have to be promoted first. Called by every claim, under the
-- write lock. Indexes: jobs_ready, jobs_due.
SELECT
    job.*,
    EXISTS (
        SELECT 1 FROM jobs AS due
        WHERE due.ready = 0 AND due.next_run_at IS NOT NULL AND due.held_by IS NULL AND due.next_run_at <= :now
    )
FROM job WHERE ready = 1 ORDER BY priority DESC, created_at, seq LIMIT 1;

-- Whether a job runs, is ready or due, or backs off. What is paused is not waited for, unless it runs.
-- Indexes: jobs_processing, jobs_ready, jobs_failed, jobs_due.
SELECT
    EXISTS (SELECT 1 FROM jobs WHERE state = 'processing')
    OR EXISTS (SELECT 1 FROM jobs WHERE ready = 1)
    OR EXISTS (SELECT 1 FROM jobs WHERE state = 'failed' AND paused_at IS NULL)
    OR EXISTS (
        SELECT 1 FROM jobs
        WHERE ready = 0 AND next_run_at IS NOT NULL AND held_by IS NULL AND next_run_at <= :now
    );

-- Whether a job runs, is ready or due, or backs off, or is held, but not by a pause: as what is scheduled, that may last,
-- unless it is of a job that runs.
-- What holds jobs is walked through from one to the next.
-- Indexes: jobs_processing, jobs_ready, jobs_failed, jobs_due, jobs_held.
WITH RECURSIVE holders (name) AS (
    SELECT min(held_by) FROM jobs WHERE held_by IS NOT NULL
    UNION ALL
    SELECT (SELECT min(held_by) FROM jobs WHERE held_by > holders.name) FROM holders WHERE holders.name IS NOT NULL
)
SELECT
    EXISTS (SELECT 1 FROM jobs WHERE state = 'processing')
    OR EXISTS (SELECT 1 FROM jobs WHERE ready = 1)
    OR EXISTS (SELECT 1 FROM jobs WHERE state = 'failed' AND paused_at IS NULL)
    OR EXISTS (
        SELECT 1 FROM jobs
        WHERE ready = 0 AND next_run_at IS NOT NULL AND held_by IS NULL AND next_run_at <= :now
    )
    OR EXISTS (
        SELECT 1 FROM holders
        WHERE (name LIKE 'queue:%' OR name LIKE 'key:%') AND NOT EXISTS (
            SELECT 1 FROM queues
            WHERE queues.name = substr(holders.name, 7) AND holders.name LIKE 'queue:%'
                AND paused_at IS NOT NULL AND coalesce(paused_until > :now, 1)
        )
    );

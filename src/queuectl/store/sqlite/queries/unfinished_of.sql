-- As `unfinished`, of some queues. All jobs that back off are looked at.
-- Indexes: jobs_processing, jobs_ready_queue, jobs_failed, jobs_due, jobs_held.
WITH RECURSIVE holders (name) AS (
    SELECT min(held_by) FROM jobs WHERE held_by IS NOT NULL
    UNION ALL
    SELECT (SELECT min(held_by) FROM jobs WHERE held_by > holders.name) FROM holders WHERE holders.name IS NOT NULL
), served AS (
    SELECT value AS queue FROM json_each(:queues)
)
SELECT
    EXISTS (SELECT 1 FROM served WHERE EXISTS (SELECT 1 FROM jobs WHERE state = 'processing' AND jobs.queue = served.queue))
    OR EXISTS (SELECT 1 FROM served WHERE EXISTS (SELECT 1 FROM jobs WHERE ready = 1 AND jobs.queue = served.queue))
    OR EXISTS (SELECT 1 FROM jobs WHERE state = 'failed' AND queue IN (SELECT queue FROM served))
    OR EXISTS (
        SELECT 1 FROM jobs
        WHERE ready = 0 AND next_run_at IS NOT NULL AND held_by IS NULL AND next_run_at <= :now
            AND queue IN (SELECT queue FROM served)
    )
    OR EXISTS (
        SELECT 1 FROM holders
        WHERE (name LIKE 'queue:%' OR name LIKE 'key:%') AND NOT EXISTS (
            SELECT 1 FROM queues
            WHERE queues.name = substr(holders.name, 7) AND holders.name LIKE 'queue:%'
                AND paused_at IS NOT NULL AND coalesce(paused_until > :now, 1)
        ) AND EXISTS (
            SELECT 1 FROM served
            WHERE EXISTS (SELECT 1 FROM jobs WHERE held_by = holders.name AND jobs.queue = served.queue)
        )
    );

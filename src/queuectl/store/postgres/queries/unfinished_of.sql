-- As `unfinished`, of some queues. All jobs that run and that back off are looked at.
-- Indexes: jobs_processing, jobs_ready_queue, jobs_failed, jobs_due, jobs_held.
WITH RECURSIVE holders (name) AS (
    (SELECT held_by FROM queuectl.unfinished WHERE held_by IS NOT NULL ORDER BY held_by LIMIT 1)
    UNION ALL
    SELECT (
        SELECT job.held_by FROM queuectl.unfinished AS job
        WHERE job.held_by > holders.name ORDER BY job.held_by LIMIT 1
    )
    FROM holders WHERE holders.name IS NOT NULL
)
SELECT coalesce(
    (SELECT seq FROM queuectl.unfinished WHERE state = 'processing' AND queue = ANY(%(queues)s::text[]) ORDER BY worker LIMIT 1),
    (SELECT first.seq FROM unnest(%(queues)s::text[]) AS served(queue), LATERAL (
        SELECT job.seq FROM queuectl.unfinished AS job
        WHERE job.ready AND job.queue = served.queue
        ORDER BY job.priority DESC, job.created_at, job.seq LIMIT 1
     ) AS first LIMIT 1),
    (SELECT seq FROM queuectl.unfinished WHERE state = 'failed' AND queue = ANY(%(queues)s::text[]) ORDER BY next_run_at, seq LIMIT 1),
    (SELECT seq FROM queuectl.unfinished
     WHERE NOT ready AND next_run_at IS NOT NULL AND held_by IS NULL
         AND next_run_at <= (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()))
         AND queue = ANY(%(queues)s::text[])
     ORDER BY next_run_at, seq
     LIMIT 1)
) IS NOT NULL OR EXISTS (
    SELECT FROM holders
    WHERE split_part(name, ':', 1) IN ('queue', 'key') AND (
        SELECT queues.name FROM queuectl.queues
        WHERE queues.name = substr(holders.name, 7) AND split_part(holders.name, ':', 1) = 'queue'
            AND paused_at IS NOT NULL
            AND (paused_until > coalesce(%(now)s::timestamptz, clock_timestamp())) IS NOT FALSE
    ) IS NULL AND EXISTS (
        SELECT FROM unnest(%(queues)s::text[]) AS served(queue)
        WHERE (
            SELECT job.seq FROM queuectl.unfinished AS job
            WHERE job.held_by = holders.name AND job.queue = served.queue
            ORDER BY job.priority DESC, job.created_at, job.seq LIMIT 1
        ) IS NOT NULL
    )
);

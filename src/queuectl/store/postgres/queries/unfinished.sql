-- Whether a job runs, is ready or due, or backs off, or is held, but not by a pause: as what is scheduled, that may last,
-- unless it is of a job that runs. Each is the first in the order of its index: an EXISTS has no order, and may look at
-- every row to find none. Indexes: jobs_processing, jobs_ready, jobs_failed, jobs_due, jobs_held.
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
    (SELECT seq FROM queuectl.unfinished WHERE state = 'processing' ORDER BY worker LIMIT 1),
    (SELECT seq FROM queuectl.unfinished WHERE ready ORDER BY priority DESC, created_at, seq LIMIT 1),
    (SELECT seq FROM queuectl.unfinished WHERE state = 'failed' AND paused_at IS NULL ORDER BY next_run_at, seq LIMIT 1),
    (SELECT seq FROM queuectl.unfinished
     WHERE NOT ready AND next_run_at IS NOT NULL AND held_by IS NULL
         AND next_run_at <= (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()))
     ORDER BY next_run_at, seq
     LIMIT 1)
) IS NOT NULL OR EXISTS (
    SELECT FROM holders
    WHERE split_part(name, ':', 1) IN ('queue', 'key') AND (
        SELECT queues.name FROM queuectl.queues
        WHERE queues.name = substr(holders.name, 7) AND split_part(holders.name, ':', 1) = 'queue'
            AND paused_at IS NOT NULL
            AND (paused_until > coalesce(%(now)s::timestamptz, clock_timestamp())) IS NOT FALSE
    ) IS NULL
);

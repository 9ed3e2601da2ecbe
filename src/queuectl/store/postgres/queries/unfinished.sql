-- Whether a job runs, is ready or due, or backs off. What is paused is not waited for, unless it runs. Each is the first
-- in the order of its index: an EXISTS has no order, and may look at every row to find none.
-- Indexes: jobs_processing, jobs_ready, jobs_failed, jobs_due.
SELECT coalesce(
    (SELECT seq FROM queuectl.unfinished WHERE state = 'processing' ORDER BY worker LIMIT 1),
    (SELECT seq FROM queuectl.unfinished WHERE ready ORDER BY priority DESC, created_at, seq LIMIT 1),
    (SELECT seq FROM queuectl.unfinished
     WHERE state = 'failed' AND paused_at IS NULL
     ORDER BY next_run_at, seq
     LIMIT 1),
    (SELECT seq FROM queuectl.unfinished
     WHERE NOT ready AND next_run_at IS NOT NULL AND held_by IS NULL
         AND next_run_at <= (SELECT coalesce(%(now)s::timestamptz, clock_timestamp()))
     ORDER BY next_run_at, seq
     LIMIT 1)
) IS NOT NULL;

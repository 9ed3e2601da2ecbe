-- As `best_ready`, of one queue: the job to run next; whether others that are due have to be promoted first; whether any
-- job is held; and whether something is set for the queue. (SELECT :queue): see `standing`.
-- Indexes: jobs_ready_queue, jobs_due.
SELECT
    job.*,
    EXISTS (
        SELECT 1 FROM jobs AS due
        WHERE due.ready = 0 AND due.next_run_at IS NOT NULL AND due.held_by IS NULL AND due.next_run_at <= :now
    ),
    EXISTS (SELECT 1 FROM openings),
    EXISTS (SELECT 1 FROM queues WHERE queues.name = job.queue)
FROM job WHERE ready = 1 AND job.queue = (SELECT :queue) ORDER BY priority DESC, created_at, seq LIMIT 1;

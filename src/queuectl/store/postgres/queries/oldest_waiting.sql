-- The ready job that was enqueued first: the first of each priority, walked from one priority to the next.
-- The state in the last step says in which partition the job is. Index: jobs_ready.
WITH RECURSIVE priorities (priority) AS (
    (SELECT priority FROM queuectl.unfinished WHERE ready ORDER BY priority DESC LIMIT 1)
    UNION ALL
    SELECT (
        SELECT job.priority FROM queuectl.unfinished AS job
        WHERE job.ready AND job.priority < priorities.priority
        ORDER BY job.priority DESC LIMIT 1
    )
    FROM priorities WHERE priorities.priority IS NOT NULL
)
SELECT job.* FROM queuectl.job WHERE state IN ('pending', 'failed') AND seq = (
    SELECT first.seq FROM priorities, LATERAL (
        SELECT seq, created_at FROM queuectl.unfinished AS job
        WHERE job.ready AND job.priority = priorities.priority
        ORDER BY created_at, seq LIMIT 1
    ) AS first
    ORDER BY first.created_at, first.seq
    LIMIT 1
);

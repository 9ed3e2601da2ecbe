-- The ready job that was enqueued first: the first of each priority, walked from one priority to the next.
-- Index: jobs_ready.
WITH RECURSIVE priorities (priority) AS (
    SELECT max(priority) FROM jobs WHERE ready = 1
    UNION ALL
    SELECT (SELECT max(jobs.priority) FROM jobs WHERE ready = 1 AND jobs.priority < priorities.priority)
    FROM priorities WHERE priorities.priority IS NOT NULL
)
SELECT job.* FROM job WHERE seq = (
    SELECT first.seq FROM priorities, jobs AS first
    WHERE first.seq = (
        SELECT seq FROM jobs WHERE ready = 1 AND jobs.priority = priorities.priority ORDER BY created_at, seq LIMIT 1
    )
    ORDER BY first.created_at, first.seq
    LIMIT 1
);

-- Let some jobs go that something holds, the best of each queue: nobody may serve one of them, and what is held in
-- another is not to wait for that. The queues are walked through from one to the next. Index: jobs_held.
UPDATE jobs SET ready = 1, held_by = NULL
WHERE seq IN (
    WITH RECURSIVE waiting (queue) AS (
        SELECT (SELECT queue FROM jobs WHERE held_by = (SELECT :holder) ORDER BY queue LIMIT 1)
        UNION ALL
        SELECT (
            SELECT jobs.queue FROM jobs
            WHERE held_by = (SELECT :holder) AND jobs.queue > waiting.queue
            ORDER BY jobs.queue LIMIT 1
        )
        FROM waiting WHERE waiting.queue IS NOT NULL
    )
    SELECT best.seq FROM waiting CROSS JOIN jobs AS best
    WHERE waiting.queue IS NOT NULL AND best.seq IN (
        SELECT seq FROM jobs
        WHERE held_by = (SELECT :holder) AND jobs.queue = waiting.queue
        ORDER BY priority DESC, created_at, seq
        LIMIT :limit
    )
);

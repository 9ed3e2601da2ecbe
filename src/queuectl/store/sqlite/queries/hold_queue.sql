-- Hold what may not start of a queue, and of all that are paused, among the jobs that would run next.
-- Index: jobs_ready.
UPDATE jobs SET ready = 0, held_by = 'queue:' || queue
WHERE seq IN (
    SELECT seq FROM (SELECT seq, queue FROM jobs WHERE ready = 1 ORDER BY priority DESC, created_at, seq LIMIT 1000) AS next
    WHERE next.queue = :queue OR EXISTS (
        SELECT 1 FROM queues
        WHERE queues.name = next.queue AND paused_at IS NOT NULL AND coalesce(paused_until > :now, 1)
    )
)
RETURNING queue;

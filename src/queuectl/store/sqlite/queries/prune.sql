-- Forget a batch of jobs of one final state, the oldest first. Index: jobs_finished.
DELETE FROM jobs
WHERE seq IN (
    SELECT seq FROM jobs
    WHERE state = :state AND finished_at IS NOT NULL AND finished_at < :before
    ORDER BY finished_at, seq
    LIMIT :limit
)
RETURNING seq, queue, state;

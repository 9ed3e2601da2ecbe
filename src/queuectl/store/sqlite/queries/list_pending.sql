-- What waits for its first run, in the order in which it will run: what is ready, among it what the next claim will
-- promote, then the rest in the order of the times, and what is held. Indexes: jobs_ready, jobs_scheduled, jobs_held.
SELECT seq FROM (
    SELECT seq, priority, created_at FROM (
        SELECT seq, priority, created_at FROM jobs
        WHERE ready = 1 AND state = 'pending'
        ORDER BY priority DESC, created_at, seq
        LIMIT :limit
    )
    UNION ALL
    SELECT seq, priority, created_at FROM (
        SELECT seq, priority, created_at FROM jobs
        WHERE ready = 0 AND state = 'pending' AND held_by IS NULL AND next_run_at <= :now
        ORDER BY next_run_at, seq
        LIMIT 1000
    )
    ORDER BY priority DESC, created_at, seq
)
UNION ALL
SELECT seq FROM (
    SELECT seq FROM jobs
    WHERE ready = 0 AND state = 'pending' AND held_by IS NULL
    ORDER BY next_run_at, seq
    LIMIT :limit
    OFFSET (
        SELECT count(*) FROM (
            SELECT 1 FROM jobs
            WHERE ready = 0 AND state = 'pending' AND held_by IS NULL AND next_run_at <= :now
            LIMIT 1000
        )
    )
)
UNION ALL
SELECT seq FROM (
    SELECT seq FROM jobs
    WHERE held_by IS NOT NULL AND state = 'pending'
    ORDER BY held_by, queue, priority DESC, created_at, seq
    LIMIT :limit
)
LIMIT :limit;

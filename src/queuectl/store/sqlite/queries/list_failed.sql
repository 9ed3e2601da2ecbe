-- What will be retried, in the order in which it will run: what may run now as claims take it, then the rest in the
-- order of the times. Index: jobs_failed.
SELECT seq FROM (
    SELECT seq FROM jobs
    WHERE state = 'failed' AND next_run_at <= :now
    ORDER BY priority DESC, created_at, seq
    LIMIT :limit
)
UNION ALL
SELECT seq FROM (
    SELECT seq FROM jobs
    WHERE state = 'failed' AND next_run_at > :now
    ORDER BY next_run_at, seq
    LIMIT :limit
)
LIMIT :limit;

-- Add all jobs that were put aside, in their order.
INSERT INTO jobs (
    id, state, ready, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
    created_at, next_run_at
)
SELECT
    id, :state, coalesce(run_at, :now + delay) <= :now, queue, priority, command, argv, max_retries, timeout, terms,
    cwd, env, secret_env, stdin, :now, coalesce(run_at, :now + delay)
FROM temp.incoming
ORDER BY rowid;

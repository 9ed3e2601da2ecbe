-- Add all jobs that were put aside, in their order.
INSERT INTO jobs (
    id, state, ready, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure, created_at, next_run_at
)
SELECT
    id, :state, coalesce(run_at, :now + delay) <= :now, queue, priority, command, argv, max_retries, timeout, terms,
    cwd, env, secret_env, stdin,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure, :now, coalesce(run_at, :now + delay)
FROM temp.incoming
ORDER BY rowid;

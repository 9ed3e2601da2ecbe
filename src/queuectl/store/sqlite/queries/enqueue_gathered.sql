-- Add all jobs that were put aside, in their order. Those that wait keep the time of the future for later; the end of
-- one that belongs to a batch concerns the batch.
INSERT INTO jobs (
    id, state, ready, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure, created_at, next_run_at, not_before, followed
)
SELECT
    id, iif(waits, :blocked, :state), NOT waits AND due <= :now, queue, priority, command, argv, max_retries, timeout,
    terms, cwd, env, secret_env, stdin,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure, :now, iif(waits, NULL, due), iif(waits AND due > :now, due, NULL),
    batch IS NOT NULL AND batch_role IS NULL
FROM (
    SELECT
        *, rowid AS number, coalesce(run_at, :now + delay) AS due, after IS NOT NULL OR batch_role IS NOT NULL AS waits
    FROM temp.incoming
)
ORDER BY number;

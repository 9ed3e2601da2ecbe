-- Add one job. The first columns as in `gather`. Called by `enqueue` for a single job.
INSERT INTO jobs (
    id, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure,
    next_run_at, created_at, ready, state
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
    coalesce(?13, ?26 + ?14), ?26, coalesce(?13, ?26 + ?14) <= ?26, ?27);

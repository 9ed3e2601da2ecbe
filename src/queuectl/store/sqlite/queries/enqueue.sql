-- Add one job. The first columns as in `gather`. Called by `enqueue` for a single job.
INSERT INTO jobs (
    id, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
    next_run_at, created_at, ready, state
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,
    coalesce(?13, ?15 + ?14), ?15, coalesce(?13, ?15 + ?14) <= ?15, ?16);

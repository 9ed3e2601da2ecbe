-- Add one job. The first columns as in `gather`. Called by `enqueue` for a single job.
INSERT INTO jobs (
    id, queue, priority, command, argv,
    max_retries, timeout, backoff_base, backoff_max, backoff_jitter, max_crashes,
    cwd, umask, caller_env, env, secret_env, stdin, next_run_at, created_at, ready, state
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
    coalesce(?18, ?19), ?19, coalesce(?18, ?19) <= ?19, ?20);

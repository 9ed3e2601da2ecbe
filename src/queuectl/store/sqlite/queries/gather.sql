-- Put one of many jobs aside, in the order in which they come.
INSERT INTO temp.incoming (
    id, queue, priority, command, argv,
    max_retries, timeout, backoff_base, backoff_max, backoff_jitter, max_crashes,
    cwd, umask, caller_env, env, secret_env, stdin, run_at
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- Put one of many jobs aside, in the order in which they come.
INSERT INTO temp.incoming (
    id, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin, run_at, delay,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure, after
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

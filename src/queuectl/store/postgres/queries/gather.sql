-- Copy many jobs into the private table: a statement for each would be a round trip for each.
COPY incoming (
    id, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin, run_at, delay,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure, after
) FROM STDIN;

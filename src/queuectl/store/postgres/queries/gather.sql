-- Copy many jobs into the private table: a statement for each would be a round trip for each.
COPY incoming (
    id, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin, run_at, delay
) FROM STDIN;

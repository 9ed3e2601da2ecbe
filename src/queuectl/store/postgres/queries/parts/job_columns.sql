seq, id, state, ready, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
    attempt, failures, crashes, interruptions,
    created_at, next_run_at, started_at, finished_at, duration,
    outcome, exit_code, signal, last_error, worker, cookie, cancel_requested_at,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure, not_before, held_by, paused_at, followed

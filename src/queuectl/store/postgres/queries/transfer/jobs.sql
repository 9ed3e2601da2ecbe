-- The jobs that follow one, in every column.
SELECT
    seq, id, state, ready::integer, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env,
    stdin, attempt, failures, crashes, interruptions,
    created_at, next_run_at, started_at, ended_at, finished_at, duration,
    outcome, exit_code, signal, last_error, worker, cookie, cancel_requested_at
FROM queuectl.jobs WHERE seq > %(after)s ORDER BY seq LIMIT %(limit)s;

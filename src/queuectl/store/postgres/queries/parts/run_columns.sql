seq, state, attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, last_error, log, log_end,
    key IS NOT NULL OR (SELECT name FROM queuectl.queues WHERE name = queue) IS NOT NULL AS limited

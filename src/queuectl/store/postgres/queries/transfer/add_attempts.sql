-- Add kept runs as they were in another store.
COPY queuectl.attempts (
    seq, attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, error, log, log_end
) FROM STDIN;

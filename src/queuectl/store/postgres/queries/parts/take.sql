-- Give `best` to a worker, unless it has to be decided whether it may start (`claim_limited`): `claimed` is the job then, with the state in which it `was`.
kept AS (
    INSERT INTO queuectl.attempts (
        seq, attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, error, log, log_end
    )
    SELECT seq, attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, last_error, log, log_end
    FROM best
    WHERE attempt > 0 AND NOT limited
), claimed AS (
    UPDATE queuectl.unfinished AS job
    SET state = %(claimed)s, ready = false, next_run_at = NULL, attempt = job.attempt + 1,
        started_at = coalesce(%(now)s::timestamptz, clock_timestamp()),
        ended_at = NULL, duration = NULL, outcome = NULL, exit_code = NULL, signal = NULL, log = NULL, log_end = NULL,
        worker = %(worker)s, cookie = %(cookie)s, cancel_requested_at = NULL
    FROM best WHERE job.seq = best.seq AND NOT best.limited
    RETURNING job.*, best.state AS was
)

-- Give a ready job to a worker.
UPDATE jobs
SET state = :state, ready = 0, next_run_at = NULL, attempt = attempt + 1,
    started_at = :now, ended_at = NULL, duration = NULL, outcome = NULL, exit_code = NULL, signal = NULL,
    worker = :worker, cookie = :cookie, cancel_requested_at = NULL
WHERE seq = :seq AND ready = 1;

-- Move a job on at the end of a run. Fenced by (seq, attempt), and by what was decided upon: the requests to cancel and to
-- pause, and whether others wait for its end.
UPDATE jobs
SET state = :state, ready = :ready, next_run_at = :next_run_at, finished_at = :finished_at,
    failures = :failures, crashes = :crashes, interruptions = :interruptions,
    ended_at = :now, duration = :duration, outcome = :outcome, exit_code = :exit_code, signal = :signal,
    last_error = :last_error, cookie = NULL, cancel_requested_at = NULL,
    held_by = :held_by, paused_at = CASE WHEN :held_by IS NOT NULL THEN paused_at END
WHERE seq = :seq AND attempt = :attempt AND state = 'processing'
    AND cancel_requested_at IS :cancel_requested_at AND paused_at IS :paused_at AND followed = :followed;

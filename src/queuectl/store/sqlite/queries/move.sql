-- Carry out a move that a user asked for. Fenced by (seq, attempt) and the state that the move starts from.
UPDATE jobs
SET state = :state, ready = :ready, next_run_at = :next_run_at, finished_at = :finished_at,
    failures = :failures, crashes = :crashes, interruptions = :interruptions,
    not_before = NULL, last_error = iif(attempt = 0, NULL, last_error),
    held_by = :held_by, paused_at = CASE WHEN :held_by IS NOT NULL THEN paused_at END
WHERE seq = :seq AND attempt = :attempt AND state = :from_state AND followed = :followed;

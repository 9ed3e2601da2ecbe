-- Let a paused job start when it is due, or go on. Fenced by (seq, attempt) and the state.
UPDATE jobs SET paused_at = NULL, held_by = NULL, ready = coalesce(next_run_at <= :now, 0)
WHERE seq = :seq AND attempt = :attempt AND state = :from_state AND paused_at IS NOT NULL;

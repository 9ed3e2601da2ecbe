-- Hold a waiting job, or ask for a running one to be stopped. Fenced by (seq, attempt) and the state.
UPDATE jobs SET paused_at = :now, ready = 0, held_by = :held_by
WHERE seq = :seq AND attempt = :attempt AND state = :from_state AND paused_at IS NULL;

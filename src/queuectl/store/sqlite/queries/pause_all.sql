-- As `pause`, of many jobs of one state.
UPDATE jobs SET paused_at = :now, ready = 0, held_by = :held_by
WHERE seq IN (SELECT value FROM json_each(:seqs)) AND state = :from_state
    AND paused_at IS NULL AND cancel_requested_at IS NULL
RETURNING seq;

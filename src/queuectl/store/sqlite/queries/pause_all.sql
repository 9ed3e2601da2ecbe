-- Hold waiting jobs of one state, or ask for running ones to be stopped, unless they are being cancelled.
UPDATE jobs SET paused_at = :now, ready = 0, held_by = :held_by
WHERE seq IN (SELECT value FROM json_each(:seqs)) AND state = :from_state
    AND paused_at IS NULL AND cancel_requested_at IS NULL
RETURNING seq;

-- As `resume`, of many jobs of one state.
UPDATE jobs SET paused_at = NULL, held_by = NULL, ready = coalesce(next_run_at <= :now, 0)
WHERE seq IN (SELECT value FROM json_each(:seqs)) AND state = :from_state AND paused_at IS NOT NULL
RETURNING seq;

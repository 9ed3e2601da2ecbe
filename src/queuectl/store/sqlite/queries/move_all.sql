-- Carry out a move that a user asked for of many jobs. Fenced by the state that it starts from; what concerns other jobs
-- is not done here.
UPDATE jobs
SET state = :state, ready = :ready AND held_by IS NULL, next_run_at = :next_run_at, finished_at = :finished_at,
    failures = CASE WHEN :anew THEN 0 ELSE failures END,
    crashes = CASE WHEN :anew THEN 0 ELSE crashes END,
    interruptions = CASE WHEN :anew THEN 0 ELSE interruptions END,
    not_before = NULL, last_error = iif(attempt = 0, NULL, last_error),
    held_by = iif(:finished_at IS NULL, held_by, NULL), paused_at = iif(:finished_at IS NULL, paused_at, NULL)
WHERE seq IN (SELECT value FROM json_each(:seqs)) AND state = :from_state AND followed = 0
RETURNING seq, queue;

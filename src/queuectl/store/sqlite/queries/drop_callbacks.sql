-- Give up jobs that wait for a batch, which has ended otherwise. Index: jobs_batch.
UPDATE jobs
SET state = :state, finished_at = :now, not_before = NULL, held_by = NULL, paused_at = NULL, last_error = 'batch ' || batch || ' has ended otherwise'
WHERE batch = :batch AND batch_role IN (SELECT value FROM json_each(:roles)) AND state = 'blocked'
RETURNING seq, queue, followed, batch, batch_role;

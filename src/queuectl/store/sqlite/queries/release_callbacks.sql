-- Let jobs run that wait for a batch. Index: jobs_batch.
UPDATE jobs
SET state = :state, ready = held_by IS NULL AND coalesce(not_before, :now) <= :now,
    next_run_at = coalesce(not_before, :now), not_before = NULL
WHERE batch = :batch AND batch_role IN (SELECT value FROM json_each(:roles)) AND state = 'blocked'
RETURNING seq, queue, followed, batch, batch_role;

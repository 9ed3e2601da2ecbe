-- Let the children of parents that have ended run, where nothing else is waited for. Index: dependencies_by_parent.
UPDATE jobs
SET state = :state, ready = held_by IS NULL AND coalesce(not_before, :now) <= :now,
    next_run_at = coalesce(not_before, :now), not_before = NULL
WHERE state = 'blocked'
    AND seq IN (SELECT child FROM dependencies WHERE parent IN (SELECT value FROM json_each(:parents)))
    AND NOT EXISTS (
        SELECT 1 FROM dependencies
        WHERE child = jobs.seq AND (met = 0 OR (met = 2 AND jobs.on_parent_failure <> 'run'))
    )
RETURNING seq, queue, followed, batch, batch_role;

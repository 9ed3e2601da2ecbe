-- Let the children wait again that were given up because of parents that run again now: no others have been cancelled
-- with a reason, and without ever having run. Index: dependencies_by_parent.
UPDATE jobs
SET state = :state, finished_at = NULL, last_error = NULL
WHERE state = 'cancelled' AND attempt = 0 AND last_error IS NOT NULL
    AND seq IN (SELECT child FROM dependencies WHERE parent IN (SELECT value FROM json_each(:parents)))
    AND NOT EXISTS (SELECT 1 FROM dependencies WHERE child = jobs.seq AND met = 2)
RETURNING seq, queue, followed, batch, batch_role;

-- Let the children wait again that were given up because of parents that run again now: no others have been cancelled
-- with a reason, and without ever having run. Index: dependencies_by_parent.
WITH moved AS (
    UPDATE queuectl.jobs AS job
    SET state = %(state)s, finished_at = NULL, last_error = NULL
    WHERE state = 'cancelled' AND attempt = 0 AND last_error IS NOT NULL
        AND seq = ANY(ARRAY(
            SELECT child FROM queuectl.dependencies WHERE parent = ANY(%(parents)s::bigint[])
        ))
        AND NOT EXISTS (SELECT FROM queuectl.dependencies WHERE child = job.seq AND met = 2)
    RETURNING seq, queue, followed, batch, batch_role
), {count_moved};

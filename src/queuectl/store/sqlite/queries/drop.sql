-- Give up the children of parents that have ended otherwise than these wait for. Index: dependencies_by_parent.
UPDATE jobs
SET state = :state, finished_at = :now, not_before = NULL, held_by = NULL, paused_at = NULL, last_error = (
    SELECT 'it waited for job ' || parent_id || ', which is ' || parent.state
    FROM dependencies JOIN jobs AS parent ON parent.seq = dependencies.parent
    WHERE dependencies.child = jobs.seq AND met = 2
    ORDER BY dependencies.parent
    LIMIT 1
)
WHERE state = 'blocked' AND on_parent_failure = 'cancel'
    AND seq IN (SELECT child FROM dependencies WHERE met = 2 AND parent IN (SELECT value FROM json_each(:parents)))
RETURNING seq, queue, followed, batch, batch_role;

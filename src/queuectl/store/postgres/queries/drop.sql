-- Give up the children of parents that have ended otherwise than these wait for. Index: dependencies_by_parent.
WITH clock AS MATERIALIZED (
    SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now
), moved AS (
    UPDATE queuectl.jobs AS job
    SET state = %(state)s, finished_at = (SELECT now FROM clock), not_before = NULL, held_by = NULL, paused_at = NULL, last_error = (
        SELECT 'it waited for job ' || parent_id || ', which is ' || parent.state
        FROM queuectl.dependencies JOIN queuectl.jobs AS parent ON parent.seq = dependencies.parent
        WHERE dependencies.child = job.seq AND met = 2
        ORDER BY dependencies.parent
        LIMIT 1
    )
    WHERE state = 'blocked' AND on_parent_failure = 'cancel'
        AND seq = ANY(ARRAY(
            SELECT child FROM queuectl.dependencies WHERE met = 2 AND parent = ANY(%(parents)s::bigint[])
        ))
    RETURNING seq, queue, followed, batch, batch_role
), {count_moved};

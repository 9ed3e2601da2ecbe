-- Let the children of parents that have ended run, where nothing else is waited for. Index: dependencies_by_parent.
WITH clock AS MATERIALIZED (
    SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now
), moved AS (
    UPDATE queuectl.unfinished AS job
    SET state = %(state)s,
        ready = held_by IS NULL AND coalesce(not_before <= (SELECT now FROM clock), true),
        next_run_at = coalesce(not_before, (SELECT now FROM clock)),
        not_before = NULL
    WHERE state = 'blocked'
        AND seq = ANY(ARRAY(
            SELECT child FROM queuectl.dependencies WHERE parent = ANY(%(parents)s::bigint[])
        ))
        AND NOT EXISTS (
            SELECT FROM queuectl.dependencies
            WHERE child = job.seq AND (met = 0 OR (met = 2 AND job.on_parent_failure <> 'run'))
        )
    RETURNING seq, queue, followed, batch, batch_role
), {count_moved};

-- Let jobs run that wait for a batch. Index: jobs_batch.
WITH clock AS MATERIALIZED (
    SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now
), moved AS (
    UPDATE queuectl.unfinished
    SET state = %(state)s,
        ready = held_by IS NULL AND coalesce(not_before <= (SELECT now FROM clock), true),
        next_run_at = coalesce(not_before, (SELECT now FROM clock)),
        not_before = NULL
    WHERE batch = %(batch)s AND batch_role = ANY(ARRAY(SELECT jsonb_array_elements_text(%(roles)s::jsonb)))
        AND state = 'blocked'
    RETURNING seq, queue, followed, batch, batch_role
), {count_moved};

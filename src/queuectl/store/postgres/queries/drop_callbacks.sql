-- Give up jobs that wait for a batch, which has ended otherwise. Index: jobs_batch.
WITH clock AS MATERIALIZED (
    SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now
), moved AS (
    UPDATE queuectl.jobs
    SET state = %(state)s, finished_at = (SELECT now FROM clock), not_before = NULL, held_by = NULL, paused_at = NULL,
        last_error = 'batch ' || batch || ' has ended otherwise'
    WHERE batch = %(batch)s AND batch_role = ANY(ARRAY(SELECT jsonb_array_elements_text(%(roles)s::jsonb)))
        AND state = 'blocked'
    RETURNING seq, queue, followed, batch, batch_role
), {count_moved};

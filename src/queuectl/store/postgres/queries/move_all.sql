-- Carry out a move that a user asked for of many jobs, and count it. Fenced by the state that it starts from; what
-- concerns other jobs is not done here.
WITH moved AS (
    UPDATE queuectl.jobs
    SET state = %(state)s, ready = %(ready)s AND held_by IS NULL,
        next_run_at = coalesce(%(now)s::timestamptz, clock_timestamp())
            + %(delay)s::double precision * interval '1 second',
        finished_at = CASE WHEN %(finished)s THEN coalesce(%(now)s::timestamptz, clock_timestamp()) END,
        failures = CASE WHEN %(anew)s THEN 0 ELSE failures END,
        crashes = CASE WHEN %(anew)s THEN 0 ELSE crashes END,
        interruptions = CASE WHEN %(anew)s THEN 0 ELSE interruptions END,
        not_before = NULL, last_error = CASE WHEN attempt > 0 THEN last_error END,
        held_by = CASE WHEN NOT %(finished)s THEN held_by END,
        paused_at = CASE WHEN NOT %(finished)s THEN paused_at END
    WHERE seq = ANY(%(seqs)s::bigint[]) AND state = %(from_state)s AND NOT followed
    RETURNING seq, queue, state
), counted AS (
    INSERT INTO queuectl.count_changes (queue, state, n)
    SELECT queue, %(from_state)s, -count(*) FROM moved GROUP BY queue
    UNION ALL
    SELECT queue, state, count(*) FROM moved GROUP BY queue, state
)
SELECT seq FROM moved;

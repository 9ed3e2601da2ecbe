-- Carry out a move that a user asked for, and count it. The answer is whether others may start now. Fenced by (seq,
-- attempt), the state that it starts from, and whether others wait for its end or the job is paused.
WITH done AS (
    UPDATE queuectl.jobs
    SET state = %(state)s, ready = %(ready)s,
        next_run_at = coalesce(%(now)s::timestamptz, clock_timestamp())
            + %(delay)s::double precision * interval '1 second',
        finished_at = CASE WHEN %(finished)s THEN coalesce(%(now)s::timestamptz, clock_timestamp()) END,
        failures = %(failures)s, crashes = %(crashes)s, interruptions = %(interruptions)s,
        not_before = NULL, last_error = CASE WHEN attempt > 0 THEN last_error END,
        held_by = %(held_by)s::text, paused_at = CASE WHEN %(held_by)s::text IS NOT NULL THEN paused_at END
    WHERE seq = %(seq)s AND attempt = %(attempt)s AND state = %(from_state)s AND followed = %(followed)s
        AND paused_at IS NOT DISTINCT FROM %(paused_at)s::timestamptz
    RETURNING queue, key, state
), {opened}, counted AS (
    INSERT INTO queuectl.count_changes (queue, state, n)
    SELECT queue, %(from_state)s, -1 FROM done UNION ALL SELECT queue, state, 1 FROM done
)
SELECT EXISTS (SELECT FROM opened) FROM done;

-- Move a job on at the end of a run: `done` is what it is then, or nothing when the fence holds it off. Fenced by (seq,
-- attempt), and by what was decided upon: the requests to cancel and to pause, and whether others wait for its end. A
-- change of state moves the row to where it belongs.
clock AS MATERIALIZED (
    SELECT coalesce(%(now)s::timestamptz, clock_timestamp()) AS now
), done AS (
    UPDATE queuectl.jobs
    SET state = %(state)s, ready = %(ready)s,
        next_run_at = (SELECT now FROM clock) + %(delay)s::double precision * interval '1 second',
        finished_at = CASE WHEN %(finished)s THEN (SELECT now FROM clock) END,
        failures = %(failures)s, crashes = %(crashes)s, interruptions = %(interruptions)s,
        ended_at = (SELECT now FROM clock),
        duration = coalesce(
            %(duration)s::bigint,
            greatest(0, round(extract(epoch FROM (SELECT now FROM clock) - started_at) * 1000000)::bigint)
        ),
        outcome = %(outcome)s, exit_code = %(exit_code)s::integer, signal = %(signal)s::integer,
        last_error = %(last_error)s::text, log = %(log)s::bytea, log_end = %(log_end)s::bigint,
        cookie = NULL, cancel_requested_at = NULL,
        held_by = %(held_by)s::text, paused_at = CASE WHEN %(held_by)s::text IS NOT NULL THEN paused_at END
    WHERE seq = %(seq)s AND attempt = %(attempt)s AND state = 'processing'
        AND cancel_requested_at IS NOT DISTINCT FROM %(cancel_requested_at)s::timestamptz
        AND paused_at IS NOT DISTINCT FROM %(paused_at)s::timestamptz AND followed = %(followed)s
    RETURNING queue, key, state, next_run_at, finished_at, duration
), timed AS (
    INSERT INTO queuectl.runs (minute, queue, ending, bucket, duration)
    SELECT
        floor(extract(epoch FROM now) / 60), queue, %(ending)s::text,
        -- The bucket of queuectl/histogram.py: ceil(log of the duration to the base (1 + 0.05) / (1 - 0.05)).
        CASE WHEN duration <= 1 THEN 0 ELSE ceil(ln(duration::double precision) / ln(1.05 / 0.95::double precision)) END,
        duration
    FROM done, clock
    WHERE %(ending)s::text IS NOT NULL
), {opened}

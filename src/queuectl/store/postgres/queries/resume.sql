-- Let a paused job start when it is due, or go on. Fenced by (seq, attempt) and the state.
UPDATE queuectl.unfinished
SET paused_at = NULL, held_by = NULL,
    ready = coalesce(next_run_at <= coalesce(%(now)s::timestamptz, clock_timestamp()), false)
WHERE seq = %(seq)s AND attempt = %(attempt)s AND state = %(from_state)s AND paused_at IS NOT NULL;

-- Hold a waiting job, or ask for a running one to be stopped, unless it is being cancelled. Fenced by (seq, attempt) and
-- the state. (SQLite has looked at all that under its write lock.)
UPDATE queuectl.unfinished
SET paused_at = coalesce(%(now)s::timestamptz, clock_timestamp()), ready = false, held_by = %(held_by)s::text
WHERE seq = %(seq)s AND attempt = %(attempt)s AND state = %(from_state)s
    AND paused_at IS NULL AND cancel_requested_at IS NULL;

-- Hold waiting jobs of one state, or ask for running ones to be stopped, unless they are being cancelled.
UPDATE queuectl.unfinished
SET paused_at = coalesce(%(now)s::timestamptz, clock_timestamp()), ready = false, held_by = %(held_by)s::text
WHERE seq = ANY(%(seqs)s::bigint[]) AND state = %(from_state)s AND paused_at IS NULL AND cancel_requested_at IS NULL
RETURNING seq;

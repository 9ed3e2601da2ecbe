-- As `resume`, of many jobs of one state.
UPDATE queuectl.unfinished
SET paused_at = NULL, held_by = NULL,
    ready = coalesce(next_run_at <= coalesce(%(now)s::timestamptz, clock_timestamp()), false)
WHERE seq = ANY(%(seqs)s::bigint[]) AND state = %(from_state)s AND paused_at IS NOT NULL
RETURNING seq;

-- Ask for the end of a run; the first time counts. Fenced by (seq, attempt).
UPDATE queuectl.unfinished
SET cancel_requested_at = coalesce(cancel_requested_at, %(now)s::timestamptz, clock_timestamp())
WHERE seq = %(seq)s AND attempt = %(attempt)s AND state = 'processing';

-- Whether a run is still its worker's, and since when it is asked to end.
SELECT cancel_requested_at FROM queuectl.unfinished
WHERE seq = %(seq)s AND attempt = %(attempt)s AND state = 'processing';

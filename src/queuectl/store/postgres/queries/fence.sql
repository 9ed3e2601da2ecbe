-- Whether a run is still its worker's, since when it is asked to end, and whether that concerns others.
SELECT cancel_requested_at, followed FROM queuectl.unfinished
WHERE seq = %(seq)s AND attempt = %(attempt)s AND state = 'processing';

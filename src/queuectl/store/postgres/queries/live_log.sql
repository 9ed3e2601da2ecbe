-- The parts of a log that were sent and end after a place in its output.
SELECT log_end, log FROM queuectl.live_logs
WHERE seq = %(seq)s AND attempt = %(attempt)s AND log_end > %(after)s;

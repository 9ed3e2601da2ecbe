-- The end of a log as it is kept with its run, if it ends after a place in the output.
SELECT log_end, log FROM queuectl.attempts WHERE seq = %(seq)s AND attempt = %(attempt)s AND log_end > %(after)s
UNION ALL
SELECT log_end, log FROM queuectl.jobs WHERE seq = %(seq)s AND attempt = %(attempt)s AND log_end > %(after)s;

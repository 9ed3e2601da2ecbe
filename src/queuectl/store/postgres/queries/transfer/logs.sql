-- The ends of logs that are kept with their runs, from one run on.
SELECT seq, attempt, log_end, log FROM (
    (SELECT seq, attempt, log_end, log FROM queuectl.attempts
     WHERE (seq, attempt) >= (%(seq)s, %(attempt)s) AND log IS NOT NULL
     ORDER BY seq, attempt
     LIMIT %(limit)s)
    UNION ALL
    (SELECT seq, attempt, log_end, log FROM queuectl.jobs
     WHERE seq >= %(seq)s AND (seq > %(seq)s OR attempt >= %(attempt)s) AND log IS NOT NULL
     ORDER BY seq
     LIMIT %(limit)s)
) AS kept
ORDER BY seq, attempt
LIMIT %(limit)s;

-- The kept runs of the jobs between two.
SELECT seq, attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, error
FROM queuectl.attempts WHERE seq > %(after)s AND seq <= %(last)s ORDER BY seq, attempt;

-- The finished runs of a job: those that were kept, and the last one.
SELECT attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, error
FROM queuectl.attempts WHERE seq = %(seq)s
UNION ALL
SELECT attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, last_error
FROM queuectl.jobs WHERE seq = %(seq)s AND ended_at IS NOT NULL
ORDER BY attempt;

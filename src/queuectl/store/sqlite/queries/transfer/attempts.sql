-- The kept runs of the jobs between two.
SELECT seq, attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, error
FROM attempts WHERE seq > :after AND seq <= :last ORDER BY seq, attempt;

-- Keep the last run of a job that is about to run again.
INSERT INTO attempts (seq, attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, error)
SELECT seq, attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, last_error
FROM jobs WHERE seq = :seq;

-- Add a kept run as it was in another store.
INSERT INTO attempts (seq, attempt, worker, started_at, ended_at, duration, outcome, exit_code, signal, error)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

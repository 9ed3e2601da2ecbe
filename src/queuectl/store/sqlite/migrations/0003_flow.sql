-- Which job runs when, and beside which (queuectl.job.Flow), and what keeps one from running. Tags are JSON.

ALTER TABLE jobs ADD COLUMN tags TEXT;
ALTER TABLE jobs ADD COLUMN key TEXT;
ALTER TABLE jobs ADD COLUMN key_limit INTEGER CHECK ((key_limit IS NULL) = (key IS NULL));
ALTER TABLE jobs ADD COLUMN batch TEXT;
ALTER TABLE jobs ADD COLUMN batch_role TEXT;
ALTER TABLE jobs ADD COLUMN array_index INTEGER;
ALTER TABLE jobs ADD COLUMN unique_key TEXT;
ALTER TABLE jobs ADD COLUMN schedule TEXT;
ALTER TABLE jobs ADD COLUMN tick INTEGER;
ALTER TABLE jobs ADD COLUMN on_parent_failure TEXT;
ALTER TABLE jobs ADD COLUMN not_before INTEGER;
ALTER TABLE jobs ADD COLUMN held_by TEXT;
ALTER TABLE jobs ADD COLUMN paused_at INTEGER;
ALTER TABLE jobs ADD COLUMN followed INTEGER NOT NULL DEFAULT 0 CHECK (followed IN (0, 1));

DROP VIEW job;
CREATE VIEW job AS
SELECT
    seq, id, state, ready, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
    attempt, failures, crashes, interruptions,
    created_at, next_run_at, started_at, finished_at, duration,
    outcome, exit_code, signal, last_error, worker, cookie, cancel_requested_at,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure, not_before, held_by, paused_at, followed
FROM jobs;

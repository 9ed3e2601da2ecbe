-- Which job runs when, and beside which (queuectl.job.Flow), and what keeps one from running. Tags are JSON.

ALTER TABLE queuectl.jobs
    ADD COLUMN tags text,
    ADD COLUMN key text COLLATE "C",
    ADD COLUMN key_limit integer CHECK ((key_limit IS NULL) = (key IS NULL)),
    ADD COLUMN batch text COLLATE "C",
    ADD COLUMN batch_role text COLLATE "C",
    ADD COLUMN array_index integer,
    ADD COLUMN unique_key text COLLATE "C",
    ADD COLUMN schedule text COLLATE "C",
    ADD COLUMN tick timestamptz,
    ADD COLUMN on_parent_failure text COLLATE "C",
    ADD COLUMN not_before timestamptz,
    ADD COLUMN held_by text COLLATE "C",
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN followed boolean NOT NULL DEFAULT false;

CREATE OR REPLACE VIEW queuectl.job AS
SELECT
    seq, id, state, ready, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
    attempt, failures, crashes, interruptions,
    created_at, next_run_at, started_at, finished_at, duration,
    outcome, exit_code, signal, last_error, worker, cookie, cancel_requested_at,
    tags, key, key_limit, batch, batch_role, array_index, unique_key,
    schedule, tick, on_parent_failure, not_before, held_by, paused_at, followed
FROM queuectl.jobs;

-- Make the index of claims from one queue when the first worker is there that serves some only: each enqueue and claim
-- of any job writes to it, which is 5 % of what they take. Called by `register`.
CREATE INDEX IF NOT EXISTS jobs_ready_queue ON jobs (queue, priority DESC, created_at, seq) WHERE ready = 1;

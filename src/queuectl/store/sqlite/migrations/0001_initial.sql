-- The first schema. Instants are microseconds since 1970 in UTC, durations microseconds. Words
-- (argv, environments as NAME=value) are bytes, a NUL after each, as the kernel has them.

-- What jobs have in common that one caller enqueued under one configuration, stored once. Rows never change or go.
CREATE TABLE terms (
    number INTEGER PRIMARY KEY,
    backoff_base REAL NOT NULL,
    backoff_max REAL NOT NULL,
    backoff_jitter REAL NOT NULL,
    max_crashes INTEGER NOT NULL,
    umask INTEGER NOT NULL,
    caller_env BLOB NOT NULL,
    UNIQUE (caller_env, umask, backoff_base, backoff_max, backoff_jitter, max_crashes)
) STRICT;

CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (
        state IN ('pending', 'blocked', 'processing', 'completed', 'failed', 'dead', 'cancelled')
    ),
    ready INTEGER NOT NULL CHECK (ready IN (0, 1)),
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL,
    command TEXT,
    argv BLOB,
    max_retries INTEGER NOT NULL,
    timeout REAL,
    terms INTEGER NOT NULL REFERENCES terms (number),
    cwd TEXT NOT NULL,
    env BLOB NOT NULL,
    secret_env BLOB NOT NULL,
    stdin TEXT,
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    interruptions INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    next_run_at INTEGER,
    started_at INTEGER,
    ended_at INTEGER,
    finished_at INTEGER,
    duration INTEGER,
    outcome TEXT,
    exit_code INTEGER,
    signal INTEGER,
    last_error TEXT,
    worker TEXT,
    cookie TEXT,
    cancel_requested_at INTEGER,
    CHECK ((command IS NULL) <> (argv IS NULL)),
    CHECK ((state = 'processing') = (cookie IS NOT NULL)),
    CHECK ((attempt = 0) = (worker IS NULL)),
    CHECK ((state IN ('completed', 'dead', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK ((state IN ('pending', 'failed')) = (next_run_at IS NOT NULL)),
    CHECK (ready = 0 OR state IN ('pending', 'failed'))
) STRICT;

-- The claim: only rows that may run now, in the order in which they run.
CREATE INDEX jobs_ready ON jobs (priority DESC, created_at, seq) WHERE ready = 1;
-- Promotion, and the time of the next one.
CREATE INDEX jobs_due ON jobs (next_run_at, seq) WHERE ready = 0 AND next_run_at IS NOT NULL;
-- The lists of what waits for its first run; written only for jobs of the future.
CREATE INDEX jobs_scheduled ON jobs (next_run_at, seq) WHERE ready = 0 AND state = 'pending';
-- Rescue, drain, and the list of what runs.
CREATE INDEX jobs_processing ON jobs (seq) WHERE state = 'processing';
-- The list of failed jobs, with what those that are due are sorted by; written only when a job fails.
CREATE INDEX jobs_failed ON jobs (next_run_at, seq, priority, created_at) WHERE state = 'failed';
-- The last failures; written only when a job fails.
CREATE INDEX jobs_failures ON jobs (ended_at, seq) WHERE state IN ('failed', 'dead');
-- The list of blocked jobs.
CREATE INDEX jobs_blocked ON jobs (seq) WHERE state = 'blocked';
-- Pruning by age, and the lists of finished jobs, last first.
CREATE INDEX jobs_finished ON jobs (state, finished_at, seq) WHERE finished_at IS NOT NULL;

-- The columns of `queuectl.job.Job`, in its order; `terms` stands for those that are in that table.
CREATE VIEW job AS
SELECT
    seq, id, state, ready, queue, priority, command, argv, max_retries, timeout, terms, cwd, env, secret_env, stdin,
    attempt, failures, crashes, interruptions,
    created_at, next_run_at, started_at, finished_at, duration,
    outcome, exit_code, signal, last_error, worker, cookie, cancel_requested_at
FROM jobs;

-- Runs before the last one, which is in the job's row: a job that runs once never writes here.
CREATE TABLE attempts (
    seq INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    worker TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    exit_code INTEGER,
    signal INTEGER,
    error TEXT,
    PRIMARY KEY (seq, attempt)
) STRICT, WITHOUT ROWID;

-- Exact counts, written in the transaction of every change.
CREATE TABLE counts (
    queue TEXT NOT NULL,
    state TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (queue, state)
) STRICT, WITHOUT ROWID;

-- How long runs took: per minute, queue and ending a logarithmic histogram (queuectl/histogram.py). Once they are some
-- hours old, the minutes of an hour are summed up in its first one.
CREATE TABLE durations (
    minute INTEGER NOT NULL,
    queue TEXT NOT NULL,
    ending TEXT NOT NULL CHECK (ending IN ('completed', 'failed')),
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    total INTEGER NOT NULL,
    shortest INTEGER NOT NULL,
    longest INTEGER NOT NULL,
    PRIMARY KEY (minute, queue, ending, bucket)
) STRICT, WITHOUT ROWID;

-- What is still kept by the minute.
CREATE INDEX durations_by_minute ON durations (minute) WHERE minute % 60 <> 0;

CREATE TABLE workers (
    id TEXT PRIMARY KEY,
    pid INTEGER NOT NULL,
    started INTEGER NOT NULL,
    boot TEXT NOT NULL,
    home TEXT NOT NULL,
    version TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    stopping_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE config (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A commit that changes nothing syncs nothing: a flush counts here.
CREATE TABLE flushes (n INTEGER NOT NULL) STRICT;
INSERT INTO flushes (n) VALUES (0);

-- What holds for a queue over all workers, and the jobs that it, or their key, lets not start (docs/decisions/0022).

CREATE TABLE queues (
    name TEXT PRIMARY KEY,
    concurrency INTEGER CHECK (concurrency > 0),
    rate INTEGER CHECK (rate > 0),
    rate_period INTEGER CHECK ((rate_period IS NULL) = (rate IS NULL)),
    paused_at INTEGER,
    paused_by TEXT CHECK ((paused_by IS NULL) = (paused_at IS NULL)),
    paused_reason TEXT,
    paused_until INTEGER
) STRICT, WITHOUT ROWID;

-- The last starts of the queues that have a rate, so many as the rate allows within its period.
CREATE TABLE starts (
    queue TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (queue, number)
) STRICT, WITHOUT ROWID;

-- When the next claim is to look at jobs that are held (`jobs.held_by`); without a time: when something ends or changes.
-- There is a row for whatever holds jobs.
CREATE TABLE openings (
    holder TEXT PRIMARY KEY,
    at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX openings_at ON openings (at) WHERE at IS NOT NULL;

-- The queues that a worker serves, as they were named; none: all.
ALTER TABLE workers ADD COLUMN queues TEXT;

-- What is held, the best of each queue first.
DROP INDEX jobs_held;
CREATE INDEX jobs_held ON jobs (held_by, queue, priority DESC, created_at, seq) WHERE held_by IS NOT NULL;
-- What runs of a queue and, all of it looked through, of a key; also rescue, drain, and the list of what runs: a row per
-- worker. An index by key alone would cost more at each claim and finish than it saves.
DROP INDEX jobs_processing;
CREATE INDEX jobs_processing ON jobs (queue, key) WHERE state = 'processing';

-- What users ask of running jobs, and jobs that are held: due, perhaps, but not to be promoted.

-- What is asked of a run any number of times, until its worker has carried it out. The numbers never come again: the
-- worker remembers those that it has yet to strike off.
CREATE TABLE requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    seq INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('signal', 'cancel')),
    value REAL NOT NULL,
    asked_at INTEGER NOT NULL
) STRICT;
CREATE INDEX requests_of_run ON requests (seq, attempt);

DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (next_run_at, seq) WHERE ready = 0 AND next_run_at IS NOT NULL AND held_by IS NULL;
DROP INDEX jobs_scheduled;
CREATE INDEX jobs_scheduled ON jobs (next_run_at, seq) WHERE ready = 0 AND state = 'pending' AND held_by IS NULL;
-- What is held, by what holds it; written only then.
CREATE INDEX jobs_held ON jobs (held_by, priority DESC, created_at, seq) WHERE held_by IS NOT NULL;

-- What users ask of running jobs, and jobs that are held: due, perhaps, but not to be promoted.

-- What is asked of a run any number of times, until its worker has carried it out.
CREATE TABLE queuectl.requests (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seq bigint NOT NULL,
    attempt integer NOT NULL,
    what text COLLATE "C" NOT NULL CHECK (what IN ('signal', 'cancel')),
    value double precision NOT NULL,
    asked_at timestamptz NOT NULL
);
CREATE INDEX requests_of_run ON queuectl.requests (seq, attempt);

DROP INDEX queuectl.jobs_due;
CREATE INDEX jobs_due ON queuectl.unfinished (next_run_at, seq)
    WHERE NOT ready AND next_run_at IS NOT NULL AND held_by IS NULL;
DROP INDEX queuectl.jobs_scheduled;
CREATE INDEX jobs_scheduled ON queuectl.unfinished (next_run_at, seq)
    WHERE NOT ready AND state = 'pending' AND held_by IS NULL;
-- What is held, by what holds it; written only then.
CREATE INDEX jobs_held ON queuectl.unfinished (held_by, priority DESC, created_at, seq) WHERE held_by IS NOT NULL;

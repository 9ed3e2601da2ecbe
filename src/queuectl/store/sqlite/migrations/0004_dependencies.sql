-- What waits for what. `met`: 0 while the parent has not ended, 1 when it ended as the child waits for, 2 otherwise.

CREATE TABLE dependencies (
    child INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    parent INTEGER NOT NULL,
    parent_id TEXT NOT NULL,
    condition TEXT NOT NULL CHECK (condition IN ('ok', 'fail', 'any')),
    met INTEGER NOT NULL DEFAULT 0 CHECK (met IN (0, 1, 2)),
    PRIMARY KEY (child, parent)
) STRICT, WITHOUT ROWID;

-- The children of a parent that has ended.
CREATE INDEX dependencies_by_parent ON dependencies (parent);
-- The jobs of a batch, and what waits for it.
CREATE INDEX jobs_batch ON jobs (batch, batch_role, state) WHERE batch IS NOT NULL;

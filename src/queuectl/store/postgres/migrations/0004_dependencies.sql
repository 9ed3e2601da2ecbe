-- What waits for what. `met`: 0 while the parent has not ended, 1 when it ended as the child waits for, 2 otherwise.

CREATE TABLE queuectl.dependencies (
    child bigint NOT NULL,
    parent bigint NOT NULL,
    parent_id text NOT NULL,
    condition text NOT NULL CHECK (condition IN ('ok', 'fail', 'any')),
    met integer NOT NULL DEFAULT 0 CHECK (met IN (0, 1, 2)),
    PRIMARY KEY (child, parent)
);

-- The children of a parent that has ended.
CREATE INDEX dependencies_by_parent ON queuectl.dependencies (parent);
-- The jobs of a batch, and what waits for it.
CREATE INDEX jobs_batch ON queuectl.jobs (batch, batch_role, state) WHERE batch IS NOT NULL;

-- Commands that become jobs at times (queuectl.schedule.record.Schedule), and what became of the last ticks of each.

CREATE TABLE queuectl.schedules (
    name text COLLATE "C" PRIMARY KEY,
    times text NOT NULL,
    zone text NOT NULL,
    job text NOT NULL,
    overlap text NOT NULL CHECK (overlap IN ('skip', 'queue', 'replace')),
    catch_up text NOT NULL CHECK (catch_up IN ('none', 'one', 'all')),
    within double precision,
    splay double precision NOT NULL,
    umask integer NOT NULL,
    caller_env bytea NOT NULL,
    created_at timestamptz NOT NULL,
    next_tick timestamptz,
    paused_at timestamptz,
    last_seq bigint
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- Which tick, and when the next one of all.
CREATE INDEX schedules_next ON queuectl.schedules (next_tick) WHERE paused_at IS NULL AND next_tick IS NOT NULL;

-- A tick is one row, so that it makes one job at most.
CREATE TABLE queuectl.ticks (
    schedule text COLLATE "C" NOT NULL REFERENCES queuectl.schedules (name) ON DELETE CASCADE,
    tick timestamptz NOT NULL,
    outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('made', 'skipped', 'missed', 'refused')),
    seq bigint,
    id text COLLATE "C",
    PRIMARY KEY (schedule, tick)
);

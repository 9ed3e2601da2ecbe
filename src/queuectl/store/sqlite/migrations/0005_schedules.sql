-- Commands that become jobs at times (queuectl.schedule.record.Schedule), and what became of the last ticks of each.

CREATE TABLE schedules (
    name TEXT PRIMARY KEY,
    times TEXT NOT NULL,
    zone TEXT NOT NULL,
    job TEXT NOT NULL,
    overlap TEXT NOT NULL CHECK (overlap IN ('skip', 'queue', 'replace')),
    catch_up TEXT NOT NULL CHECK (catch_up IN ('none', 'one', 'all')),
    within REAL,
    splay REAL NOT NULL,
    umask INTEGER NOT NULL,
    caller_env BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    next_tick INTEGER,
    paused_at INTEGER,
    last_seq INTEGER
) STRICT, WITHOUT ROWID;

-- Which tick, and when the next one of all.
CREATE INDEX schedules_next ON schedules (next_tick) WHERE paused_at IS NULL AND next_tick IS NOT NULL;

-- A tick is one row, so that it makes one job at most.
CREATE TABLE ticks (
    schedule TEXT NOT NULL REFERENCES schedules (name) ON DELETE CASCADE,
    tick INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('made', 'skipped', 'missed', 'refused')),
    seq INTEGER,
    id TEXT,
    PRIMARY KEY (schedule, tick)
) STRICT, WITHOUT ROWID;

-- The private table in which many jobs are gathered before the write lock is taken.
CREATE TEMPORARY TABLE incoming (
    id TEXT NOT NULL, queue TEXT NOT NULL, priority INTEGER NOT NULL, command TEXT, argv BLOB,
    max_retries INTEGER NOT NULL, timeout REAL, terms INTEGER NOT NULL,
    cwd TEXT NOT NULL, env BLOB NOT NULL, secret_env BLOB NOT NULL, stdin TEXT,
    run_at INTEGER, delay INTEGER NOT NULL,
    tags TEXT, key TEXT, key_limit INTEGER, batch TEXT, batch_role TEXT, array_index INTEGER, unique_key TEXT,
    schedule TEXT, tick INTEGER, on_parent_failure TEXT, after TEXT
) STRICT;

-- The private table in which many jobs are gathered before the write lock is taken.
CREATE TEMPORARY TABLE incoming (
    id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL, priority INTEGER NOT NULL, command TEXT, argv BLOB,
    max_retries INTEGER NOT NULL, timeout REAL,
    backoff_base REAL NOT NULL, backoff_max REAL NOT NULL, backoff_jitter REAL NOT NULL, max_crashes INTEGER NOT NULL,
    cwd TEXT NOT NULL, umask INTEGER NOT NULL, caller_env BLOB NOT NULL, env BLOB NOT NULL, secret_env BLOB NOT NULL,
    stdin TEXT, run_at INTEGER
) STRICT;

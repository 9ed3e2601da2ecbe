"""Owns the floor of everything that is stored: the smallest durable job table one could write with apsw.

Five columns, one partial index, WAL, synchronous=FULL.
"""

from __future__ import annotations

import os
import tempfile
import time
from typing import TYPE_CHECKING

import apsw

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY, command TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL,
    created INTEGER NOT NULL
);
CREATE INDEX jobs_ready ON jobs (priority DESC, created, id) WHERE state = 'pending';
"""

INSERT = "INSERT INTO jobs (id, command, state, priority, created) VALUES (?, ?, ?, ?, ?)"


class RawTable:
    """An empty job table in a database of its own; the file is removed at the end."""

    def __init__(self, directory: Path) -> None:
        descriptor, self._path = tempfile.mkstemp(dir=directory, suffix=".db")
        os.close(descriptor)
        self._db = apsw.Connection(self._path)
        self._db.execute("PRAGMA journal_mode = WAL").fetchall()
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(SCHEMA)
        self._last = 0

    def insert(self) -> None:
        """Insert one row in a transaction of its own."""
        self._last += 1
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(INSERT, (self._last, "true", "pending", 0, time.time_ns()))
        self._db.execute("COMMIT")

    def insert_many(self, count: int) -> None:
        """Insert so many rows by one executemany in one transaction."""
        now = time.time_ns()
        with self._db:
            self._db.executemany(INSERT, ((number, "true", "pending", 0, now) for number in range(count)))

    def close(self) -> None:
        """Close and remove the database."""
        self._db.close()
        os.unlink(self._path)

"""Drives the floor: the smallest durable job table that one could write with psycopg. It runs nothing."""

from __future__ import annotations

import os
from time import perf_counter

import psycopg
from verbs import main

DATABASE = os.environ["BENCH_DATABASE"]

WARM_UP = 50

SCHEMA = """
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    command text NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    priority int NOT NULL DEFAULT 0,
    created timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX jobs_ready ON jobs (priority DESC, created, id) WHERE state = 'pending';
"""

CLAIM = """
UPDATE jobs SET state = 'processing' WHERE id = (
    SELECT id FROM jobs WHERE state = 'pending' ORDER BY priority DESC, created, id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id
"""


class RawDriver:
    """Prepared statements (psycopg prepares what is executed again and again), one connection."""

    def prepare(self) -> None:
        """Make the tables."""
        self.open()
        self._connection.execute(SCHEMA)

    def open(self) -> None:
        """Connect."""
        self._connection = psycopg.connect(DATABASE, autocommit=True)

    def enqueue(self, command: str) -> None:
        """Add a job."""
        self._connection.execute("INSERT INTO jobs (command) VALUES (%s)", (command,))

    def bulk(self, command: str, count: int) -> None:
        """Add many jobs."""
        with self._connection.cursor().copy("COPY jobs (command) FROM STDIN") as copy:
            for _ in range(count):
                copy.write_row((command,))

    def unfinished(self) -> int:
        """Count the jobs that have not completed."""
        ((count,),) = self._connection.execute("SELECT count(*) FROM jobs WHERE state <> 'completed'").fetchall()
        return int(count)

    def claim(self, waiting: int, calls: int) -> float:
        """Finish and claim in one transaction that need not be on disk: a result that is lost lets a job run again."""
        self.bulk("true", waiting + WARM_UP + calls)
        self._connection.execute("VACUUM (ANALYZE) jobs")
        self._connection.execute("CHECKPOINT")
        self._connection.execute("SET synchronous_commit = off")
        claimed = self._connection.execute(CLAIM).fetchone()
        began = 0.0
        for call in range(WARM_UP + calls):
            if call == WARM_UP:
                began = perf_counter()
            with self._connection.transaction():
                self._connection.execute("UPDATE jobs SET state = 'completed' WHERE id = %s", claimed)
                claimed = self._connection.execute(CLAIM).fetchone()
        return calls / (perf_counter() - began)

    def work(self, count: int) -> None:
        """Refuse: the floor of running jobs is xargs."""
        raise NotImplementedError(count)


if __name__ == "__main__":
    main(RawDriver())

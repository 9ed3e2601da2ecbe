"""Drives Procrastinate as its documentation shows it.

Calls go through its synchronous connector, the worker through the asynchronous one. LISTEN/NOTIFY is on by default.
Finished jobs stay in the table with their status, also by default; it has no place for what a task returns.
"""

from __future__ import annotations

import os
import subprocess

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from verbs import main

DATABASE = os.environ["BENCH_DATABASE"]

calls = App(connector=SyncPsycopgConnector(conninfo=DATABASE))
worker = App(connector=PsycopgConnector(conninfo=DATABASE))

UNFINISHED = "SELECT count(*) AS n FROM procrastinate_jobs WHERE status <> 'succeeded'"


@calls.task(name="run")
@worker.task(name="run")
def run(command: str) -> None:
    """Run a command, its output captured. A synchronous task: a thread of the worker waits for it."""
    subprocess.run(["sh", "-c", command], capture_output=True, check=True)


class ProcrastinateDriver:
    """Procrastinate."""

    def prepare(self) -> None:
        """Make the tables."""
        self.open()
        calls.schema_manager.apply_schema()

    def open(self) -> None:
        """Connect."""
        calls.open()
        self._task = calls.configure_task("run")

    def enqueue(self, command: str) -> None:
        """Add a job."""
        self._task.defer(command=command)

    def bulk(self, command: str, count: int) -> None:
        """One statement for all, as its documentation recommends."""
        self._task.batch_defer(*({"command": command} for _ in range(count)))

    def unfinished(self) -> int:
        """Count the jobs that have not completed."""
        row = calls.connector.get_sync_connector().execute_query_one(UNFINISHED)
        return int(row["n"])

    def claim(self, waiting: int, calls: int) -> float:
        """Refuse: only queuectl and the floor are asked for it."""
        raise NotImplementedError(waiting, calls)

    def work(self, count: int) -> None:
        """Run jobs."""
        worker.run_worker(concurrency=count)


if __name__ == "__main__":
    main(ProcrastinateDriver())

"""Drives Procrastinate as its documentation shows it.

Calls go through its synchronous connector, the worker through the asynchronous one. LISTEN/NOTIFY is on by default.
Finished jobs stay in the table with their status, also by default; it has no place for what a task returns.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from time import perf_counter

import psycopg
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.jobs import Status
from verbs import main

DATABASE = os.environ["BENCH_DATABASE"]

calls = App(connector=SyncPsycopgConnector(conninfo=DATABASE))
worker = App(connector=PsycopgConnector(conninfo=DATABASE))

CHUNK = 10_000
"""Jobs that are added at once by who adds a million."""

WARM_UP = 50

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
        """Finish and claim as its worker does, by the calls of its job manager."""
        for start in range(0, waiting + WARM_UP + calls, CHUNK):
            self.bulk("true", min(CHUNK, waiting + WARM_UP + calls - start))
        with psycopg.connect(DATABASE, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE) procrastinate_jobs")
            connection.execute("CHECKPOINT")
        return asyncio.run(_claim(calls))

    def work(self, count: int) -> None:
        """Run jobs."""
        worker.run_worker(concurrency=count)


async def _claim(calls: int) -> float:
    began = 0.0
    async with worker.open_async():
        manager = worker.job_manager
        id = await manager.register_worker()
        job = await manager.fetch_job(queues=None, worker_id=id)
        for call in range(WARM_UP + calls):
            if call == WARM_UP:
                began = perf_counter()
            if job is None:
                raise SystemExit("there was nothing to claim")
            await manager.finish_job(job, Status.SUCCEEDED, delete_job=False)
            job = await manager.fetch_job(queues=None, worker_id=id)
    return calls / (perf_counter() - began)


if __name__ == "__main__":
    main(ProcrastinateDriver())

"""Measures what a job costs a PostgreSQL server, and what workers cost that wait: the numbers of docs/scale.md.

    python benchmarks/postgres/scale.py

Jobs are claimed and finished by connections that run nothing, so that what is measured is the server, which shares the
processors of this machine with them.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from server import running_server

from queuectl.job import Ended, Outcome
from queuectl.process import boot_id
from queuectl.queue import Queue
from queuectl.request import JobRequest
from queuectl.store.base import Identity
from queuectl.store.postgres.engine import PostgresStore

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from server import Server

JOBS = 20_000
ONE_BY_ONE = 2_000
SHELL_JOBS = 4_000
CONNECTIONS = (1, 2, 4, 8, 16)
IDLE = 4
IDLE_SECONDS = 60

WELL = Ended(Outcome.EXITED, exit_code=0, duration=0.001)

TICK = os.sysconf("SC_CLK_TCK")


class Meter:
    """What a server has done."""

    def __init__(self, url: str) -> None:
        self._db = psycopg.connect(url, autocommit=True)
        self._db.execute("CHECKPOINT")
        (postmaster,) = self._ask("SELECT pg_read_file('postmaster.pid')")
        self._postmaster = int(str(postmaster).split()[0])
        self._begin = self._now()

    def read(self) -> tuple[int, int, float]:
        """Return the commits, the bytes of WAL and the seconds of processor since the last time."""
        begin, self._begin = self._begin, self._now()
        commits, wal, cpu = (after - before for before, after in zip(begin, self._begin, strict=True))
        return int(commits), int(wal), cpu

    def index_bytes(self) -> dict[str, int]:
        """Return the bytes of the indexes of each table, days together."""
        found = self._db.execute("""
            SELECT regexp_replace(relname, '_(other|\\d{8})$', '') AS name, sum(pg_indexes_size(oid))
            FROM pg_class WHERE relnamespace = 'queuectl'::regnamespace AND relkind = 'r' GROUP BY name
        """)
        return {name: int(size) for name, size in found if size > 100_000}

    def close(self) -> None:
        """Let go of the server."""
        self._db.close()

    def _now(self) -> tuple[float, float, float]:
        self._ask("SELECT pg_stat_clear_snapshot()")
        (commits,) = self._ask("SELECT sum(xact_commit) FROM pg_stat_database")
        (wal,) = self._ask("SELECT pg_current_wal_insert_lsn() - '0/0'")
        return float(str(commits)), float(str(wal)), _processor(self._postmaster)

    def _ask(self, statement: str) -> tuple[object, ...]:
        row = self._db.execute(statement.encode()).fetchone()
        return () if row is None else row


def main() -> None:
    """Measure everything."""
    with running_server() as server:
        _jobs(server)
        _shell_jobs(server)
        _connections(server)
        _idle(server)


def _jobs(server: Server) -> None:
    with server.database() as url:
        queue = Queue(store := PostgresStore(url), os.environ)
        store.upkeep(7200)
        meter = Meter(url)
        for _ in range(ONE_BY_ONE):
            queue.enqueue(JobRequest(command="true"))
        _say("enqueue, one by one", ONE_BY_ONE, *meter.read())
        queue.enqueue_all(JobRequest(command="true") for _ in range(JOBS - ONE_BY_ONE))
        _say("enqueue, all at once", JOBS - ONE_BY_ONE, *meter.read())
        print("indexes, bytes a job that waits:", {name: size // JOBS for name, size in meter.index_bytes().items()})
        meter.read()
        _drain(url, 2)
        _say("claim and finish", JOBS, *meter.read())
        print("indexes, bytes a job that has run:", {name: size // JOBS for name, size in meter.index_bytes().items()})
        meter.close()
        store.close()


def _shell_jobs(server: Server) -> None:
    """Say what a job `true` costs with its process and its worker; their starts are in it."""
    with server.database() as url, tempfile.TemporaryDirectory(prefix="queuectl-bench-") as home:
        queue = Queue(store := PostgresStore(url), os.environ)
        queue.enqueue_all(JobRequest(command="true") for _ in range(SHELL_JOBS))
        meter = Meter(url)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        words = [
            Path(sys.executable).with_name("queuectl"),
            "worker",
            "start",
            "--foreground",
            "--drain",
            "--count",
            "2",
        ]
        environ = {**os.environ, "QUEUECTL_STORE": url, "QUEUECTL_HOME": home}
        subprocess.run(words, env=environ, check=True, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        _say("a shell job", SHELL_JOBS, *meter.read())
        own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"its process and its worker: {1e3 * own / SHELL_JOBS:.2f} ms of processor a job", flush=True)
        meter.close()
        store.close()


def _connections(server: Server) -> None:
    for count in CONNECTIONS:
        with server.database() as url:
            queue = Queue(store := PostgresStore(url), os.environ)
            queue.enqueue_all(JobRequest(command="true") for _ in range(JOBS))
            took = _drain(url, count)
            print(f"{count} connections: {JOBS / took:,.0f} jobs/s claimed and finished", flush=True)
            store.close()


def _idle(server: Server) -> None:
    with server.database() as url, tempfile.TemporaryDirectory(prefix="queuectl-bench-") as home:
        environ = {**os.environ, "QUEUECTL_STORE": url, "QUEUECTL_HOME": home}
        queuectl = Path(sys.executable).with_name("queuectl")
        words = [queuectl, "worker", "start", "--count", str(IDLE)]
        subprocess.run(words, env=environ, check=True, stdout=subprocess.DEVNULL)
        try:
            time.sleep(10)
            meter = Meter(url)
            time.sleep(IDLE_SECONDS)
            commits, wal, cpu = meter.read()
            meter.close()
        finally:
            subprocess.run([queuectl, "worker", "stop"], env=environ, check=True, stderr=subprocess.DEVNULL)
        each = IDLE * IDLE_SECONDS
        print(
            f"an idle worker: {commits / each:.2f} transactions/s, {wal / each:,.0f} bytes of WAL/s, "
            f"{1e3 * cpu / each:.2f} ms of processor/s on the server"
        )


def _drain(url: str, connections: int) -> float:
    """Claim and finish every job; return the seconds from the first claim to the last end."""
    context = get_context("spawn")
    together = context.Barrier(connections + 1)
    workers = [context.Process(target=_work, args=(url, number, together)) for number in range(connections)]
    for worker in workers:
        worker.start()
    together.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return time.perf_counter() - began


def _work(url: str, number: int, together: Barrier) -> None:
    store = PostgresStore(url, for_worker=True)
    worker = f"{number:032}"
    store.register(Identity(worker, os.getpid(), 0, boot_id(), "b" * 32, "here", "bench"), 600)
    together.wait()
    job = store.claim(worker, "c" * 32)
    while job is not None:
        _, job = store.finish_and_claim(job, WELL, "c" * 32)
    store.close()


def _processor(postmaster: int) -> float:
    """Return the seconds of processor that a server has used, its ended processes included."""
    ticks = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path("/proc", name, "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(name) == postmaster:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            ticks += sum(map(int, fields[11:13]))
    return ticks / TICK


def _say(what: str, jobs: int, commits: int, wal: int, cpu: float) -> None:
    print(
        f"{what}: {commits / jobs:.2f} commits, {wal / jobs:,.0f} bytes of WAL, {1e3 * cpu / jobs:.2f} ms of processor "
        f"a job on the server",
        flush=True,
    )


if __name__ == "__main__":
    main()

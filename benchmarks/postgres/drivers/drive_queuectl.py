"""Drives queuectl: workers by its command line, the rest in process."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from time import perf_counter

from verbs import main

from queuectl.job import Ended, Outcome
from queuectl.paths import Home
from queuectl.process import boot_id, start_time
from queuectl.queue import Queue
from queuectl.request import JobRequest
from queuectl.store.base import Identity
from queuectl.store.postgres.engine import PostgresStore

DATABASE, DIRECTORY = os.environ["BENCH_DATABASE"], os.environ["BENCH_DIRECTORY"]

WELL = Ended(Outcome.EXITED, exit_code=0, duration=0.001)

WORKER = "a" * 32

COOKIE = "c" * 32

WARM_UP = 50


class QueuectlDriver:
    """queuectl with its own defaults."""

    def prepare(self) -> None:
        """Make the home; the store makes its tables when it is opened first."""
        Home(_home()).create()
        self.open()

    def open(self) -> None:
        """Connect."""
        self._store = PostgresStore(DATABASE)
        self._queue = Queue(self._store, os.environ)

    def enqueue(self, command: str) -> None:
        """Add a job."""
        self._queue.enqueue(JobRequest(command=command))

    def bulk(self, command: str, count: int) -> None:
        """Add many jobs."""
        self._queue.enqueue_all(JobRequest(command=command) for _ in range(count))

    def unfinished(self) -> int:
        """Count the jobs that have not completed."""
        return sum(
            count for states in self._queue.counts().values() for state, count in states.items() if state != "completed"
        )

    def claim(self, waiting: int, calls: int) -> float:
        """Claim as a worker that runs nothing does."""
        self.bulk("true", waiting + WARM_UP + calls)
        _settle()
        pid = os.getpid()
        store = PostgresStore(DATABASE, for_worker=True)
        store.register(Identity(WORKER, pid, start_time(pid) or 0, boot_id(), "b" * 32, "here", "bench"), 60)
        job = store.claim(WORKER, COOKIE)
        began = 0.0
        for call in range(WARM_UP + calls):
            if call == WARM_UP:
                began = perf_counter()
            if job is None:
                raise SystemExit("there was nothing to claim")
            _, job = store.finish_and_claim(job, WELL, COOKIE)
        return calls / (perf_counter() - began)

    def work(self, count: int) -> None:
        """Run jobs."""
        os.environ.update(QUEUECTL_STORE=DATABASE, QUEUECTL_HOME=_home())
        script = Path(sys.executable).with_name("queuectl")
        os.execv(  # noqa: S606  it takes the place of this driver
            script, [script, "worker", "start", "--foreground", "--count", str(count)]
        )


def _home() -> str:
    return os.path.join(DIRECTORY, "home")


def _settle() -> None:
    """Do now what autovacuum and the checkpointer would do at moments of their own choice."""
    import psycopg  # noqa: PLC0415  of the extra `postgres`

    with psycopg.connect(DATABASE, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


if __name__ == "__main__":
    main(QueuectlDriver())

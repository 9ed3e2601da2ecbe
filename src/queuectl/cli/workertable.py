"""Owns how workers are shown, by `worker list` and `status`.

Those of this home are read from `run/` alone, the store may be damaged; those of other machines from the store.
"""

from __future__ import annotations

import os
import time

from queuectl import process, roster
from queuectl.cli.terminal import safe
from queuectl.cli.when import age
from queuectl.errors import StoreUnavailable
from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from queuectl.cli.app import App
    from queuectl.paths import Home
    from queuectl.store.base import Registered


class SeenWorker(Record):
    """A living worker."""

    id: str
    pid: int
    host: str
    version: str
    supervisor: str | None
    """Known of workers of this home."""
    age: float
    """Seconds."""
    job: str | None
    """Id of the job that it runs."""
    stopped: bool
    """Whether it is stopped by a signal; known of workers of this home."""
    queues: str | None
    """Those that it serves, as they were named; None: all."""
    draining: bool
    """Whether it claims no more."""
    paused: bool
    """Whether its job is paused; known of workers of this home."""

    @property
    def doing(self) -> str:
        """What it does, in a word."""
        if self.stopped:
            return "stopped"
        if self.draining:
            return "draining"
        if self.paused:
            return "paused"
        return "running" if self.job else "idle"


def seen_workers(home: Home, registered: Sequence[Registered] = ()) -> list[SeenWorker]:
    """Return the living workers of a home, oldest first, and those of other homes that the store knows.

    Raises:
        StoreUnavailable: the home cannot be read.
    """
    try:
        members = roster.workers(home)
    except OSError as error:
        raise StoreUnavailable(f"cannot read {error.filename}: {error.strerror}") from None
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    ticks = os.sysconf("SC_CLK_TCK")
    here = process.host()
    seen = []
    for member in members:
        run = roster.read_assignment(home, member.id)
        seen.append(
            SeenWorker(
                member.id,
                member.pid,
                here,
                member.version,
                member.supervisor,
                max(0.0, uptime - member.started / ticks),
                run.job if run is not None and run.ended is None else None,
                member.stopped,
                member.queues,
                roster.is_draining(home, member.id),
                roster.is_paused(home, member.id),
            )
        )
    own = {worker.id for worker in seen}
    return [*seen, *(_elsewhere(worker) for worker in registered if worker.identity.worker not in own)]


def _elsewhere(worker: Registered) -> SeenWorker:
    _, pid, _, _, _, host, version = identity = worker.identity
    return SeenWorker(
        identity.worker,
        pid,
        host,
        version,
        None,
        worker.age,
        worker.job,
        stopped=False,
        queues=worker.queues,
        draining=worker.stopping,
        paused=False,
    )


def worker_fields(worker: SeenWorker) -> dict[str, object]:
    """Return a worker as it is shown as JSON."""
    return {
        "id": worker.id,
        "pid": worker.pid,
        "host": worker.host,
        "age_ms": round(worker.age * 1000),
        "job": worker.job,
        "queues": worker.queues,
        "stopped": worker.stopped,
        "draining": worker.draining,
        "paused": worker.paused,
        "supervisor": worker.supervisor,
        "version": worker.version,
    }


def print_workers(app: App, workers: list[SeenWorker]) -> None:
    """Write the table of workers; HOST unless all are here, QUEUES only where one serves not all."""
    columns = {
        "PID": [str(worker.pid) for worker in workers],
        "HOST": [safe(worker.host) for worker in workers],
        "AGE": [age(worker.age) for worker in workers],
        "VERSION": [worker.version for worker in workers],
        "QUEUES": [worker.queues or "all" for worker in workers],
        "IS": [worker.doing for worker in workers],
        "JOB": [safe(worker.job or "-") for worker in workers],
    }
    if {worker.host for worker in workers} == {process.host()}:
        del columns["HOST"]
    if all(worker.queues is None for worker in workers):
        del columns["QUEUES"]
    app.out.table(tuple(columns), list(zip(*columns.values(), strict=True)), right="PID AGE")

"""Owns how workers are shown, by `worker list` and `status`: read from `run/` alone, the store may be damaged."""

from __future__ import annotations

import os
import time

from queuectl import roster
from queuectl.cli.terminal import safe
from queuectl.cli.when import age
from queuectl.errors import StoreUnavailable
from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.cli.app import App
    from queuectl.paths import Home


class SeenWorker(Record):
    """A living worker."""

    member: roster.Member
    age: float
    """Seconds."""
    job: str | None
    """Id of the job that it runs."""
    draining: bool
    """Whether it claims no more."""

    @property
    def doing(self) -> str:
        """What it does, in a word."""
        if self.member.stopped:
            return "stopped"
        if self.draining:
            return "draining"
        return "running" if self.job else "idle"


def seen_workers(home: Home) -> list[SeenWorker]:
    """Return the living workers, oldest first.

    Raises:
        StoreUnavailable: the home cannot be read.
    """
    try:
        members = roster.workers(home)
    except OSError as error:
        raise StoreUnavailable(f"cannot read {error.filename}: {error.strerror}") from None
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    ticks = os.sysconf("SC_CLK_TCK")
    seen = []
    for member in members:
        run = roster.read_assignment(home, member.id)
        job = run.job if run is not None and run.ended is None else None
        draining = roster.is_draining(home, member.id)
        seen.append(SeenWorker(member, max(0.0, uptime - member.started / ticks), job, draining))
    return seen


def worker_fields(worker: SeenWorker) -> dict[str, object]:
    """Return a worker as it is shown as JSON."""
    member = worker.member
    return {
        "id": member.id,
        "pid": member.pid,
        "age_ms": round(worker.age * 1000),
        "job": worker.job,
        "stopped": member.stopped,
        "draining": worker.draining,
        "supervisor": member.supervisor,
        "version": member.version,
    }


def print_workers(app: App, workers: list[SeenWorker]) -> None:
    """Write the table of workers."""
    rows = [
        (
            str(worker.member.pid),
            age(worker.age),
            worker.member.version,
            worker.doing,
            safe(worker.job or "-"),
        )
        for worker in workers
    ]
    app.out.table(("PID", "AGE", "VERSION", "IS", "JOB"), rows, right="PID AGE")

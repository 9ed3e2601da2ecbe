"""Owns the quiet that a queue needs before it moves: no worker serves it, and none that is gone has left a job.

Must not know where the queue goes (transfer.py does).
"""

from __future__ import annotations

import os
import select

from queuectl import process, roster
from queuectl.errors import Conflict
from queuectl.store.base import Identity
from queuectl.worker import rescue, stopping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from queuectl.events import Event
    from queuectl.paths import Home
    from queuectl.store.base import Registered, Store

LOOK_EVERY = 0.05
"""Seconds between two looks into the store."""


def make_quiet(store: Store, home: Home, say: Callable[[str], object], *, stop: bool) -> None:
    """Make sure that no worker serves the queue, on whatever machine, and none has left a job.

    With `stop` they are told to stop, and the end of all that is waited for; `say` hears for which jobs.

    Raises:
        Conflict: one serves it or has left a job, and nobody asked to wait for the end of that.
    """
    while serving := _serving(store, home):
        if not stop:
            several = "1 worker serves" if len(serving) == 1 else f"{len(serving)} workers serve"
            raise Conflict(f"{several} the queue", "stop them first; or add --stop, which waits for their jobs")
        if store.leased:
            _stop_everywhere(store, home, say)
        else:
            _stop_here(home, serving, say)
    told: Sequence[str] = ()
    while left := _left(store, home):
        if not stop:
            raise Conflict(
                f"job {left[0]} is in the hands of a worker that is gone", "--stop waits until it is taken from it"
            )
        if left != told:
            say(f"waiting for {', '.join(left)}")
            told = left
        select.select((), (), (), LOOK_EVERY)


def _serving(store: Store, home: Home) -> Sequence[Registered]:
    """Return the living workers of the queue: those of this home as the kernel says it, others by their leases."""
    alive = {member.id for member in roster.workers(home)}
    near = {identity.worker for identity in store.identities(near=_me(home))}
    return [
        worker for worker in store.workers() if worker.identity.worker in alive or worker.identity.worker not in near
    ]


def _stop_here(home: Home, serving: Sequence[Registered], say: Callable[[str], object]) -> None:
    """Stop the supervisors of workers of this home. Others serve other queues, and go on."""
    ids = {worker.identity.worker for worker in serving}
    workers = [member for member in roster.workers(home) if member.id in ids]
    stopping.stop(home, say, supervisors={str(worker.supervisor) for worker in workers})


def _stop_everywhere(store: Store, home: Home, say: Callable[[str], object]) -> None:
    """Ask workers to stop by way of the store, also those that come meanwhile, and wait until they have."""
    told: list[str] = []
    while serving := _serving(store, home):
        for host in {worker.identity.host for worker in serving if not worker.stopping}:
            store.request_stop(host, now=False)
        jobs = [worker.job for worker in serving if worker.job is not None]
        if jobs and jobs != told:
            say(f"waiting for {', '.join(jobs)}")
            told = jobs
        select.select((), (), (), LOOK_EVERY)


def _left(store: Store, home: Home) -> Sequence[str]:
    """Take from workers that are gone what can be taken now; return which jobs somebody still holds."""
    # A lease says less than the kernel: whose processes were killed just now is looked at again before that is asked.
    if not (os.path.isdir(home.workers) and rescue.rescue_lost(store, home, _me(home), _untold)):
        rescue.rescue_expired(store, _untold)
    return [running.job.id for running in store.running()]


def _me(home: Home) -> Identity:
    id = home.identity() if os.path.isdir(home.path) else ""
    return Identity("", os.getpid(), 0, process.boot_id(), id, "", "")


def _untold(_event: Event) -> None:
    """Say nothing: this is no worker, whose log it would be."""

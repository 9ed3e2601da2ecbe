"""Owns the stop of workers of a home from outside: who is told, by which signal, and the wait until all are gone.

Must not open the store, which may be damaged.
"""

from __future__ import annotations

import os
import select
import signal
import time

from queuectl import process, roster
from queuectl.errors import PartlyDone
from queuectl.worker import leftovers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from queuectl.paths import Home

STOP = signal.SIGUSR1
"""Asks for a stop; asking twice is not asking for more, as a second TERM is."""

STOP_NOW = signal.SIGQUIT


def stop(
    home: Home,
    say: Callable[[str], object],
    deadline: float | None = None,
    *,
    now: bool = False,
    supervisors: Collection[str] | None = None,
) -> int:
    """Ask each supervisor, and each worker whose supervisor is gone, to stop, and wait; return how many workers have.

    `supervisors` are the ids of those that are meant, with their workers; without it all of the home. `say` hears what
    is waited for.

    Raises:
        PartlyDone: some still run at the deadline, a monotonic time.
    """
    seen: dict[str, roster.Member] = {}
    told: set[str] = set()
    waited_for: list[str] | None = None
    stopped: int | None = None
    while members := _living(home, supervisors, seen):
        workers = [member for member in members if member.supervisor is not None]
        if stopped is None:
            stopped = len(workers)
        _tell(members, told, STOP_NOW if now else STOP)
        jobs = _jobs(home, workers)
        holding_up = jobs or [f"{leftover}, which cannot be killed" for leftover in leftovers.below(members)]
        if holding_up and holding_up != waited_for:
            say(f"waiting for {', '.join(holding_up)}")
            waited_for = holding_up
        if deadline is not None and time.monotonic() >= deadline:
            others = "workers without a job" if workers else "the supervisor"
            raise PartlyDone(f"still running: {', '.join(holding_up) or others}")
        _wait_for_any(members, deadline)
    for member in seen.values():
        if member.supervisor is None:
            roster.remove_supervisor(home, member.id)
    return stopped or 0


def _living(home: Home, supervisors: Collection[str] | None, seen: dict[str, roster.Member]) -> list[roster.Member]:
    """Return the living supervisors and workers; one that was seen counts until its process is gone."""
    for member in (*roster.supervisors(home), *roster.workers(home)):
        if supervisors is None or (member.supervisor or member.id) in supervisors:
            seen[member.id] = member
    return [member for member in seen.values() if member.alive]


def _jobs(home: Home, workers: list[roster.Member]) -> list[str]:
    """Return the ids of the jobs whose commands run, and say which of them are paused."""
    jobs = []
    for worker in workers:
        run = roster.read_assignment(home, worker.id)
        if run is not None and run.ended is None:
            jobs.append(f"{run.job} (paused)" if roster.is_paused(home, worker.id) else run.job)
    return jobs


def _tell(members: list[roster.Member], told: set[str], sig: signal.Signals) -> None:
    """Signal each supervisor, and each worker whose supervisor is gone, once; wake up those that are stopped."""
    supervisors = {member.id for member in members if member.supervisor is None}
    for member in members:
        orphan = member.supervisor is not None and member.supervisor not in supervisors
        if (orphan or member.supervisor is None) and member.id not in told:
            told.add(member.id)
            process.send(member.pid, member.started, member.boot, sig)
        if member.stopped:
            process.send(member.pid, member.started, member.boot, signal.SIGCONT)


def _wait_for_any(members: list[roster.Member], deadline: float | None) -> None:
    """Wait until one of the processes has ended, for half a second at most."""
    poll = select.poll()
    descriptors = []
    for member in members:
        try:
            descriptors.append(os.pidfd_open(member.pid))
        except ProcessLookupError:
            continue
        poll.register(descriptors[-1], select.POLLIN)
    left = 0.5 if deadline is None else min(0.5, max(0.0, deadline - time.monotonic()))
    if len(descriptors) == len(members):
        poll.poll(left * 1000)
    for descriptor in descriptors:
        os.close(descriptor)

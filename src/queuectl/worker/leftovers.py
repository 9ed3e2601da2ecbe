"""Owns the finding of processes that hold up the end of a run because this user may not kill them, as of a `sudo`.

For commands that show it; workers and supervisors just try to kill, again and again. Must not know the store.
"""

from __future__ import annotations

import os
from itertools import chain

from queuectl import process, roster
from queuectl.record import Record
from queuectl.worker import descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from queuectl.job import Job
    from queuectl.paths import Home


class Leftover(Record):
    """A process that this user may not kill."""

    pid: int
    user: str
    """Its effective user, by name if it has one."""
    program: str
    """The kernel's name of it, at most 15 bytes."""

    def __str__(self) -> str:
        """Return how it is told."""
        return f"process {self.pid} ({self.program}) of user {self.user}"


def of_job(home: Home, job: Job) -> list[Leftover]:
    """Return the processes of a running job that this user may not kill."""
    worker = roster.read_member(roster.lock_path(home.workers, job.worker or ""))
    if worker is None:
        return []
    if worker.alive:
        return _refusing(descendants.below(worker.pid))
    # Its supervisor has adopted them, with what other dead workers have left: nobody can tell these apart.
    living = {other.pid for other in roster.workers(home)}
    adopted = (
        descendants.below(member.pid, living) for member in roster.supervisors(home) if member.id == worker.supervisor
    )
    return _refusing(chain.from_iterable(adopted))


def below(members: Iterable[roster.Member]) -> list[Leftover]:
    """Return the processes of the jobs of supervisors and workers that this user may not kill."""
    return _refusing(dict.fromkeys(pid for member in members for pid in descendants.below(member.pid)))


def _refusing(pids: Iterable[int]) -> list[Leftover]:
    found = []
    for pid in pids:
        try:
            os.kill(pid, 0)
        except PermissionError:
            if process.start_time(pid) is not None and (leftover := _read(pid)):
                found.append(leftover)
        except ProcessLookupError:
            continue
    return found


def _read(pid: int) -> Leftover | None:
    """Return who a process is; None when it is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if line.startswith(("Name:", "Uid:")))
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Leftover(pid, _user_name(int(fields["Uid"].split()[1])), fields["Name"])


def _user_name(number: int) -> str:
    import pwd  # noqa: PLC0415  rarely needed

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)

"""Owns the finding and ending of processes: those below this one, and those that carry a run's mark.

Because a worker runs one job at a time and adopts orphans, whatever is below it is that job's.
"""

from __future__ import annotations

import os
import signal

from queuectl import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

LOCK_DESCRIPTOR = 198
"""Number under which a command inherits its worker's lock."""

STILL = (None, "T", "t", "Z", "X")
"""States of proc(5) of a process that does nothing."""

MOST_LOOKS = 32
"""Looks for processes that are to be stopped, at once."""

COOKIE = "QUEUECTL_RUN"
"""Variable in a command's environment that names its run."""


def any_child() -> bool:
    """Return whether this process has a child, dead or alive. One system call."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def reap(spare: Collection[int] = ()) -> None:
    """Collect the dead children, but those in `spare`, whose end somebody else waits for."""
    for pid in _children(os.getpid()):
        if pid not in spare:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue


def below(pid: int, spare: Collection[int] = ()) -> Iterator[int]:
    """Yield the processes below one, parents first, without the subtrees of `spare`."""
    todo = [pid]
    while todo:
        for child in _children(todo.pop()):
            if child not in spare:
                yield child
                todo.append(child)


def send_all(sig: int, spare: Collection[int] = (), *, wake: bool = False) -> None:
    """Signal every process below this one, but those in `spare`.

    A stopped one takes it, unless it is KILL, when it goes on; `wake` lets it.
    """
    for pid in list(below(os.getpid(), spare)):
        try:
            os.kill(pid, sig)
            if wake:
                os.kill(pid, signal.SIGCONT)
        except (ProcessLookupError, PermissionError):
            continue


def stop_all() -> None:
    """Stop every process below this one.

    A process to which STOP has been sent begins no other one (fork(2) starts anew after the signal), so a look that
    finds none which is new has found all. A fork bomb is stopped in some calls.
    """
    sent: set[int] = set()
    for _ in range(MOST_LOOKS):
        found = [pid for pid in below(os.getpid()) if pid not in sent and process.run_state(pid) not in STILL]
        if not found:
            return
        sent.update(found)
        for pid in found:
            try:
                os.kill(pid, signal.SIGSTOP)
            except (ProcessLookupError, PermissionError):
                continue


def marked(cookie: str, lock: os.stat_result | None) -> list[int]:
    """Return the processes that carry a run's cookie, or hold its worker's lock as descriptor 198; never this one."""
    mark = f"{COOKIE}={cookie}".encode()
    own = os.getpid()
    return [
        pid
        for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
        if pid != own and (_has_cookie(pid, mark) or _holds(pid, lock))
    ]


def kill_marked(cookie: str, lock: os.stat_result | None, spare: Collection[int]) -> list[int]:
    """Kill the processes of a run, but those in `spare`; return those that were still there, to be looked for again."""
    found = [pid for pid in marked(cookie, lock) if pid not in spare]
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                children += map(int, file.read().split())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass  # gone, or another user's in a /proc with hidepid=1
    return children


def _has_cookie(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            found = mark in file.read().split(b"\0")
    except OSError:
        return False
    return found and process.start_time(pid) is not None


def _holds(pid: int, lock: os.stat_result | None) -> bool:
    if lock is None:
        return False
    try:
        found = os.stat(f"/proc/{pid}/fd/{LOCK_DESCRIPTOR}")
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (lock.st_dev, lock.st_ino)

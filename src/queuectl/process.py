"""Owns the identity of a process: which pid, started when, in which boot. A bare pid is never trusted.

Linux only: it reads /proc. Must not know workers, jobs or the store.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from signal import Signals


def boot_id() -> str:
    """Return the random id of this boot of the machine."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def host() -> str:
    """Return the name of this machine; bytes in it that are no text, which no store takes, are replaced."""
    return os.uname().nodename.encode(errors="surrogateescape").decode(errors="replace")


def start_time(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None when it is gone.

    A zombie counts as gone: it runs nothing any more and only waits for its parent.
    """
    stat = _stat(pid)
    if stat is None or stat[0] in "ZX":
        return None
    return stat[2]


def run_state(pid: int) -> str | None:
    """Return the state letter of proc(5) of a process (R, S, D, T, t, Z ...); None when it is gone."""
    stat = _stat(pid)
    return None if stat is None else stat[0]


def dead_below(pid: int, parents: Collection[int]) -> bool:
    """Return whether this process is dead and one of `parents` has yet to collect it."""
    stat = _stat(pid)
    return stat is not None and stat[0] == "Z" and stat[1] in parents


def alive(pid: int, started: int, boot: str) -> bool:
    """Return whether exactly this process still lives, be it stopped."""
    return start_time(pid) == started and boot == boot_id()


def send(pid: int, started: int, boot: str, signal: Signals) -> bool:
    """Signal exactly this process, never one that took over its pid; return whether it was there."""
    from signal import pidfd_send_signal  # noqa: PLC0415  `signal` costs 1 ms, commands rarely send one

    if pid <= 1:
        return False
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not alive(pid, started, boot):
            return False
        pidfd_send_signal(pidfd, signal)
    except ProcessLookupError:
        return False
    finally:
        os.close(pidfd)
    return True


def _stat(pid: int) -> tuple[str, int, int] | None:
    """Return state, parent and start time of a process; None when it is gone, or hidden (hidepid=1)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    # The name, in brackets, may hold spaces and brackets itself: field 3 follows the last bracket.
    after_name = fields[fields.rindex(b")") + 2 :].split()
    return after_name[0].decode(), int(after_name[1]), int(after_name[19])

"""Owns the waking of workers by other processes: a byte into a FIFO, always after the commit.

Never needed for correctness: a worker that misses a byte looks by itself within a second.
"""

from __future__ import annotations

import os

from queuectl.roster import cancel_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.paths import Home

MOST = 64
"""Bytes sent at once: more idle workers than that are not woken by one call."""


def wake_idle(home: Home, jobs: int = 1) -> None:
    """Wake at most as many idle workers as there are new jobs."""
    _send(home.wake, min(jobs, MOST))


def wake_worker(home: Home, worker: str) -> None:
    """Let a worker look what is asked of the job that it runs."""
    _send(cancel_path(home, worker), 1)


def _send(fifo: str, count: int) -> None:
    try:
        descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return  # ENOENT, ENXIO: nobody listens
    try:
        os.write(descriptor, b"w" * count)
    except OSError:
        pass  # EAGAIN: the pipe is full of wakes already; EPIPE: the last reader has just gone
    finally:
        os.close(descriptor)

"""Owns what wakes a worker: the FIFO that all idle workers share, and a FIFO of its own for cancels."""

from __future__ import annotations

import os

from queuectl import roster

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.paths import Home


def open_shared(home: Home) -> int:
    """Open the FIFO that is read by whichever worker is idle."""
    return _open(home.wake)


def open_own(home: Home, worker: str) -> int:
    """Open the FIFO that says: look whether your job is cancelled."""
    return _open(roster.cancel_path(home, worker))


def take(descriptor: int, most: int = 1) -> bool:
    """Take at most so many bytes; return False when another worker was faster."""
    try:
        return bool(os.read(descriptor, most))
    except BlockingIOError:
        return False


def _open(path: str) -> int:
    # Read and write: with a writer of its own the FIFO never reports its end.
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)

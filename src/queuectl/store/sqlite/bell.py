"""Owns what wakes a worker of this machine: the FIFO that all idle workers share, and a FIFO of its own."""

from __future__ import annotations

import os

from queuectl import roster
from queuectl.store.base import Call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from queuectl.paths import Home


class FifoBell:
    """A `queuectl.store.base.Bell` of two FIFOs in `run/`. A byte in the shared one is one idle worker's to take."""

    deaf = heard = False

    def __init__(self, home: Home, worker: str) -> None:
        self._shared = _open(home.wake)
        self._own = _open(roster.cancel_path(home, worker))
        self._when_idle = (self._shared, self._own)
        self._when_busy = (self._own,)

    def descriptors(self, *, idle: bool) -> Collection[int]:
        """See `Bell.descriptors`."""
        return self._when_idle if idle else self._when_busy

    def answer(self, descriptor: int) -> Call:
        """See `Bell.answer`."""
        shared = descriptor == self._shared
        try:
            os.read(descriptor, 1 if shared else 4096)
        except BlockingIOError:
            return Call(0)
        return Call.WORK if shared else Call.LOOK


def _open(path: str) -> int:
    # Read and write: with a writer of its own the FIFO never reports its end.
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)

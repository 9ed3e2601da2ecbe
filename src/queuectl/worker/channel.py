"""Owns what a worker and its supervisor tell each other. Neither ever waits for the other.

Words go over the socket between them, a byte each; those that do not fit in any more are lost. The end of a lease is in
memory that both have, where the last one stands however long the supervisor was stopped.
"""

from __future__ import annotations

import mmap
from math import inf
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

BEAT, DEAF, READY = b".", b"d", b"r"
"""What a worker says: it lives; nobody can call it; it may claim."""

STOP, STOP_NOW = b"s", b"n"
"""What a supervisor says: end after the running job; end the running job. A worker, what it heard of the store."""

_MOMENT = Struct("d")


class Deadline:
    """A moment that one process sets and the other sees: make it before the fork."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _MOMENT.size)
        self.set(inf)

    def set(self, moment: float) -> None:
        """Set the moment; eight bytes at an aligned address, which no reader sees in parts."""
        _MOMENT.pack_into(self._memory, 0, moment)

    def get(self) -> float:
        """Return the moment that was set last; infinite before the first."""
        moment: float = _MOMENT.unpack_from(self._memory)[0]
        return moment


def say(to: socket.socket, word: bytes) -> None:
    """Say a word to the other process."""
    try:
        to.send(word)
    except OSError:
        pass  # full of beats, because the supervisor is stopped; or the other end is gone, which is seen elsewhere


def heard(from_worker: socket.socket) -> bytes | None:
    """Return the words of a worker that have come; None when it says nothing more."""
    try:
        return from_worker.recv(4096) or None
    except BlockingIOError:
        return b""
    except ConnectionResetError:
        return None

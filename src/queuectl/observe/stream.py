"""Owns the writing of lines to a stream whose reader may stand still: `| less`, Ctrl-S, a journal that is stuck.

A process that waited for it would be taken for hung. Must not know what the lines say.
"""

from __future__ import annotations

import os
import select
import stat


class Stream:
    """A descriptor that takes lines; no write to it ever waits."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = _not_waiting(descriptor)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLOUT)
        self._rest = b""
        """What is still to be written of the last line that was taken."""

    def write(self, line: bytes) -> bool:
        """Take a line and write what there is room for; return False, and take nothing, while an earlier one waits.

        Raises:
            OSError: nobody can read it any more.
        """
        self._flush()
        if self._rest:
            return False
        self._rest = line
        self._flush()
        return True

    def _flush(self) -> None:
        while self._rest and self._poll.poll(0):
            try:
                # A pipe that has room takes PIPE_BUF bytes at once.
                written = os.write(self._descriptor, self._rest[: select.PIPE_BUF])
            except BlockingIOError:
                return
            self._rest = self._rest[written:]


def _not_waiting(descriptor: int) -> int:
    """Open a pipe or a terminal once more, for this process alone: whoever shares the stream goes on to wait.

    A terminal that has room for one byte can be polled for, and would keep the writer of a whole line.
    """
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return descriptor  # a socket, which has room for many lines when it can be polled for; another user's pipe

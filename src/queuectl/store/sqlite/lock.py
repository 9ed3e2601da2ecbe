"""Owns the write lock: a flock(2) on a file of its own, taken in front of every BEGIN IMMEDIATE.

SQLite's own lock is polled, and starved a writer for 2.7 s beside seven others; a blocking flock is served in
turn (worst wait 99 ms). It is free the moment its holder dies. Must not know SQLite.
"""

from __future__ import annotations

import fcntl
import os
import time

from queuectl.errors import StoreBusy, StoreUnavailable
from queuectl.paths import open_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


class WriteLock:
    """The right to write to one database, for one process at a time."""

    __slots__ = ("_descriptor", "_path", "_patience")

    def __init__(self, path: str, patience: float) -> None:
        """`patience` is how long `acquire` waits, in seconds."""
        self._path = path
        self._patience = patience
        self._descriptor = -1

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            StoreBusy: another process kept it for all of `patience`; it is named.
            StoreUnavailable: the lock file cannot be made.
        """
        if self._descriptor < 0:
            self._open()
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not self._wait():
                raise self._busy() from None

    def release(self) -> None:
        """Give the lock back."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def _open(self) -> None:
        """Open the lock file, which who only reads does not need."""
        try:
            self._descriptor = open_private(self._path, os.O_RDWR)
        except OSError as error:
            raise StoreUnavailable(f"cannot open the write lock {self._path}: {error.strerror}") from None

    def _wait(self) -> bool:
        import signal  # noqa: PLC0415  1 ms, needed only when the lock is taken

        class Expired(BaseException):
            pass

        waiting = False

        def expire(_signal: int, _frame: FrameType | None) -> None:
            if waiting:
                raise Expired

        try:
            previous = signal.signal(signal.SIGALRM, expire)
        except ValueError:  # not the main thread
            return self._poll()
        try:
            try:
                waiting = True
                # It fires again every 50 ms: the first one may come before flock(2) has begun to wait.
                signal.setitimer(signal.ITIMER_REAL, self._patience, 0.05)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            finally:
                waiting = False  # the first thing: an alarm that comes later raises nothing
                signal.setitimer(signal.ITIMER_REAL, 0)
        except BaseException as error:
            self.release()  # it, or Ctrl-C, may have come just after flock(2) was served
            if isinstance(error, Expired):
                return False
            raise
        finally:
            signal.signal(signal.SIGALRM, previous)
        return True

    def _poll(self) -> bool:
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            time.sleep(0.005)  # noqa: TID251  a thread has no signal to wait with
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            return True
        return False

    def _busy(self) -> StoreBusy:
        holder = self._holder()
        by = f" by process {holder}" if holder else ""
        return StoreBusy(f"the queue was locked{by} for {self._patience:g} s", "try again", unchanged=True)

    def _holder(self) -> int | None:
        inode = os.fstat(self._descriptor).st_ino
        try:
            with open("/proc/locks", encoding="ascii") as locks:
                for line in locks:
                    fields = line.split()
                    if fields[1] == "FLOCK" and fields[5].endswith(f":{inode}"):
                        return int(fields[4])
        except FileNotFoundError:
            pass  # not Linux
        return None

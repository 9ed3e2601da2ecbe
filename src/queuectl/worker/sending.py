"""Owns the sending of what a job prints to a store that machines share, while somebody reads it on another one.

The whole log is in the worker's home. Must not know how a log is shown.
"""

from __future__ import annotations

import math

from queuectl import joblogs
from queuectl.job import LogPart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.job import Job
    from queuectl.store.base import Store

EVERY = 0.5
"""Seconds between two parts."""

MOST = 1024 * 1024
"""Bytes of output that are sent at once; of a job that prints faster, a reader elsewhere sees the last of it."""


class Sending:
    """What is sent of the log of one run."""

    def __init__(self, store: Store, job: Job, log: joblogs.LogWriter) -> None:
        self._store = store
        self._job = job
        self._log = log
        self._follower: joblogs.Follower | None = None
        self._sent = 0
        """Bytes of output up to the end of what was sent last."""
        self._until = -math.inf
        self.next_at = math.inf
        """Monotonic time at which there is something to do."""

    def want(self, seconds: float, now: float) -> None:
        """Send what is printed in so many seconds from now on."""
        self._until = now + seconds
        if seconds > 0 and self.next_at == math.inf:
            self.next_at = now

    def send(self, now: float) -> None:
        """Send what is new, if that is due."""
        if now < self.next_at:
            return
        self._log.flush()
        self._send_rest()
        self.next_at = now + EVERY if now < self._until else math.inf

    def end(self, now: float) -> None:
        """Send the last part of a log that was closed, if somebody reads it."""
        if now < self._until:
            self._send_rest()
        self._until = -math.inf

    def _send_rest(self) -> None:
        end = self._log.output
        if self._follower is None:
            self._follower = joblogs.Follower(*self._log.log, size=joblogs.KEPT)
            if not end:
                self._store.send_log(self._job, LogPart(0, b""))  # so that the reader knows that nothing was printed
        elif end - self._sent > MOST:
            self._follower = joblogs.Follower(*self._log.log, size=MOST)
        for part in joblogs.parts(self._follower.new(), end):
            self._store.send_log(self._job, part)
        self._sent = end

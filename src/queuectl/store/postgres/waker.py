"""Owns how often a process wakes others: at most once in 50 ms, and always once after its last new job.

A commit with a NOTIFY waits for every other one of the whole server, so who enqueues in a loop must not send each.
"""

from __future__ import annotations

import atexit
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE = 0.05
"""Seconds between two wake-ups."""


class Waker:
    """Wakes at once, or a little later."""

    def __init__(self, send: Callable[[int], None]) -> None:
        """`send` wakes at most so many workers; it raises nothing."""
        self._send = send
        self._mutex = threading.Lock()
        self._next = 0.0
        self._owed = 0
        """New jobs that nobody was woken for."""
        self._timer: threading.Timer | None = None

    def wake(self, jobs: int) -> None:
        """Wake at most so many workers, now or within `PAUSE`."""
        with self._mutex:
            self._owed += jobs
            if self._timer is not None:
                return  # it pays in a moment; if it were overtaken now, it would pay too early what is owed next
            left = self._next - time.monotonic()
            if left > 0:
                self._timer = threading.Timer(left, self._pay)
                self._timer.daemon = True  # `close` sends what a process that ends still owes
                self._timer.start()
                atexit.register(self.close)  # for whoever does not close the store; until it has been paid
                return
        self._pay()

    def close(self) -> None:
        """Wake whom is still to be woken."""
        with self._mutex:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            self._pay()

    def _pay(self) -> None:
        with self._mutex:
            jobs, self._owed = self._owed, 0
            self._timer = None
            atexit.unregister(self.close)
            self._next = time.monotonic() + PAUSE
            if jobs:
                self._send(jobs)  # `close` waits for the end of it

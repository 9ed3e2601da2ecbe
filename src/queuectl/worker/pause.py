"""Owns the pauses of a worker whose store or machine refuses: each twice as long as the one before, and what is said.

Must not know what is refused, nor wait: the worker's loop does.
"""

from __future__ import annotations

import time

from queuectl import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.events import Emit

SHORTEST, LONGEST = 0.05, 5.0
"""Seconds between two tries."""


class Pause:
    """When to try again."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.seconds = 0.0
        """Length of the pause; 0 while nothing refuses."""
        self.until = 0.0
        """Monotonic time of its end."""
        self.store_lost = False
        """Whether the store has refused since it was last used with success."""

    def begin(self, refusal: events.StoreLost | events.MachineRefused) -> None:
        """Pause after a refusal; the first of several is told."""
        if not self.seconds:
            self._emit(refusal)
        self.store_lost = self.store_lost or isinstance(refusal, events.StoreLost)
        self.seconds = min(self.seconds * 2 or SHORTEST, LONGEST)
        self.until = time.monotonic() + self.seconds

    def end(self) -> None:
        """Note that the store was used with success, unless a pause has begun meanwhile."""
        if self.seconds and time.monotonic() >= self.until:
            self.seconds = 0.0
            if self.store_lost:
                self.store_lost = False
                self._emit(events.StoreBack())

"""Owns where in the order of jobs this process looks for the next one, when looking from the front has become slow.

It has when a transaction is open somewhere that may still see the jobs claimed since: their entries stay in the index.
"""

from __future__ import annotations

import time
from collections import deque

from queuectl.clock import instant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from queuectl.store.rows import Row

SLOW = 0.001
"""Seconds on the server after which a claim is slow: 0.2 ms are usual."""

IN_A_ROW = 8
"""Slow claims after which this process remembers where it finds jobs: one alone had to wait for a processor."""

LOOK_EVERY = 1.0
"""Seconds after which the next claim begins at the front."""

SHARE = 10
"""A look from the front that took long is not repeated before so many times as long."""

MOST = 32
"""Priorities whose places are remembered."""

HIGHEST, LOWEST = 2**63 - 1, -(2**63)


class Front:
    """The places where this process found jobs last."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[datetime, int]] = {}
        """By priority: when the last job that was found there was enqueued, and its seq. None: look from the front."""
        self._last: deque[float] = deque(maxlen=IN_A_ROW)
        """What the last looks from the front took."""
        self._look_at = 0.0

    @property
    def is_remembered(self) -> bool:
        """Whether the next claim is to begin at these places."""
        return bool(self._places) and time.monotonic() < self._look_at

    def places(self) -> tuple[list[int], list[int], list[datetime], list[int]]:
        """Return the places from high to low priority, column by column, and one below all of them.

        Each is the priority above it, its own, and where to begin in that.
        """
        priorities = sorted(self._places, reverse=True)
        places = [self._places[priority] for priority in priorities]
        return (
            [HIGHEST, *priorities],
            [*priorities, LOWEST],
            [*(created_at for created_at, _ in places), instant(0)],
            [*(seq for _, seq in places), 0],
        )

    def found(self, row: Row, *, from_front: bool) -> None:
        """Note which job was found, and how long that took."""
        if from_front:
            took: float = row[-1]
            self._last.append(took)
            self._look_at = time.monotonic() + max(LOOK_EVERY, SHARE * took)
            if took < SLOW:
                self._places.clear()  # what was in the way is gone
                return
        if len(self._last) == IN_A_ROW and min(self._last) >= SLOW:
            if len(self._places) == MOST:
                self._places.clear()
            self._places[row[5]] = (instant(row[19]), row[0])

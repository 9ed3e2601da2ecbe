"""Owns the forgetting of finished jobs that are old enough, with their logs, and of minutes. Any worker may do it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from queuectl import joblogs
from queuectl.config import NEVER
from queuectl.job import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.config import Settings
    from queuectl.paths import Home
    from queuectl.store.base import Store

EVERY = 60.0
"""Seconds between two rounds."""

MINUTES_KEPT = timedelta(hours=2)
"""For how long durations are kept by the minute, then by the hour."""

BATCH = 200
"""Jobs forgotten at once, so that no other writer waits long."""


class Pruner:
    """Forgets finished jobs, a batch at a time."""

    def __init__(self, store: Store, home: Home) -> None:
        self._store = store
        self._home = home
        self._next = 0.0

    def prune(self, settings: Settings, now: float) -> None:
        """Forget one batch of each final state when a round is due, and sum up; `now` is a monotonic time."""
        if now < self._next:
            return
        self._next = now + EVERY
        self._store.sum_up_durations(datetime.now(UTC) - MINUTES_KEPT)
        kept = (
            (State.COMPLETED, settings.keep_completed),
            (State.CANCELLED, settings.keep_cancelled),
            (State.DEAD, settings.keep_dead),
        )
        for state, seconds in kept:
            if seconds == NEVER:
                continue
            before = datetime.now(UTC) - timedelta(seconds=seconds)
            gone = self._store.prune(state, before, BATCH)
            joblogs.delete(self._home.logs, *gone)
            if len(gone) == BATCH:
                self._next = now  # there are more

"""Owns the forgetting of finished jobs that are old enough, with their logs, and of minutes. Any worker may do it."""

from __future__ import annotations

import fcntl
import os
import time

from queuectl import joblogs
from queuectl.config import NEVER
from queuectl.job import State
from queuectl.paths import open_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from queuectl.config import Settings
    from queuectl.paths import Home
    from queuectl.store.base import Store

EVERY = 60.0
"""Seconds between two rounds."""

MINUTES_KEPT = 2 * 3600.0
"""Seconds for which durations are kept by the minute, then by the hour."""

BATCH = 200
"""Jobs forgotten at once, so that no other writer waits long."""


SWEEP_EVERY = 3600.0
"""Seconds between two sweeps of the logs."""

WRITTEN = 300.0
"""Seconds since the last write to a log within which it is not swept, whatever the store says of its job."""


class Pruner:
    """Forgets finished jobs, a batch at a time."""

    def __init__(self, store: Store, home: Home) -> None:
        self._store = store
        self._home = home
        self._sweeper = Sweeper(store, home)
        self._next = 0.0
        self._there_is_more = False

    def prune(self, settings: Settings, now: float) -> None:
        """Forget one batch of each final state when a round is due, and sum up; `now` is a monotonic time."""
        self._sweeper.sweep(now)
        if now < self._next:
            return
        self._next = now + EVERY
        if not self._there_is_more and not self._store.begin_round(EVERY):
            return
        self._there_is_more = False
        self._store.upkeep(MINUTES_KEPT)
        kept = (
            (State.COMPLETED, settings.keep_completed),
            (State.CANCELLED, settings.keep_cancelled),
            (State.DEAD, settings.keep_dead),
        )
        for state, seconds in kept:
            if seconds == NEVER:
                continue
            gone = self._store.prune(state, seconds, BATCH)
            joblogs.delete(self._home, self._store.id, *gone)
            if len(gone) == BATCH:
                self._next = now
                self._there_is_more = True


class Sweeper:
    """Deletes logs of jobs that the store forgot without saying which, or that another machine has cleared."""

    def __init__(self, store: Store, home: Home) -> None:
        self._store = store
        self._home = home
        self._next = 0.0
        self._lock: int | None = None
        """Held during a sweep: one process of a home at a time."""
        self._batches: Iterator[dict[int, float]] = iter(())

    def sweep(self, now: float) -> None:
        """Begin a sweep when one is due, or go on with it by one directory; `now` is a monotonic time."""
        if self._lock is None and not self._begin(now):
            return
        batch = next(self._batches, None)
        if batch is None:
            self._end()
            return
        before = time.time() - WRITTEN
        old = [seq for seq, written_at in batch.items() if written_at < before]
        if old:
            joblogs.delete(self._home, self._store.id, *self._store.forgotten(old))

    def _begin(self, now: float) -> bool:
        if now < self._next:
            return False
        self._next = now + SWEEP_EVERY
        try:
            self._lock = open_private(self._home.sweep_lock, os.O_RDWR)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another process is at it, or the disk is full
            self._end()
            return False
        self._batches = joblogs.jobs_logged(self._home.job_logs(self._store.id))
        return True

    def _end(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

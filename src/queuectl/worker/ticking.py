"""Owns when a worker looks after schedules: no process of its own does, any worker that is there may.

Must not know which ticks are due, nor what becomes of them (the store decides that once for all).
"""

from __future__ import annotations

from math import inf

from queuectl import events
from queuectl.scheduling import JobMaker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.config import Settings
    from queuectl.events import Emit
    from queuectl.store.base import Store
    from queuectl.store.schedules import Schedules


class Ticking:
    """What a worker knows of schedules: when the next one ticks."""

    def __init__(self, store: Store, emit: Emit) -> None:
        self._store = store
        self._emit = emit
        self.due_at = 0.0
        """Wall-clock time of the next tick, as far as this worker knows; 0.0 before it has looked."""
        self._schedules: Schedules | None = None
        self._maker: JobMaker | None = None

    def look(self) -> None:
        """Ask when the next schedule ticks."""
        tick = self._store.next_tick_at()
        self.due_at = inf if tick is None else tick.timestamp()

    def make_due(self, settings: Settings, now: float) -> int:
        """Make the jobs of the ticks that have come, if there are any; return how many. `now` is a wall-clock time."""
        self.look()
        if self.due_at > now:
            return 0
        self._schedules = self._schedules or self._store.schedules()
        self._maker = self._maker or JobMaker(settings)
        self._maker.settings = settings
        done = self._schedules.make_due(self._maker.job_of)
        for worker in done.asked:
            self._store.wake_worker(worker)
        for name, tick in done.ticks:
            if tick.outcome in ("missed", "refused"):
                self._emit(events.TickMissed(name, tick.tick.isoformat(), str(tick.outcome)))
        self.look()
        return done.jobs

"""Owns a worker's lease on a store that several machines share: when it is renewed, and what follows from it.

The lease runs on the store's clock. Its holder counts from the moment at which it sent the renewal, on a clock that
goes on while the machine is suspended, and has its supervisor end it at three quarters; others take its job at five.
"""

from __future__ import annotations

import time
from math import inf

from queuectl.store.base import LEASE_ENDS_AFTER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from queuectl.store.base import Lease, Store

RENEW_AFTER = 1 / 6
"""Share of a lease after which it is renewed."""

CUT_OFF = 1 / 2
"""Share of a lease without a renewal after which its holder was cut off."""

OTHERS_FIRST = 1 / 4
"""Share of a lease for which a worker that was cut off, perhaps with all others, takes nobody's job: each machine then
gives back its own first, and knows better how to count it."""


class Leasing:
    """The lease of one worker."""

    def __init__(self, store: Store, worker: str, tell_deadline: Callable[[float], None]) -> None:
        """`tell_deadline` is told the CLOCK_BOOTTIME until which this worker may live."""
        self._store = store
        self._worker = worker
        self._tell_deadline = tell_deadline
        self._length = 0.0
        self._renewed_at = self._in_touch_since = 0.0
        self._ends_at = inf
        self.due_at = 0.0
        """CLOCK_BOOTTIME at which the next renewal is due; set it to 0 to hear at once what is asked of this worker."""

    def begin(self, length: float, register: Callable[[], None]) -> None:
        """Note a lease of `length` seconds that `register` takes."""
        sent = self._in_touch_since = now()
        register()
        self._note(sent, length)
        self.due_at = 0.0  # its host may have been asked to stop while it was not there

    @property
    def is_due(self) -> bool:
        """Whether it is time to renew."""
        return now() >= self.due_at

    def renew(self, length: float) -> Lease:
        """Renew the lease for `length` seconds and return what the store says."""
        sent = now()
        lease = self._store.renew(self._worker, length)
        if lease.kept:
            if sent - self._renewed_at > self._length * CUT_OFF:
                self._in_touch_since = sent
            self._note(sent, length)
        return lease

    @property
    def is_over(self) -> bool:
        """Whether its holder has to be ended: its own clock says so, whatever the store knows."""
        return now() >= self._ends_at

    @property
    def may_judge(self) -> bool:
        """Whether this worker has been in touch with the store for so long that the silence of others is their own."""
        return self._renewed_at - self._in_touch_since >= self._length * OTHERS_FIRST

    def _note(self, sent: float, length: float) -> None:
        self._renewed_at, self._length = sent, length
        self.due_at = sent + length * RENEW_AFTER
        self._ends_at = sent + length * LEASE_ENDS_AFTER
        self._tell_deadline(self._ends_at)


def now() -> float:
    """Return the time on the clock of leases."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)

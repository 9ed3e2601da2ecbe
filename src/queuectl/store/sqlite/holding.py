"""Owns which jobs a claim passes over because their queue or their key lets them not start, and when it looks again.

Everything happens under the write lock, in the transaction of a claim, or of what lets others start: what is counted is
what runs. Must not know where jobs move, and what a worker does.
"""

from __future__ import annotations

import json
import sys

from queuectl.record import Record
from queuectl.store import holding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.job import Job
    from queuectl.store.rows import Row
    from queuectl.store.sqlite.connection import Connection

BATCH = 1000
"""Jobs let go, or held, at once."""

MOST_HELD = 2000
"""Jobs that one transaction holds: others wait for the write lock."""

QUEUE, KEY, KEY_LIMIT = 4, 32, 33
"""Where these are in a row of the view `job`."""

RULED = -1
"""Where a row of a claim says whether something is set for the queue."""


class Holding:
    """What holds jobs, on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.held = 0
        """Jobs that this transaction has held."""
        self._met: set[str] = set()
        """Keys of which it has held jobs. Jobs of one key may be far from each other, so the first is held alone."""
        self._ended: Job | None = None
        """A job of this transaction whose end was not told yet to what it has kept from starting."""

    def begin(self) -> None:
        """Begin a transaction."""
        self.held = 0
        self._ended = None
        self._met.clear()

    @property
    def is_tired(self) -> bool:
        """Whether this transaction has held so much that the claim goes on in another one."""
        return self.held >= MOST_HELD

    def ended(self, job: Job) -> None:
        """Note that a run is over: `let_go`, or `open`, is to follow."""
        self._ended = job

    def open(self, now: int) -> bool:
        """Let the next claim look at what the job that has just ended kept from starting; False when there is none."""
        job, self._ended = self._ended, None
        return job is not None and self.open_for(job, now)

    def open_for(self, job: Job, now: int) -> bool:
        """Let the next claim look at what a job has kept from starting, or would have; False when there is none."""
        return self._connection.change("open", {**holding.of_job(job), "now": now}) > 0

    def let_go(self, now: int) -> int:
        """Let jobs go that may start now, as far as can be said before each is looked at; return how many."""
        self.open(now)
        freed = 0
        for (holder,) in self._connection.rows("openings_due", {"now": now}):
            freed += self._look_at(holder, now)
        return freed

    def may_start(self, row: Row, now: int) -> bool:
        """Return whether a ready job may start, and count that as a start; else hold it and its like."""
        queue, key = row[QUEUE], row[KEY]
        if key is not None and (running := self._running(key)) >= row[KEY_LIMIT]:
            self._hold_key(row, running)
            if row[RULED]:  # its queue may have let it go in vain, and has room for another one
                self._connection.change("open", {"queue": holding.of_queue(queue), "key": None, "now": now})
            return False
        if not row[RULED]:
            return True
        standing = self._standing(queue, now)
        if standing is None or standing.lets_start:
            if standing is not None and standing.rate is not None:
                self._note_start(queue, standing, standing.rate, now)
            return True
        held = {queue for (queue,) in self._hold_queue(queue, now)}
        self._keep_opening(holding.of_queue(queue), standing.again)
        held.discard(queue)
        if held:
            self._connection.change("keep_pause_openings", {"queues": json.dumps(sorted(held))})
        return False

    def _look_at(self, holder: str, now: int) -> int:
        """Let go what one holder has room for; return how many jobs."""
        connection = self._connection
        first = connection.row("first_held", {"holder": holder})
        if first is None:
            connection.change("close_opening", {"holder": holder})
            return 0
        again = None
        if holder.startswith(holding.KEY):
            room = first[0] - self._running(holder.removeprefix(holding.KEY))
        else:
            room, again = self._room_of(holder.removeprefix(holding.QUEUE), now)
        freed = 0
        if room > 0:
            freed = connection.change("let_go", {"holder": holder, "limit": min(room, BATCH)})
            if connection.row("first_held", {"holder": holder}) is None:
                connection.change("close_opening", {"holder": holder})
                return freed
            if room > freed:
                again = now  # there is more in the next batch
        self._keep_opening(holder, again)
        return freed

    def _room_of(self, queue: str, now: int) -> tuple[int, int | None]:
        """Return how many jobs of a queue may start now, and when to look again if nothing ends before."""
        if self._connection.change("end_pause", {"queue": queue, "now": now}):
            self._connection.change("forget_empty_rule", {"queue": queue})
        standing = self._standing(queue, now)
        if standing is None:
            return sys.maxsize, None
        if not standing.lets_start:
            return 0, standing.again
        room = sys.maxsize if standing.concurrency is None else standing.concurrency - standing.running
        if standing.rate is not None:
            within = {"queue": queue, "period": standing.period, "now": now}
            ((started,),) = self._connection.rows("starts_within", within)
            room = min(room, standing.rate - started)
        return room, None

    def _note_start(self, queue: str, standing: Standing, rate: int, now: int) -> None:
        number = (standing.last or 0) + 1
        values = {"queue": queue, "now": now, "period": standing.period, "holder": holding.of_queue(queue)}
        self._connection.change("note_start", {"queue": queue, "number": number, "now": now})
        if number > rate:
            self._connection.change("forget_starts", {"queue": queue, "upto": number - rate})
        # Nothing ends when a rate has room again.
        self._connection.change("open_rate", {**values, "number": number - rate + 1})

    def _standing(self, queue: str, now: int) -> Standing | None:
        row = self._connection.row("standing", {"queue": queue, "now": now})
        return None if row is None else Standing.of(row, now)

    def _running(self, key: str) -> int:
        ((running,),) = self._connection.rows("running_of_key", {"key": key})
        return int(running)

    def _hold_key(self, row: Row, running: int) -> None:
        """Hold a job; when it is not the first of its key that this transaction meets, with its like."""
        key = row[KEY]
        if key in self._met:
            self.held += self._connection.change("hold_key", {"key": key, "running": running})
        else:
            self._met.add(key)
            self.held += self._connection.change("hold_job", {"seq": row[0]})
        self._keep_opening(holding.of_key(key), None)

    def _hold_queue(self, queue: str, now: int) -> list[Row]:
        held = self._connection.rows("hold_queue", {"queue": queue, "now": now})
        self.held += len(held)
        return held

    def _keep_opening(self, holder: str | None, at: int | None) -> None:
        self._connection.change("keep_opening", {"holder": holder, "at": at})


class Standing(Record):
    """How things stand with a queue for which something is set."""

    lets_start: bool
    again: int | None
    """When it may let something start, if that is a matter of time."""
    concurrency: int | None
    running: int
    rate: int | None
    period: int
    last: int | None
    """Number of the last start that the rate counts."""

    @classmethod
    def of(cls, row: Row, now: int) -> Standing:
        """Make it of a row of `standing`."""
        concurrency, rate, period, paused, until, running, last, nth_start = row
        lets_start, again = True, None
        if paused:
            lets_start, again = False, until
        elif concurrency is not None and running >= concurrency:
            lets_start = False
        # A clock that was set back by more than a period has nothing to wait for.
        elif nth_start is not None and now - period < nth_start < now + period:
            lets_start, again = False, nth_start + period
        return cls(lets_start, again, concurrency, running, rate, period, last)

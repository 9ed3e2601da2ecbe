"""Owns the port through which a whole queue leaves a store or comes into one: `Gate`, and what goes through it.

As in `base.py`, the docstrings are the contract, and `tests/store` proves it for every engine.
"""

from __future__ import annotations

from enum import StrEnum

from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Protocol

    from queuectl.job import LogPart
    from queuectl.store.rows import Row
else:
    Protocol = object


class Stage(StrEnum):
    """How far the transfer of a queue from one store to another is, at one of its ends."""

    LEAVING = "leaving"
    """The queue is still here, and its jobs are being copied. Closed: nothing can change it."""
    LEFT = "left"
    """The queue is elsewhere. Closed; what is still here is a copy of how it was."""
    ARRIVING = "arriving"
    """Some of the queue is here. Closed."""
    ARRIVED = "arrived"
    """The queue came from elsewhere, and is open."""


class Transfer(Record):
    """One end of the transfer of a queue."""

    id: str
    """Random; the same at both ends."""
    stage: Stage
    place: str
    """Where the other end is, as people may see it."""
    queue: str
    """Id of the first transfer of this queue, which it takes along: what it has left somewhere is known by it."""
    upto: int = 0
    """While it arrives: the jobs up to this seq are here."""


class Batch(Record):
    """Jobs of one store, as another one takes them, with what is kept beside them: their runs and dependencies.

    Plain values that say the same whatever the engine: instants and durations are whole microseconds, terms are
    `queuectl.store.terms.StoredTerms`. So equal rows are equal jobs.
    """

    jobs: Sequence[Row]
    """In the order of `seq`, which comes first."""
    attempts: Sequence[Row]
    """In the order of `seq` and number, which come first."""
    dependencies: Sequence[Row]
    """What they wait for, in the order of `seq` and that of the parent, which come first."""


class Rest(Record):
    """What belongs to a queue beside its jobs, in plain values as in `Batch`, each in an order of its own."""

    settings: Sequence[Row]
    rules: Sequence[Row]
    """What is set for queues."""
    starts: Sequence[Row]
    """Those that rates count."""
    durations: Sequence[Row]
    counts: Sequence[Row]
    """By queue and state, without those that are zero, as they are kept: not by looking at the jobs."""
    schedules: Sequence[Row]
    ticks: Sequence[Row]
    last_seq: int
    """The largest number that was given to a job so far."""


class Gate(Protocol):
    """Where a whole queue leaves a store, or comes into one.

    While it is closed, every change of jobs, settings and durations, and the registration of a worker, raises
    `StoreClosed`, whoever does it and however long ago it opened the store; reads go on. Each method is one
    transaction, on disk when it returns.
    """

    place: str
    """Where this store is, as people may see it."""

    def transfers(self) -> Mapping[Stage, Transfer]:
        """Return what has begun here, or come to its end. Closed: any but `ARRIVED` is among them."""

    # At the source

    def begin_leaving(self, id: str, place: str) -> str:
        """Close the queue, which is to be taken to `place`, and return the id of its first transfer.

        Raises:
            Conflict: a job is running, or the queue is closed already.
        """

    def batch(self, after: int, limit: int) -> Batch:
        """Return the first jobs whose seq is larger than `after`."""

    def kept_log(self, seq: int, attempt: int) -> LogPart | None:
        """Return the end of the log of an ended run that is kept here; None where logs are only in homes.

        To be asked in the order of `seq` and `attempt`: it reads some at once.
        """

    def rest(self) -> Rest:
        """Return what belongs to the queue beside its jobs."""

    def stay(self, id: str) -> None:
        """Open the queue again: it is not taken away after all.

        Raises:
            Conflict: it is not leaving, or not by this transfer.
        """

    def leave(self, id: str) -> None:
        """Record that the queue is elsewhere. Raises as `stay` does."""

    def reopen(self) -> None:
        """Open, as another queue, what is here of one that has left or begun to arrive: its other end is lost.

        Raises:
            Conflict: it is not closed, or is leaving and can stay.
        """

    # At the target

    def check_room(self, queue: str | None) -> None:
        """Make sure that a queue may come in here; `queue` is its first transfer, if it has been moved before.

        Raises:
            Conflict: there are jobs that are not the copy that it has left here, workers whose leases are not over, or
                the queue is closed.
        """

    def begin_arriving(self, id: str, place: str, queue: str) -> None:
        """Close and empty this store, into which a queue is to come from `place`. Raises as `check_room` does."""

    def take_in(self, id: str, after: int, batch: Batch, log: Callable[[int, int], LogPart | None]) -> None:
        """Add the jobs that follow those up to `after`, with their numbers.

        `log` is asked for the end of the log of each run, as `kept_log` is, where such are kept.

        Raises:
            Conflict: this transfer is not arriving, or other jobs than those up to `after` are here: nothing is added.
        """

    def take_in_rest(self, id: str, rest: Rest) -> None:
        """Replace what belongs to the queue beside its jobs, count these, and never give their numbers again."""

    def send_back(self, id: str) -> None:
        """Empty this store and open it again, unless its own queue has left it.

        Raises:
            Conflict: this transfer is not arriving.
        """

    def arrive(self, id: str) -> None:
        """Open the queue. Raises as `send_back` does."""

"""Owns how a queue leaves a store or comes into one, as far as that does not depend on the database.

What closes a queue is in the database itself: triggers that refuse every change, made in the transaction that says why.
So nobody has to look whether the queue is closed, and nothing is added to what an open one does. Must not know the
other end of a transfer (transfer.py does).
"""

from __future__ import annotations

from queuectl.errors import Conflict, StoreClosed
from queuectl.store.transfers import Batch, Rest, Stage, Transfer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from queuectl.job import LogPart
    from queuectl.store.engine import Statements
    from queuectl.store.rows import Row
    from queuectl.store.terms import TermsTable
    from queuectl.store.transfers import Gate

TERMS = 10
"""Where the terms are in the row of a job."""

CLOSED = (Stage.ARRIVING, Stage.LEAVING, Stage.LEFT)
"""Stages in which a queue is closed; the first of them that a store is in says why."""


class EngineGate:
    """The part of a `queuectl.store.transfers.Gate` that does not depend on the database."""

    def __init__(self, statements: Statements, terms: TermsTable, place: str) -> None:
        self._statements = statements
        self._terms = terms
        self.place = place

    # What an engine adds

    def _alone(self) -> AbstractContextManager[None]:
        """Begin a transaction that may change a closed queue, beside which nobody else begins or ends a transfer."""
        raise NotImplementedError

    def _close(self) -> None:
        """Let every change of the queue be refused, once those that have begun are over."""
        raise NotImplementedError

    def _open(self) -> None:
        """Undo `_close`."""
        raise NotImplementedError

    def _empty(self) -> None:
        """Forget everything that belongs to the queue."""
        raise NotImplementedError

    def _add(self, batch: Batch, log: Callable[[int, int], LogPart | None]) -> None:
        """Add jobs, whose terms are numbers here, with what is kept beside them, and the ends of their logs."""
        raise NotImplementedError

    def _add_rest(self, rest: Rest) -> None:
        """Replace settings, durations and schedules, and never give numbers up to the last one again."""
        raise NotImplementedError

    def _served(self) -> bool:
        """Return whether workers wait here for jobs, as far as the store itself can tell."""
        return False

    # Looking

    def transfers(self) -> Mapping[Stage, Transfer]:
        """See `Gate.transfers`."""
        found = [Transfer(id, Stage(stage), *others) for id, stage, *others in self._rows("ends")]
        return {transfer.stage: transfer for transfer in found}

    def batch(self, after: int, limit: int) -> Batch:
        """See `Gate.batch`."""
        with self._statements.snapshot():
            jobs = self._rows("jobs", {"after": after, "limit": limit})
            last = jobs[-1][0] if jobs else after
            between = {"after": after, "last": last}
            attempts = self._rows("attempts", between) if jobs else []
            dependencies = self._rows("dependencies", between) if jobs else []
        stored = self._terms.stored
        return Batch([(*job[:TERMS], stored(job[TERMS]), *job[TERMS + 1 :]) for job in jobs], attempts, dependencies)

    def kept_log(self, seq: int, attempt: int) -> LogPart | None:  # noqa: ARG002
        """See `Gate.kept_log`."""
        return None

    def rest(self) -> Rest:
        """See `Gate.rest`."""
        with self._statements.snapshot():
            return self._rest()

    def _rest(self) -> Rest:
        settings = sorted(self._statements.rows("settings"))
        rules = self._rows("rules")
        starts = self._rows("starts")
        durations = self._rows("durations")
        counts = sorted(self._statements.rows("counts"))
        schedules, ticks = self._statements.rows("schedules"), self._rows("ticks")
        ((last_seq,),) = self._rows("last_seq")
        return Rest(settings, rules, starts, durations, [row for row in counts if row[2]], schedules, ticks, last_seq)

    # At the source

    def begin_leaving(self, id: str, place: str) -> str:
        """See `Gate.begin_leaving`."""
        with self._alone():
            self._close()
            self._refuse_closed()
            if running := self._rows("running"):
                raise Conflict(f"job {running[0][0]} is running", "stop the workers first: queuectl worker stop")
            arrived = self.transfers().get(Stage.ARRIVED)
            queue = id if arrived is None else arrived.queue
            self._begin(Stage.LEAVING, id, place, queue)
        return queue

    def stay(self, id: str) -> None:
        """See `Gate.stay`."""
        with self._alone():
            self._end(Stage.LEAVING, id)
            self._open()

    def leave(self, id: str) -> None:
        """See `Gate.leave`."""
        with self._alone():
            self._pass(Stage.LEAVING, Stage.LEFT, id)

    def reopen(self) -> None:
        """See `Gate.reopen`."""
        with self._alone():
            transfers = self.transfers()
            if (leaving := transfers.get(Stage.LEAVING)) is not None:
                raise Conflict(*why_closed(self.place, Stage.LEAVING, leaving.place))
            if not transfers.keys() & {Stage.ARRIVING, Stage.LEFT}:
                raise Conflict(f"the queue of {self.place} is open", "nothing was changed")
            if (arriving := transfers.get(Stage.ARRIVING)) is not None:  # what comes after the jobs may not be here
                rest = self._rest()
                self._add_rest(rest._replace(last_seq=max(rest.last_seq, arriving.upto)))
            for stage in transfers:
                self._change("forget_stage", {"stage": stage})
            self._open()

    # At the target

    def check_room(self, queue: str | None) -> None:
        """See `Gate.check_room`."""
        transfers = self.transfers()
        left = transfers.get(Stage.LEFT)
        self._refuse_closed(but=Stage.LEFT)
        if left is None and self._rows("any_job"):
            raise Conflict(f"there are jobs in {self.place} already", "a queue is moved to where none is")
        if left is None and self._rows("any_schedule"):
            raise Conflict(f"there are schedules in {self.place} already", "a queue is moved to where none is")
        if left is not None and left.queue != queue:
            raise Conflict(
                f"in {self.place} is the copy of another queue, which has moved to {left.place}",
                "a queue is moved to where none is, or where it has been",
            )
        if self._served():
            raise Conflict(f"workers serve {self.place}", "stop them first, on every machine: queuectl worker stop")

    def begin_arriving(self, id: str, place: str, queue: str) -> None:
        """See `Gate.begin_arriving`."""
        with self._alone():
            self._close()
            self.check_room(queue)
            self._empty()
            self._begin(Stage.ARRIVING, id, place, queue)

    def take_in(self, id: str, after: int, batch: Batch, log: Callable[[int, int], LogPart | None]) -> None:
        """See `Gate.take_in`."""
        number = self._terms.number_of
        numbers = {terms: number(terms) for terms in {job[TERMS] for job in batch.jobs}}
        with self._alone():
            if not self._change("go_on", {"id": id, "after": after, "upto": batch.jobs[-1][0]}):
                raise self._not_mine()
            jobs = [(*job[:TERMS], numbers[job[TERMS]], *job[TERMS + 1 :]) for job in batch.jobs]
            self._add(batch._replace(jobs=jobs), log)

    def take_in_rest(self, id: str, rest: Rest) -> None:
        """See `Gate.take_in_rest`."""
        with self._alone():
            self._pass(Stage.ARRIVING, Stage.ARRIVING, id)
            self._add_rest(rest)

    def send_back(self, id: str) -> None:
        """See `Gate.send_back`."""
        with self._alone():
            self._end(Stage.ARRIVING, id)
            self._empty()
            if Stage.LEFT not in self.transfers():
                self._open()

    def arrive(self, id: str) -> None:
        """See `Gate.arrive`."""
        with self._alone():
            for over in (Stage.LEFT, Stage.ARRIVED):
                self._change("forget_stage", {"stage": over})
            self._pass(Stage.ARRIVING, Stage.ARRIVED, id)
            self._open()

    # Statements

    def _rows(self, name: str, values: Mapping[str, object] = {}) -> list[Row]:
        return self._statements.rows(f"transfer/{name}", values)

    def _change(self, name: str, values: Mapping[str, object] = {}) -> int:
        return self._statements.change(f"transfer/{name}", values)

    def _begin(self, stage: Stage, id: str, place: str, queue: str) -> None:
        self._change("begin", {"stage": stage, "id": id, "place": place, "queue": queue})

    def _pass(self, stage: Stage, following: Stage, id: str) -> None:
        if not self._change("pass", {"stage": stage, "following": following, "id": id}):
            raise self._not_mine()

    def _end(self, stage: Stage, id: str) -> None:
        if not self._change("end", {"stage": stage, "id": id}):
            raise self._not_mine()

    def _refuse_closed(self, *, but: Stage | None = None) -> None:
        transfers = self.transfers()
        for stage in CLOSED:
            if stage is not but and stage in transfers:
                raise Conflict(*why_closed(self.place, stage, transfers[stage].place))

    def _not_mine(self) -> Conflict:
        return Conflict(f"another process moves the queue of {self.place}, or has given it up", "look: queuectl status")


def why_closed(place: str, stage: str, other: str) -> tuple[str, str]:
    """Return why the queue of a place cannot be changed, and what to do."""
    there = f"--store {other}" if "://" in other else f"--home {other}, without --store"
    match stage:
        case Stage.LEFT:
            return f"the queue of {place} has moved to {other}", f"use it there: {there}"
        case Stage.LEAVING:
            return (
                f"the queue of {place} is being moved to {other}",
                "queuectl migrate-store goes on with it, or gives it up with --abandon",
            )
        case _:
            return f"a queue is being moved from {other} to {place}", "wait until it has arrived"


def closed_by(gate: Gate) -> StoreClosed | None:
    """Return the error of a change of the queue behind a gate; None while it is open."""
    transfers = gate.transfers()
    for stage in CLOSED:
        if stage in transfers:
            return closed(gate.place, stage, transfers[stage].place)
    return None


def closed(place: str, stage: str, other: str) -> StoreClosed:
    """Return the error of a change of a closed queue."""
    return StoreClosed(*why_closed(place, stage, other))

"""Owns how a store keeps schedules, and how their ticks become jobs: each at most one, whoever looks, through kills.

What is read, decided and written about a tick is one transaction, in which nobody else sees to that schedule. Which
ticks are due is for schedule/due.py to say. Must not know a database: the statements have the same names in each.
As in `base.py`, the docstrings are the contract, and `tests/store` proves it for every engine.
"""

from __future__ import annotations

from queuectl.errors import Conflict, InvalidInput, NotFound, StoreBusy
from queuectl.job import FINISHED, State
from queuectl.record import Record
from queuectl.schedule.due import due
from queuectl.schedule.record import Outcome, Overlap, Schedule, Tick, Ticked
from queuectl.schedule.when import parse_when
from queuectl.store import rows, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import Any

    from queuectl.job import Job, NewJob
    from queuectl.schedule.record import NewSchedule
    from queuectl.schedule.when import Times
    from queuectl.store.engine import Statements
    from queuectl.store.terms import TermsTable

    JobOf = Callable[[Schedule, datetime | None], NewJob]
    """Makes the job of a schedule for a tick, or for none; with another id each time."""

AT_ONCE = 20
"""Schedules that are seen to in one transaction."""

KEPT = 50
"""Ticks of each schedule of which it is remembered what became of them."""

TRIES = 3
"""Ids that are tried for a job, and times that a transaction is begun anew which has met another one."""


class Means(Record):
    """What an engine lends."""

    statements: Statements
    terms: TermsTable
    moment: Callable[[datetime | None], Any]
    """Return an instant as statements take it."""
    clock: Callable[[], datetime]
    add: Callable[[NewJob, datetime], int]
    """Add a job within a transaction, and return its seq; raise `Conflict` if its id is taken."""
    cancel: Callable[[Job, datetime], bool]
    """Cancel a job that waits, or ask for the end of one that runs; False when it has moved since it was read."""


class Schedules:
    """The schedules of a store."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._statements = means.statements

    def add(self, news: Sequence[NewSchedule], now: datetime | None = None) -> Sequence[Schedule]:
        """Add schedules, all or none, that tick from now on; return them.

        Raises:
            Conflict: a name is taken, or comes twice.
            InvalidInput: the times of one cannot be read, or never come.
        """
        moment = now or self._means.clock()
        added = [self._new(new, moment) for new in news]
        with self._statements.together():
            for schedule in added:
                values = {
                    **schedule._asdict(),
                    "caller_env": words.of_environment(schedule.caller_env),
                    "created_at": self._instant(schedule.created_at),
                    "next_tick": self._instant(schedule.next_tick),
                }
                for column in ("paused_at", "last_seq"):
                    del values[column]
                if not self._statements.change("add_schedule", values):
                    raise Conflict(
                        f'schedule "{schedule.name}" already exists',
                        f"remove it first: queuectl schedule rm {schedule.name}",
                    )
        return added

    def all(self) -> Sequence[Schedule]:
        """Return every schedule, by name."""
        return [rows.schedule(row) for row in self._statements.rows("schedules")]

    def get(self, name: str) -> Schedule | None:
        """Return the schedule of that name."""
        row = self._statements.row("schedule", {"name": name})
        return None if row is None else rows.schedule(row)

    def ticks(self, name: str) -> Sequence[Tick]:
        """Return what became of the last ticks of a schedule, the last first."""
        return [rows.tick(row) for row in self._statements.rows("ticks", {"schedule": name})]

    def pause(self, name: str, now: datetime | None = None) -> Schedule:
        """Let a schedule tick no more until it is resumed; return it. One that is paused stays as it is.

        Raises:
            NotFound: no schedule of that name.
        """
        with self._statements.together():
            self._locked(name)
            self._statements.change("pause_schedule", {"name": name, "now": self._means.moment(now)})
            return self._existing(name)

    def resume(self, name: str, now: datetime | None = None) -> Schedule:
        """Let a schedule tick again from now on, and return it; one that is not paused stays as it is.

        Raises:
            NotFound: no schedule of that name.
            InvalidInput: its times cannot be read here.
        """
        with self._statements.together():
            schedule = self._locked(name)
            if schedule.paused_at is not None or schedule.next_tick is None:
                following = _times(schedule).after(now or self._means.clock())
                self._statements.change("resume_schedule", {"name": name, "next_tick": self._instant(following)})
            return self._existing(name)

    def remove(self, name: str) -> None:
        """Forget a schedule. The jobs that it has made stay.

        Raises:
            NotFound: no schedule of that name.
        """
        with self._statements.together():
            if not self._statements.change("remove_schedule", {"name": name}):
                raise _unknown(name)

    def run(self, name: str, job_of: JobOf, now: datetime | None = None) -> tuple[str, Ticked]:
        """Make a job of a schedule for no tick, and return its id; as a tick would, it heeds the one before it.

        Raises:
            NotFound: no schedule of that name.
            Conflict: the job before it has not ended, and the schedule skips.
        """
        self._means.terms.number(job_of(self._existing(name), None))
        with self._statements.together():
            schedule, moment = self._locked(name), now or self._means.clock()
            before = self._unfinished(schedule)
            if before is not None and schedule.overlap is Overlap.SKIP:
                raise Conflict(
                    f'job "{before.id}" of schedule "{name}" has not ended ({before.state})',
                    f"end it: queuectl cancel {before.id}",
                )
            asked = self._replace(schedule, moment)
            new, seq = self._added(schedule, None, job_of, moment)
            if seq is None:
                raise Conflict(f'no job of schedule "{name}" can be made: id "{new.id}" is taken', "try again")
            self._tick(schedule, schedule.next_tick, seq)
        return new.id, Ticked(1, (), asked)

    def make_due(self, job_of: JobOf, now: datetime | None = None) -> Ticked:
        """Make the jobs of the ticks that have come, of some schedules: call it again until none is due.

        What becomes of a tick is decided once, by whoever comes first. A schedule that cannot be read here, or whose
        job cannot be made, ticks no more until it is resumed.
        """
        for tries_left in reversed(range(TRIES)):
            try:
                return self._make_due(job_of, now)
            except StoreBusy:
                if not tries_left:
                    raise
        raise AssertionError

    def _make_due(self, job_of: JobOf, now: datetime | None) -> Ticked:
        found = self._statements.rows("due_schedules", {"now": self._means.moment(now), "limit": AT_ONCE})
        if not found:
            return Ticked()
        seen = sorted(map(rows.schedule, found))  # all lock them in one order, and so none waits for one who waits
        for schedule in seen:
            try:
                self._means.terms.number(job_of(schedule, schedule.next_tick))
            except InvalidInput:
                continue  # it is refused below
        jobs = 0
        ticks: list[tuple[str, Tick]] = []
        asked: list[str] = []
        with self._statements.together():
            for name in [schedule.name for schedule in seen]:
                row = self._statements.row("lock_schedule", {"name": name})
                if row is None:
                    continue  # removed in this moment
                schedule, moment = rows.schedule(row), now or self._means.clock()
                if schedule.paused_at is None and schedule.next_tick is not None and schedule.next_tick <= moment:
                    done = self._see_to(schedule, schedule.next_tick, job_of, moment)
                    jobs += done.jobs
                    ticks += done.ticks
                    asked += done.asked
        return Ticked(jobs, tuple(ticks), tuple(asked))

    def _see_to(self, schedule: Schedule, first: datetime, job_of: JobOf, moment: datetime) -> Ticked:
        """Do what is due of a schedule that ticks now."""
        ticks: list[Tick] = []
        asked: tuple[str, ...] = ()
        try:
            plan = due(_times(schedule), first, moment, schedule.catch_up, schedule.within)
            if plan.missed is not None:
                ticks.append(self._keep(schedule, Tick(plan.missed, Outcome.MISSED, None, None)))
            for tick in plan.ticks:
                skips = self._skips(schedule, is_last=tick == plan.ticks[-1])
                if not skips:
                    asked += self._replace(schedule, moment)
                new, seq = (None, None) if skips else self._added(schedule, tick, job_of, moment)
                if new is None or seq is None:
                    done = Tick(tick, Outcome.SKIPPED, None, None)
                else:
                    done = Tick(tick, Outcome.MADE, seq, new.id)
                    schedule = schedule._replace(last_seq=seq)
                ticks.append(self._keep(schedule, done))
            self._tick(schedule, plan.next_tick, schedule.last_seq)
        except InvalidInput:
            ticks.append(self._keep(schedule, Tick(first, Outcome.REFUSED, None, None)))
            self._tick(schedule, None, schedule.last_seq)
        self._statements.change("drop_ticks", {"schedule": schedule.name, "keep": KEPT})
        jobs = sum(tick.outcome is Outcome.MADE for tick in ticks)
        return Ticked(jobs, tuple((schedule.name, tick) for tick in ticks), asked)

    def _skips(self, schedule: Schedule, *, is_last: bool) -> bool:
        """Return whether a tick makes no job, because of the one before it or of the one that comes at once."""
        match schedule.overlap:
            case Overlap.SKIP:
                return self._unfinished(schedule) is not None
            case Overlap.REPLACE:
                return not is_last
            case Overlap.QUEUE:
                return False

    def _replace(self, schedule: Schedule, moment: datetime) -> tuple[str, ...]:
        """End the last job of a schedule that replaces; return the worker that is to be told, if any."""
        if schedule.overlap is not Overlap.REPLACE:
            return ()
        while (job := self._unfinished(schedule)) is not None:  # until it has not moved between the look and the write
            if self._means.cancel(job, moment):
                return (str(job.worker),) if job.state is State.PROCESSING else ()
        return ()

    def _unfinished(self, schedule: Schedule) -> Job | None:
        """Return the last job of a schedule, unless it has ended or is forgotten."""
        if schedule.last_seq is None:
            return None
        seqs = {"seqs": self._statements.numbers_as_value([schedule.last_seq])}
        row = self._statements.row("jobs_by_seq", seqs)
        job = None if row is None else rows.job(row, self._means.terms)
        return None if job is None or job.state in FINISHED else job

    def _added(
        self, schedule: Schedule, tick: datetime | None, job_of: JobOf, moment: datetime
    ) -> tuple[NewJob, int | None]:
        """Add a job of a schedule and return it with its seq; with None when something in the store forbids it."""
        for _ in range(TRIES):
            new = job_of(schedule, tick)
            try:
                return new, self._means.add(new, moment)
            except Conflict:
                continue
        return new, None

    def _keep(self, schedule: Schedule, tick: Tick) -> Tick:
        values = {"schedule": schedule.name, **tick._asdict(), "tick": self._instant(tick.tick)}
        self._statements.change("keep_tick", values)
        return tick

    def _tick(self, schedule: Schedule, following: datetime | None, last_seq: int | None) -> None:
        values = {"name": schedule.name, "next_tick": self._instant(following), "last_seq": last_seq}
        self._statements.change("tick_schedule", values)

    def _new(self, new: NewSchedule, moment: datetime) -> Schedule:
        times = parse_when(new.times, new.zone, moment)
        return Schedule(*new, created_at=moment, next_tick=times.after(moment), paused_at=None, last_seq=None)

    def _locked(self, name: str) -> Schedule:
        row = self._statements.row("lock_schedule", {"name": name})
        if row is None:
            raise _unknown(name)
        return rows.schedule(row)

    def _existing(self, name: str) -> Schedule:
        schedule = self.get(name)
        if schedule is None:
            raise _unknown(name)
        return schedule

    def _instant(self, instant: datetime | None) -> Any:  # noqa: ANN401  a value of its statements
        return None if instant is None else self._means.moment(instant)


def _times(schedule: Schedule) -> Times:
    return parse_when(schedule.times, schedule.zone, schedule.created_at)


def _unknown(name: str) -> NotFound:
    return NotFound(f'no schedule "{name}"')

"""The store against a model: random moves of several workers and users, a clock that goes both ways.

After every step the whole store has to say what the model says. HYPOTHESIS_PROFILE=long looks much longer.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import apsw
import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from queuectl.errors import Conflict, NotFound
from queuectl.job import Condition, Ended, Job, OnParentFailure, Outcome, Parent, Policy, Role, State
from queuectl.lifecycle import CANCELLABLE, MOVES, RETRIABLE, Loss
from queuectl.paths import Home
from queuectl.selection import Selection
from queuectl.store.postgres import gate
from queuectl.transfer import sums, transfer
from tests.support.factories import NOW, new_job
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from queuectl.job import NewJob
    from queuectl.store.base import Store

Ending = Literal["well", "failed", "timed out", "not started", "given back"]

ENDED: dict[Ending, Ended] = {
    "well": Ended(Outcome.EXITED, exit_code=0, duration=1.0),
    "failed": Ended(Outcome.EXITED, exit_code=1, duration=1.0),
    "timed out": Ended(Outcome.TIMED_OUT, signal=15, duration=1.0),
    "not started": Ended(Outcome.NOT_STARTED, exit_code=127, duration=0.0),
    "given back": Ended(Outcome.GIVEN_BACK, duration=1.0),
}
WAITING = (State.PENDING, State.FAILED)
LEGAL = {(start, to) for starts, ends in MOVES.values() for start in starts for to in ends} | {
    (State.BLOCKED, State.PROCESSING)  # released and claimed in one step
}
FINAL = (State.COMPLETED, State.DEAD, State.CANCELLED)
MAX_CRASHES = 3
MAX_INTERRUPTIONS = 20
MANY = 5
"""Jobs from which on the queue may be cleared and moved: before, nothing has come of it that could go wrong."""


@dataclass
class Row:
    """A job as the model sees it."""

    seq: int
    id: str
    queue: str
    priority: int
    max_retries: int
    created: datetime
    due: datetime | None
    ready: bool
    state: State = State.PENDING
    attempt: int = 0
    failures: int = 0
    crashes: int = 0
    interruptions: int = 0
    worker: str | None = None
    """Of the last run."""
    asked: bool = False
    paused: bool = False
    finished: datetime | None = None
    retried: bool = False
    on_failure: str | None = None
    met: dict[int, bool | None] = field(default_factory=dict)
    """Of each parent, by its number."""
    conditions: dict[int, str] = field(default_factory=dict)
    batch: str | None = None
    role: str | None = None
    not_before: datetime | None = None
    dropped: bool = False
    """Cancelled because what it waits for ended otherwise."""

    @property
    def batches(self) -> set[str]:
        """The batch that its end concerns."""
        return {self.batch} if self.batch is not None and self.role is None else set()

    def go(self, state: State, now: datetime, wait: float = 0) -> None:
        self.state, self.asked = state, False
        self.due = now + timedelta(seconds=wait) if state in WAITING else None
        self.paused = self.paused and state not in FINAL
        self.ready = state in WAITING and not wait and not self.paused
        self.finished = now if state in FINAL else None
        self.dropped = False

    def release(self, now: datetime) -> None:
        due = self.not_before or now
        self.go(State.PENDING, now)
        self.due, self.ready, self.not_before = due, due <= now and not self.paused, None

    def drop(self, now: datetime) -> None:
        self.go(State.CANCELLED, now)
        self.dropped, self.not_before = True, None

    def recall(self, now: datetime) -> None:
        self.go(State.BLOCKED, now)
        self.retried = True


@dataclass
class Model:
    """What section 2 of the design says, in plain Python."""

    rows: dict[str, Row] = field(default_factory=dict)
    completions: list[datetime] = field(default_factory=list)

    @property
    def are_alone(self) -> bool:
        """Whether no job waits for another one or for a batch: else the order counts in which some are moved."""
        return not any(row.met or row.batch for row in self.rows.values())

    def of(self, *states: State) -> list[Row]:
        return [row for row in self.rows.values() if row.state in states]

    def claim(self, worker: str, now: datetime) -> Row | None:
        for row in self.of(*WAITING):
            row.ready = row.ready or (row.due is not None and row.due <= now and not row.paused)
        best = min((row for row in self.rows.values() if row.ready), key=order, default=None)
        if best:
            best.go(State.PROCESSING, now)
            best.attempt += 1
            best.worker = worker
        return best

    def finish(self, row: Row, ending: Ending, now: datetime) -> None:
        if ending == "well":
            self.completions.append(now)
            row.go(State.COMPLETED, now)
        elif row.asked:
            row.go(State.CANCELLED, now)
        elif ending == "given back":
            row.go(State.PENDING, now)
        else:
            row.failures += 1
            dead = row.failures > row.max_retries
            row.go(State.DEAD if dead else State.FAILED, now, wait=2**row.failures)
        self.ended(row, now)

    def rescue(self, row: Row, loss: Loss, now: datetime) -> None:
        if row.asked:
            row.go(State.CANCELLED, now)
            self.ended(row, now)
            return
        row.crashes += loss is Loss.CRASHED
        row.interruptions += loss in (Loss.REBOOTED, Loss.SILENT)
        dead = row.crashes >= MAX_CRASHES or row.interruptions >= MAX_INTERRUPTIONS
        row.go(State.DEAD if dead and loss is not Loss.STOPPED else State.PENDING, now)
        self.ended(row, now)

    # What follows the end of a job

    def ended(self, row: Row, now: datetime) -> None:
        if row.state in FINAL:
            self.settle([row], row.batches, now)

    def settle(self, ended: list[Row], batches: set[str], now: datetime) -> None:
        while ended or batches:
            dropped = self.children_of(ended, now) if ended else self.end_of(batches.pop(), now)
            for row in dropped:
                row.drop(now)
                batches |= row.batches
            ended = dropped

    def children_of(self, ended: list[Row], now: datetime) -> list[Row]:
        """Release children; return those to be dropped."""
        dropped = []
        for parent in ended:
            for child in self.rows.values():
                if parent.seq in child.met:
                    well, condition = parent.state is State.COMPLETED, child.conditions[parent.seq]
                    child.met[parent.seq] = condition == "any" or (condition == "ok") is well
        for child in self.of(State.BLOCKED):
            if not child.met.keys() & {parent.seq for parent in ended}:
                continue
            states = child.met.values()
            if None not in states and (False not in states or child.on_failure == "run"):
                child.release(now)
            elif False in states and child.on_failure == "cancel":
                dropped.append(child)
        return dropped

    def end_of(self, batch: str, now: datetime) -> list[Row]:
        """Release what waits for a batch, if that has ended; return those to be dropped."""
        states = [row.state for row in self.rows.values() if batch in row.batches]
        over = bool(states) and all(state in FINAL for state in states)
        well = over and all(state is State.COMPLETED for state in states)
        died = State.DEAD in states
        run = {"then": well, "catch": died, "finally": over}
        dropped = []
        for row in self.of(State.BLOCKED):
            if row.batch == batch and row.role is not None:
                if run[row.role]:
                    row.release(now)
                elif over:
                    dropped.append(row)
        return dropped

    def recall(self, again: list[Row], batches: set[str], now: datetime) -> None:
        while again:
            numbers = {row.seq for row in again}
            children = [row for row in self.rows.values() if row.met.keys() & numbers]
            for child in children:
                child.met |= dict.fromkeys(child.met.keys() & numbers, None)
            again = [child for child in children if child.dropped and False not in child.met.values()]
            for child in again:
                child.recall(now)
                batches |= child.batches
        for row in self.of(State.CANCELLED):
            if row.dropped and row.role is not None and row.batch in batches:
                row.recall(now)
        self.settle([], batches, now)

    def cancel(self, row: Row, now: datetime) -> None:
        row.go(State.CANCELLED, now)
        row.not_before = None
        self.ended(row, now)

    def retry(self, row: Row, now: datetime) -> None:
        was = row.state
        row.go(State.FAILED if row.state is State.FAILED else State.PENDING, now)
        row.failures = row.crashes = row.interruptions = 0
        row.retried = True
        if was in FINAL:
            self.recall([row], row.batches, now)

    def prune(self, state: State, before: datetime, limit: int) -> list[int]:
        old = [row for row in self.of(state) if row.finished and row.finished < before]
        gone = sorted(old, key=lambda row: (row.finished, row.seq))[:limit]
        for row in gone:
            del self.rows[row.id]
        if state is State.COMPLETED:
            self.completions = [
                end for end in self.completions if end >= before.replace(minute=0, second=0, microsecond=0)
            ]
        return sorted(row.seq for row in gone)


def order(row: Row) -> tuple[int, datetime, int]:
    return -row.priority, row.created, row.seq


NAMES = {f"job{n}" for n in range(8)}
ids = st.sampled_from(sorted(NAMES))
workers = st.sampled_from(["w1", "w2", "w3"])
waits = (
    st.none()
    | st.none()
    | st.integers(-5, 60).map(lambda wait: timedelta(seconds=wait))
    | st.integers(0, 60).map(float)
)


class StoreAgainstModel(RuleBasedStateMachine):
    """Two handles on one queue, used in turn, and the model beside them."""

    @initialize()
    def begin(self) -> None:
        self.now = NOW
        self.model = Model()
        self.last_seq = 0
        self.held: dict[str, Job] = {}
        """The run that each worker is at."""
        self.stale: list[Job] = []
        """Runs that have ended, or were rescued."""
        self.before: dict[int, Row] = {}
        self.place = self.new_place()
        self.stores = [opened(self.place, sync_every=1000.0) for _ in range(2)]
        self.turn = 0

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.forget(self.place)

    # Where the queue is

    def new_place(self) -> str:
        return tempfile.mkdtemp(prefix="queuectl-model-")

    def forget(self, place: str) -> None:
        shutil.rmtree(place)

    def scan(self) -> dict[tuple[str, str], int]:
        """Count the jobs of each queue and state one by one."""
        database = apsw.Connection(Home(self.place).database, flags=apsw.SQLITE_OPEN_READONLY)
        try:
            rows: list[Any] = database.execute("SELECT queue, state, count(*) FROM jobs GROUP BY 1, 2").fetchall()
        finally:
            database.close()
        return {(queue, state): n for queue, state, n in rows}

    @property
    def store(self) -> Store:
        self.turn = 1 - self.turn
        return self.stores[self.turn]

    # Moves

    @rule(
        names=st.lists(ids, min_size=1, max_size=3),
        queue=st.sampled_from(["a", "b"]),
        priority=st.integers(-1, 1),
        max_retries=st.integers(0, 2),
        wait=waits,
        batch=st.sampled_from([None, None, "x", "y"]),
    )
    def enqueue(  # noqa: PLR0913, PLR0917  what a job may be
        self,
        names: list[str],
        queue: str,
        priority: int,
        max_retries: int,
        wait: timedelta | float | None,
        batch: str | None,
    ) -> None:
        due = self.now + (wait if isinstance(wait, timedelta) else timedelta(seconds=wait or 0))
        run_at = due if isinstance(wait, timedelta) else wait
        policy = Policy(max_retries=max_retries, max_crashes=MAX_CRASHES)
        new = [new_job(id, queue=queue, priority=priority, policy=policy, run_at=run_at, batch=batch) for id in names]
        if len(set(names)) < len(names) or any(id in self.model.rows for id in names):
            with pytest.raises(Conflict):
                self.store.enqueue(new, self.now)
            return
        assert list(self.store.enqueue(new, self.now)) == names
        for id in names:
            stored = self.store.get(id)
            assert stored
            assert stored.seq > self.last_seq
            self.last_seq = stored.seq
            self.model.rows[id] = Row(
                stored.seq, id, queue, priority, max_retries, self.now, due, ready=due <= self.now, batch=batch
            )
        if batch is not None:
            self.model.recall([], {batch}, self.now)

    @precondition(lambda self: self.model.rows)
    @rule(
        data=st.data(),
        on_failure=st.sampled_from(OnParentFailure),
        wait=waits,
        batch=st.sampled_from([None, "x", "y"]),
    )
    def enqueue_a_child(
        self, data: st.DataObject, on_failure: str, wait: timedelta | float | None, batch: str | None
    ) -> None:
        id = data.draw(st.sampled_from(sorted(NAMES - self.model.rows.keys()) or sorted(NAMES)))
        names = data.draw(st.lists(st.sampled_from(sorted(self.model.rows)), min_size=1, max_size=3, unique=True))
        parents = [Parent(name, data.draw(st.sampled_from(Condition))) for name in names]
        due = self.now + (wait if isinstance(wait, timedelta) else timedelta(seconds=wait or 0))
        run_at = due if isinstance(wait, timedelta) else wait
        policy = Policy(max_retries=0, max_crashes=MAX_CRASHES)
        new = new_job(
            id, queue="a", policy=policy, run_at=run_at, after=parents, on_parent_failure=on_failure, batch=batch
        )
        row = self.added(new)
        if row is None:
            return
        rows = [self.model.rows[name] for name in names]
        row.on_failure, row.not_before = on_failure, due if due > self.now else None
        row.met = dict.fromkeys((parent.seq for parent in rows), None)
        row.conditions = {parent.seq: wanted.condition for parent, wanted in zip(rows, parents, strict=True)}
        self.model.recall([], row.batches, self.now)
        self.model.settle([parent for parent in rows if parent.state in FINAL], set(), self.now)

    @rule(id=ids, batch=st.sampled_from(["x", "y"]), role=st.sampled_from(Role))
    def enqueue_what_follows_a_batch(self, id: str, batch: str, role: str) -> None:
        policy = Policy(max_retries=0, max_crashes=MAX_CRASHES)
        row = self.added(new_job(id, queue="a", policy=policy, batch=batch, batch_role=role))
        if row is not None:
            row.role = role
            self.model.recall([], {batch}, self.now)

    def added(self, new: NewJob) -> Row | None:
        """Add a job that waits, and return how the model sees it; None when its id is taken."""
        if new.id in self.model.rows:
            with pytest.raises(Conflict):
                self.store.enqueue([new], self.now)
            return None
        self.store.enqueue([new], self.now)
        stored = self.store.get(new.id)
        assert stored
        self.last_seq = stored.seq
        row = Row(stored.seq, new.id, new.queue, 0, 0, self.now, None, ready=False, state=State.BLOCKED)
        row.batch = new.flow.batch
        self.model.rows[new.id] = row
        return row

    @rule(worker=workers)
    def claim(self, worker: str) -> None:
        if worker not in self.held:
            self.took(worker, self.store.claim(worker, "c" * 32, self.now))

    def took(self, worker: str, job: Job | None) -> None:
        expected = self.model.claim(worker, self.now)
        assert (job and (job.id, job.attempt, job.worker)) == (expected and (expected.id, expected.attempt, worker))
        if job:
            self.held[worker] = job

    @precondition(lambda self: self.held)
    @rule(data=st.data(), ending=st.sampled_from(list(ENDED)), and_claim=st.booleans())
    def finish(self, data: st.DataObject, ending: Ending, *, and_claim: bool) -> None:
        worker = data.draw(st.sampled_from(sorted(self.held)))
        job = self.held.pop(worker)
        self.stale.append(job)
        self.model.finish(self.model.rows[job.id], ending, self.now)
        if and_claim:
            done, following = self.store.finish_and_claim(job, ENDED[ending], "c" * 32, self.now)
            self.took(worker, following)
        else:
            done = self.store.finish(job, ENDED[ending], self.now)
        assert done
        assert done.seq == job.seq

    @rule(endings=st.lists(st.sampled_from(["well", "failed"]), min_size=1, max_size=4))
    def a_worker_works(self, endings: list[Ending]) -> None:
        """Claim and finish some jobs in a row, at a time when most are due, so that more of them come to an end."""
        self.now += timedelta(seconds=60)
        for ending in endings:
            self.took("w9", self.store.claim("w9", "c" * 32, self.now))
            if "w9" not in self.held:
                return
            self.every_job_is_as_in_the_model()
            job = self.held.pop("w9")
            self.stale.append(job)
            self.model.finish(self.model.rows[job.id], ending, self.now)
            assert self.store.finish(job, ENDED[ending], self.now)
            self.every_job_is_as_in_the_model()

    @precondition(lambda self: self.model.of(*FINAL))
    @rule(data=st.data())
    def retry_what_has_ended(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(row.id for row in self.model.of(*FINAL))))
        self.store.retry(id, self.now)
        self.model.retry(self.model.rows[id], self.now)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), loss=st.sampled_from(Loss))
    def crash_and_rescue(self, data: st.DataObject, loss: Loss) -> None:
        worker = data.draw(st.sampled_from(sorted(self.held)))
        self.stale.append(self.held.pop(worker))
        (lost,) = (running.job for running in self.store.running() if running.job.worker == worker)
        self.model.rescue(self.model.rows[lost.id], loss, self.now)
        assert self.store.rescue(lost, loss, self.now)

    @rule(id=ids)
    def cancel(self, id: str) -> None:
        row = self.model.rows.get(id)
        if row is None:
            with pytest.raises(NotFound):
                self.store.cancel(id, self.now)
        elif row.state in (State.COMPLETED, State.DEAD):
            with pytest.raises(Conflict):
                self.store.cancel(id, self.now)
        else:
            self.store.cancel(id, self.now)
            if row.state is State.PROCESSING:
                row.asked = True
            elif row.state is not State.CANCELLED:
                self.model.cancel(row, self.now)

    @rule(id=ids)
    def pause(self, id: str) -> None:
        row = self.model.rows.get(id)
        if row is None:
            with pytest.raises(NotFound):
                self.store.pause(id, self.now)
        elif row.state in FINAL or row.asked:
            with pytest.raises(Conflict):
                self.store.pause(id, self.now)
        else:
            self.store.pause(id, self.now)
            row.paused, row.ready = True, False

    @rule(id=ids)
    def resume(self, id: str) -> None:
        row = self.model.rows.get(id)
        if row is None:
            with pytest.raises(NotFound):
                self.store.resume(id, self.now)
        elif row.state in FINAL:
            with pytest.raises(Conflict):
                self.store.resume(id, self.now)
        else:
            self.store.resume(id, self.now)
            if row.paused:
                row.paused, row.ready = False, row.due is not None and row.due <= self.now

    @rule(id=ids)
    def signal(self, id: str) -> None:
        row = self.model.rows.get(id)
        if row is None or row.state is not State.PROCESSING:
            with pytest.raises(NotFound if row is None else Conflict):
                self.store.signal(id, 10, self.now)
            return
        running = self.store.signal(id, 10, self.now)
        asked = self.store.requests(running)
        assert asked
        assert asked.requests[-1].value == 10
        assert (asked.cancel, asked.paused) == (row.asked, row.paused)

    @rule(id=ids)
    def retry(self, id: str) -> None:
        row = self.model.rows.get(id)
        if row is None:
            with pytest.raises(NotFound):
                self.store.retry(id, self.now)
        elif row.state in (State.PENDING, State.BLOCKED, State.PROCESSING):
            with pytest.raises(Conflict):
                self.store.retry(id, self.now)
        else:
            self.store.retry(id, self.now)
            self.model.retry(row, self.now)

    @precondition(lambda self: self.model.are_alone)
    @rule(queue=st.sampled_from(["a", "b"]), age=st.sampled_from([None, 30]))
    def cancel_what_is_selected(self, queue: str, age: int | None) -> None:
        rows = self.selected(queue, age, CANCELLABLE)
        chosen = self.store.matching(Selection((queue,), older_than=age), CANCELLABLE, self.now)
        assert sorted(seq for seqs in chosen.values() for seq in seqs) == sorted(row.seq for row in rows)
        done = [job.id for jobs in self.store.cancel_all(chosen, self.now) for job in jobs]
        assert sorted(done) == sorted(row.id for row in rows)
        for row in rows:
            if row.state is State.PROCESSING:
                row.asked = True
            else:
                row.go(State.CANCELLED, self.now)

    @precondition(lambda self: self.model.are_alone)
    @rule(queue=st.sampled_from(["a", "b"]), age=st.sampled_from([None, 30]))
    def retry_what_is_selected(self, queue: str, age: int | None) -> None:
        rows = self.selected(queue, age, RETRIABLE)
        chosen = self.store.matching(Selection((queue,), older_than=age), RETRIABLE, self.now)
        done = [job.id for jobs in self.store.retry_all(chosen, self.now) for job in jobs]
        assert sorted(done) == sorted(row.id for row in rows)
        for row in rows:
            self.model.retry(row, self.now)

    def selected(self, queue: str, age: int | None, states: Collection[State]) -> list[Row]:
        before = self.now - timedelta(seconds=age or 0)
        return [row for row in self.model.of(*states) if row.queue == queue and (age is None or row.created < before)]

    @precondition(lambda self: self.stale)
    @rule(data=st.data(), ending=st.sampled_from(list(ENDED)), loss=st.sampled_from(Loss))
    def a_late_result_changes_nothing(self, data: st.DataObject, ending: Ending, loss: Loss) -> None:
        late = data.draw(st.sampled_from(self.stale))
        assert self.store.finish(late, ENDED[ending], self.now) is None
        assert self.store.rescue(late, loss, self.now) is None
        assert self.store.requests(late) is None

    @rule(seconds=st.sampled_from([1, 2, 7, 61, 3600]) | st.integers(-70, 70))
    def the_clock_moves(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds, microseconds=seconds)

    @precondition(lambda self: len(self.model.rows) > MANY)
    @rule()
    def clear(self) -> None:
        gone = {seq for batch in self.store.clear() for seq in batch}
        kept = {row.id: row for row in self.model.of(State.PROCESSING)}
        assert gone == {row.seq for row in self.model.rows.values()} - {row.seq for row in kept.values()}
        self.model = Model(kept)

    @precondition(lambda self: len(self.model.rows) > MANY)
    @rule(state=st.sampled_from(FINAL), age=st.integers(-60, 120), limit=st.integers(1, 3))
    def prune(self, state: State, age: int, limit: int) -> None:
        before = self.now - timedelta(seconds=age)
        assert sorted(self.store.prune(state, 0, limit, before)) == self.model.prune(state, before, limit)

    @precondition(lambda self: not self.held and len(self.model.rows) > MANY)
    @rule()
    def the_queue_moves_to_a_file_and_back(self) -> None:
        here, place = self.store, tempfile.mkdtemp(prefix="queuectl-model-")
        there = opened(place)
        before = sums(here.gate())
        for source, target in ((here, there), (there, here)):
            transfer(source, target, Home(place), lambda _: None)
            assert sums(target.gate()) == before
        there.close()
        shutil.rmtree(place)

    # What always holds

    @invariant()
    def every_job_is_as_in_the_model(self) -> None:
        stored = {job.id: job for job in self.store.list()}
        assert stored.keys() == self.model.rows.keys()
        for id, row in self.model.rows.items():
            job = stored[id]
            assert (job.state, job.ready, job.next_run_at) == (row.state, row.ready, row.due)
            assert (job.attempt, job.failures, job.crashes, job.interruptions) == (
                row.attempt,
                row.failures,
                row.crashes,
                row.interruptions,
            )
            assert (job.worker, job.finished_at, job.not_before) == (row.worker, row.finished, row.not_before)
            assert {parent.parent: parent.met for parent in self.store.parents(job) if parent.state} == {
                self.model_id(seq): met for seq, met in row.met.items() if self.model_id(seq)
            }
            assert (job.cancel_requested_at is not None, job.paused_at is not None) == (row.asked, row.paused)
        self.no_job_breaks_a_rule(stored)

    def model_id(self, seq: int) -> str | None:
        return next((row.id for row in self.model.rows.values() if row.seq == seq), None)

    def no_job_breaks_a_rule(self, stored: dict[str, Job]) -> None:
        """What the design says of any job, whatever the model thinks."""
        for job in stored.values():
            assert (job.state is State.PROCESSING) == (job.cookie is not None)
            assert job.failures <= job.policy.max_retries + 1
            assert (job.state is State.DEAD) <= (job.failures > job.policy.max_retries or job.crashes == MAX_CRASHES)
            assert not job.ready or job.state in WAITING
            past = self.before.get(job.seq)
            if past:
                assert job.attempt >= past.attempt
                assert job.state is past.state or (past.state, job.state) in LEGAL, (past.state, job.state)
                if past.state in FINAL and job.state is not past.state:
                    assert self.model.rows[job.id].retried
        runs = [job.worker for job in stored.values() if job.state is State.PROCESSING]
        assert sorted(map(str, runs)) == sorted(self.held)
        self.before = {job.seq: replace(self.model.rows[job.id]) for job in stored.values()}
        for row in self.model.rows.values():
            row.retried = False

    @invariant()
    def counts_are_what_a_scan_finds(self) -> None:
        metrics = self.store.metrics()
        counted = {
            (queue, f"{state}"): n for queue, (counts, _) in metrics.queues.items() for state, n in counts.items() if n
        }
        assert counted == self.scan()
        assert sum(metrics.counts.values()) == len(self.model.rows)
        assert (metrics.completed.runs if metrics.completed else 0) == len(self.model.completions)

    @invariant()
    def what_waits_is_as_in_the_model(self) -> None:
        waiting = self.model.of(*WAITING)
        assert self.store.next_due_at(self.now) == min(
            (row.due for row in waiting if row.due and not row.ready and not row.paused), default=None
        )
        oldest = min((row for row in waiting if row.ready), key=lambda row: (row.created, row.seq), default=None)
        found = self.store.oldest_waiting()
        assert (found and found.seq) == (oldest and oldest.seq)
        assert [job.id for job in self.store.list(State.PENDING, now=self.now)] == list(self.run_order())
        blocked = sorted(row.seq for row in self.model.of(State.BLOCKED))
        assert [job.seq for job in self.store.list(State.BLOCKED)] == blocked

    def run_order(self) -> Iterator[str]:
        """Yield the ids of pending jobs as claims would take them now, then by time, then those paused by queue."""
        pending = [row for row in self.model.of(State.PENDING) if not row.paused]
        now = [row for row in pending if row.ready or (row.due and row.due <= self.now)]
        yield from (row.id for row in sorted(now, key=order))
        later = [row for row in pending if row not in now]
        yield from (row.id for row in sorted(later, key=lambda row: (row.due, row.seq)))
        paused = [row for row in self.model.of(State.PENDING) if row.paused]
        yield from (row.id for row in sorted(paused, key=lambda row: (row.queue, order(row))))


LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"

TestSqliteAgainstModel = StoreAgainstModel.TestCase
TestSqliteAgainstModel.settings = settings(
    max_examples=2000 if LONG else 60, stateful_step_count=100 if LONG else 40, deadline=None
)


class PostgresAgainstModel(StoreAgainstModel):
    """The same moves in a database, which is emptied before the next walk."""

    url = ""

    def new_place(self) -> str:
        with psycopg.connect(self.url, autocommit=True) as database:
            database.execute(EMPTY)
        return self.url

    def forget(self, place: str) -> None:
        pass

    def scan(self) -> dict[tuple[str, str], int]:
        with psycopg.connect(self.url) as database:
            rows = database.execute("SELECT queue, state, count(*) FROM queuectl.jobs GROUP BY queue, state").fetchall()
        return {(queue, state): n for queue, state, n in rows}


EMPTY = """
TRUNCATE queuectl.jobs, queuectl.job_ids, queuectl.attempts, queuectl.dependencies, queuectl.counts,
    queuectl.count_changes,
    queuectl.durations, queuectl.runs, queuectl.workers, queuectl.transfers
"""


@pytest.fixture(autouse=True)
def database_of_the_model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.cls is TestPostgresAgainstModel:
        # Finished jobs would come back into tables of their days, and such a day is kept until it is over.
        monkeypatch.setattr(gate, "DAYS", -36500)
        PostgresAgainstModel.url = request.getfixturevalue("postgres_url")


TestPostgresAgainstModel = PostgresAgainstModel.TestCase
TestPostgresAgainstModel.settings = settings(
    max_examples=500 if LONG else 25, stateful_step_count=100 if LONG else 40, deadline=None
)

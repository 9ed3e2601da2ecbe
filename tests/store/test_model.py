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
from queuectl.job import Ended, Job, Outcome, Policy, State
from queuectl.lifecycle import MOVES, Loss
from queuectl.paths import Home
from queuectl.store.postgres import gate
from queuectl.transfer import sums, transfer
from tests.support.factories import NOW, new_job
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

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
LEGAL = {(start, to) for starts, ends in MOVES.values() for start in starts for to in ends}
FINAL = (State.COMPLETED, State.DEAD, State.CANCELLED)
MAX_CRASHES = 3
MAX_INTERRUPTIONS = 20


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
    finished: datetime | None = None
    retried: bool = False

    def go(self, state: State, now: datetime, wait: float = 0) -> None:
        self.state, self.asked = state, False
        self.due = now + timedelta(seconds=wait) if state in WAITING else None
        self.ready = state in WAITING and not wait
        self.finished = now if state in FINAL else None


@dataclass
class Model:
    """What section 2 of the design says, in plain Python."""

    rows: dict[str, Row] = field(default_factory=dict)
    completions: list[datetime] = field(default_factory=list)

    def of(self, *states: State) -> list[Row]:
        return [row for row in self.rows.values() if row.state in states]

    def claim(self, worker: str, now: datetime) -> Row | None:
        for row in self.of(*WAITING):
            row.ready = row.ready or (row.due is not None and row.due <= now)
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

    def rescue(self, row: Row, loss: Loss, now: datetime) -> None:
        if row.asked:
            row.go(State.CANCELLED, now)
            return
        row.crashes += loss is Loss.CRASHED
        row.interruptions += loss in (Loss.REBOOTED, Loss.SILENT)
        dead = row.crashes >= MAX_CRASHES or row.interruptions >= MAX_INTERRUPTIONS
        row.go(State.DEAD if dead and loss is not Loss.STOPPED else State.PENDING, now)

    def retry(self, row: Row, now: datetime) -> None:
        row.go(State.FAILED if row.state is State.FAILED else State.PENDING, now)
        row.failures = row.crashes = row.interruptions = 0
        row.retried = True

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


ids = st.sampled_from([f"job{n}" for n in range(8)])
workers = st.sampled_from(["w1", "w2", "w3"])


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
        wait=st.none() | st.integers(-5, 60).map(lambda wait: timedelta(seconds=wait)) | st.integers(0, 60).map(float),
    )
    def enqueue(
        self, names: list[str], queue: str, priority: int, max_retries: int, wait: timedelta | float | None
    ) -> None:
        due = self.now + (wait if isinstance(wait, timedelta) else timedelta(seconds=wait or 0))
        run_at = due if isinstance(wait, timedelta) else wait
        policy = Policy(max_retries=max_retries, max_crashes=MAX_CRASHES)
        new = [new_job(id, queue=queue, priority=priority, policy=policy, run_at=run_at) for id in names]
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
                stored.seq, id, queue, priority, max_retries, self.now, due, ready=due <= self.now
            )

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
                row.go(State.CANCELLED, self.now)

    @rule(id=ids)
    def retry(self, id: str) -> None:
        row = self.model.rows.get(id)
        if row is None:
            with pytest.raises(NotFound):
                self.store.retry(id, self.now)
        elif row.state in (State.PENDING, State.PROCESSING):
            with pytest.raises(Conflict):
                self.store.retry(id, self.now)
        else:
            self.store.retry(id, self.now)
            self.model.retry(row, self.now)

    @precondition(lambda self: self.stale)
    @rule(data=st.data(), ending=st.sampled_from(list(ENDED)), loss=st.sampled_from(Loss))
    def a_late_result_changes_nothing(self, data: st.DataObject, ending: Ending, loss: Loss) -> None:
        late = data.draw(st.sampled_from(self.stale))
        assert self.store.finish(late, ENDED[ending], self.now) is None
        assert self.store.rescue(late, loss, self.now) is None
        assert not self.store.cancel_requested(late)

    @rule(seconds=st.sampled_from([1, 2, 7, 61, 3600]) | st.integers(-70, 70))
    def the_clock_moves(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds, microseconds=seconds)

    @rule()
    def clear(self) -> None:
        gone = {seq for batch in self.store.clear() for seq in batch}
        kept = {row.id: row for row in self.model.of(State.PROCESSING)}
        assert gone == {row.seq for row in self.model.rows.values()} - {row.seq for row in kept.values()}
        self.model = Model(kept)

    @rule(state=st.sampled_from(FINAL), age=st.integers(-60, 120), limit=st.integers(1, 3))
    def prune(self, state: State, age: int, limit: int) -> None:
        before = self.now - timedelta(seconds=age)
        assert sorted(self.store.prune(state, 0, limit, before)) == self.model.prune(state, before, limit)

    @precondition(lambda self: not self.held)
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
            assert (job.worker, job.finished_at) == (row.worker, row.finished)
            assert (job.cancel_requested_at is not None) == row.asked
        self.no_job_breaks_a_rule(stored)

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
            (row.due for row in waiting if row.due and not row.ready), default=None
        )
        oldest = min((row for row in waiting if row.ready), key=lambda row: (row.created, row.seq), default=None)
        found = self.store.oldest_waiting()
        assert (found and found.seq) == (oldest and oldest.seq)
        assert [job.id for job in self.store.list(State.PENDING, now=self.now)] == list(self.run_order())

    def run_order(self) -> Iterator[str]:
        """Yield the ids of pending jobs as claims at this moment would take them, then by time."""
        pending = self.model.of(State.PENDING)
        now = [row for row in pending if row.ready or (row.due and row.due <= self.now)]
        yield from (row.id for row in sorted(now, key=order))
        later = [row for row in pending if row not in now]
        yield from (row.id for row in sorted(later, key=lambda row: (row.due, row.seq)))


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
TRUNCATE queuectl.jobs, queuectl.job_ids, queuectl.attempts, queuectl.counts, queuectl.count_changes,
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

"""Workers of several machines on one server: claims that never meet, leases, and who is woken."""

from __future__ import annotations

import select
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from queuectl.job import Outcome, State
from queuectl.store.base import Call, Lease
from queuectl.store.postgres import engine
from queuectl.store.postgres.engine import PostgresStore
from queuectl.store.postgres.waker import PAUSE, Waker
from tests.support.eventually import eventually
from tests.support.factories import (
    COOKIE,
    GIVEN_BACK,
    NOW,
    WELL,
    WORKER,
    after,
    claimed,
    identity,
    job,
    new_job,
    stored_job,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queuectl.job import Job
    from queuectl.store.base import Bell


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    store = PostgresStore(postgres_url)
    yield store
    store.close()


# Claims


def test_a_worker_is_told_by_its_own_clock_when_the_next_job_becomes_due(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.enqueue([new_job("a", run_at=60.0)])
    due, right, hour = stored_job(store, "a").next_run_at, time.time_ns, timedelta(hours=1)
    monkeypatch.setattr(time, "time_ns", lambda: right() + 3_600_000_000_000)

    told = store.next_due_at()

    assert told is not None
    assert due is not None
    assert due + hour / 2 < told < due + 1.5 * hour


def test_workers_that_claim_at_once_share_the_jobs_without_a_loss(store: PostgresStore, postgres_url: str) -> None:
    ids = list(store.enqueue(new_job(f"job{number}") for number in range(2000)))
    together = threading.Barrier(4)
    taken: list[list[str]] = [[], [], [], []]

    def work(number: int) -> None:
        worker = PostgresStore(postgres_url, for_worker=True)
        together.wait()
        running = worker.claim(str(number), COOKIE)
        while running is not None:
            taken[number].append(running.id)
            ended, running = worker.finish_and_claim(running, WELL, COOKIE)
            assert ended is not None
        worker.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(taken)
    assert sorted(id for of_worker in taken for id in of_worker) == sorted(ids)
    assert {state: n for state, n in store.counts()["default"].items() if n} == {State.COMPLETED: 2000}
    completed = store.metrics().completed
    assert completed is not None
    assert completed.runs == 2000


def test_a_job_that_another_is_about_to_claim_is_passed_over(store: PostgresStore, postgres_url: str) -> None:
    store.enqueue([new_job("a", priority=1), new_job("b")])
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT FROM queuectl.unfinished WHERE id = 'a' FOR UPDATE")
        assert claimed(store).id == "b"


def test_a_claim_that_waited_takes_the_run_that_its_job_had_meanwhile(store: PostgresStore, postgres_url: str) -> None:
    other = PostgresStore(postgres_url, for_worker=True)
    store.enqueue([new_job("first", priority=1), new_job("second")])
    held = claimed(store, "first")
    found: list[Job | None] = []
    waiting = threading.Thread(target=lambda: found.append(store.finish_and_claim(held, WELL, COOKIE)[1]))
    with psycopg.connect(postgres_url) as lock, psycopg.connect(postgres_url, autocommit=True) as watcher:
        lock.execute("SELECT FROM queuectl.unfinished WHERE seq = %s FOR UPDATE", [held.seq])
        waiting.start()
        eventually(lambda: watcher.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount)
        other.finish(claimed(other, "second", worker="2"), GIVEN_BACK)
    waiting.join()

    (job,) = found
    assert job is not None
    assert (job.id, job.attempt) == ("second", 2)
    assert [attempt.attempt for attempt in store.attempts(job.seq)] == [1]
    other.close()


def test_a_claim_stands_when_what_follows_it_fails(
    store: PostgresStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SUM_UP_AFTER", 1)
    store.enqueue([new_job("a")])
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("ALTER TABLE queuectl.runs RENAME TO gone")
        job = store.claim(WORKER, COOKIE)
        other.execute("ALTER TABLE queuectl.gone RENAME TO runs")

    assert job is not None
    assert job.id == "a"
    assert store.finish(job, WELL) is not None


# Leases


def test_a_lease_that_is_renewed_is_kept(store: PostgresStore) -> None:
    store.register(identity(), 60, NOW)
    job(store, State.PROCESSING)

    assert store.renew(WORKER, 60, after(50)) == Lease(kept=True)
    assert store.rescue_expired(after(50 + 74.9)) == []


def test_a_job_is_taken_once_a_lease_has_been_over_for_a_quarter_of_its_length(store: PostgresStore) -> None:
    store.register(identity(), 20, NOW)
    running = job(store, State.PROCESSING)

    assert store.rescue_expired(after(24.9)) == []
    (taken,) = store.rescue_expired(after(25))

    assert taken == stored_job(store, running.id)
    assert (taken.state, taken.ready, taken.interruptions, taken.crashes) == (State.PENDING, True, 1, 0)
    assert [attempt.outcome for attempt in store.attempts(running.seq)] == [Outcome.LOST]
    assert store.identities() == []


def test_a_worker_that_registers_again_because_the_answer_was_lost_has_its_lease_from_then_on(
    store: PostgresStore,
) -> None:
    store.register(identity(), 60, NOW)
    store.register(identity(), 60, after(70))
    job(store, State.PROCESSING, now=after(70))

    assert store.rescue_expired(after(70 + 74.9)) == []
    assert len(store.rescue_expired(after(70 + 75))) == 1


def test_a_worker_with_two_jobs_for_a_moment_is_shown_with_the_first(store: PostgresStore) -> None:
    store.register(identity(), 60)
    store.enqueue([new_job("a", priority=1), new_job("b")])
    claimed(store, "a")
    claimed(store, "b")

    assert [worker.job for worker in store.workers()] == ["a"]


def test_a_lease_that_is_over_is_renewed_until_it_was_taken(store: PostgresStore) -> None:
    store.register(identity(), 60, NOW)
    running = job(store, State.PROCESSING)

    assert store.renew(WORKER, 60, after(70)).kept
    assert store.rescue_expired(after(100)) == []
    assert [taken.id for taken in store.rescue_expired(after(145))] == [running.id]
    assert store.renew(WORKER, 60, after(146)) == Lease(kept=False)
    assert store.finish(running, WELL, after(146)) is None


def test_a_worker_that_holds_no_job_is_forgotten_with_its_lease(store: PostgresStore) -> None:
    store.register(identity(), 60, NOW)

    assert store.rescue_expired(after(75)) == []
    assert store.identities() == []


def test_a_job_is_taken_from_one_worker_only(store: PostgresStore) -> None:
    for worker, begun in (("1", NOW), ("2", after(30))):
        store.register(identity(worker), 60, begun)
        job(store, State.PROCESSING, new_job(f"of{worker}"), now=begun, worker=worker)

    assert [taken.id for taken in store.rescue_expired(after(80))] == ["of1"]
    assert stored_job(store, "of2").state is State.PROCESSING
    assert store.rescue_expired(after(80)) == []


def test_a_job_of_a_worker_that_nobody_knows_is_taken_after_75_seconds(store: PostgresStore) -> None:
    running = job(store, State.PROCESSING)

    assert store.rescue_expired(after(74.9)) == []
    assert [taken.id for taken in store.rescue_expired(after(85))] == [running.id]


def test_only_the_workers_of_the_same_home_and_boot_are_near(store: PostgresStore) -> None:
    me = identity("1" * 32)
    others = (identity("2" * 32), me._replace(worker="3" * 32, home="a copy"), me._replace(worker="4" * 32, boot="old"))
    for worker in (me, *others):
        store.register(worker, 60, NOW)
        job(store, State.PROCESSING, worker=worker.worker)
    job(store, State.PROCESSING, worker="nobody knows it")

    assert {near.worker for near in store.identities(near=me)} == {"1" * 32, "2" * 32}
    assert [run.job.worker for run in store.running(near=me)] == ["1" * 32, "2" * 32]
    assert len(store.running()) == 5


def test_one_process_of_all_looks_after_the_store_in_a_round(store: PostgresStore, postgres_url: str) -> None:
    other = PostgresStore(postgres_url)

    assert store.begin_round(60, NOW)
    assert not other.begin_round(60, after(59.9))
    assert other.begin_round(60, after(60))
    assert not store.begin_round(60, after(60))
    assert store.begin_round(60, after(-3600)), "the clock was set back"
    other.close()


def test_a_job_whose_worker_had_begun_to_stop_counts_nothing(store: PostgresStore) -> None:
    store.register(identity(), 60, NOW)
    running = job(store, State.PROCESSING)
    store.mark_stopping(WORKER, after(1))

    (taken,) = store.rescue_expired(after(75))

    assert (taken.state, taken.failures, taken.crashes, taken.interruptions) == (State.PENDING, 0, 0, 0)
    assert [attempt.outcome for attempt in store.attempts(running.seq)] == [Outcome.GIVEN_BACK]


def test_a_job_that_was_to_be_cancelled_is_cancelled_when_its_lease_is_over(store: PostgresStore) -> None:
    store.register(identity(), 60, NOW)
    running = job(store, State.PROCESSING)
    store.cancel(running.id, after(1))

    (taken,) = store.rescue_expired(after(75))

    assert (taken.state, taken.finished_at) == (State.CANCELLED, after(75))
    assert stored_job(store, running.id) == taken


def test_a_renewal_at_the_moment_of_a_rescue_waits_and_finds_its_lease_gone(
    store: PostgresStore, postgres_url: str
) -> None:
    store.register(identity(), 60, NOW)
    renewed: list[Lease] = []
    renewal = threading.Thread(target=lambda: renewed.append(store.renew(WORKER, 60, after(75))))
    with psycopg.connect(postgres_url) as rescuer, psycopg.connect(postgres_url, autocommit=True) as watcher:
        rescuer.execute("DELETE FROM queuectl.workers")
        renewal.start()
        eventually(
            lambda: (
                watcher.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ).fetchone()
                == (1,)
            )
        )
    renewal.join()

    assert renewed == [Lease(kept=False)]


def test_workers_are_known_as_long_as_their_leases_last(store: PostgresStore) -> None:
    store.register(identity("1"), 600)
    store.register(identity("2"), 0)
    store.register(identity("3"), 600)
    store.mark_stopping("3")
    running = job(store, State.PROCESSING, worker="1")

    assert [(known.identity, known.stopping, known.job) for known in store.workers()] == [
        (identity("1"), False, running.id),
        (identity("3"), True, None),
    ]


@pytest.mark.parametrize("now", [False, True])
def test_the_workers_of_a_host_hear_of_a_stop_when_they_renew(store: PostgresStore, now: bool) -> None:  # noqa: FBT001
    store.register(identity("1"), 600)
    store.register(identity("2")._replace(host="there"), 600)

    store.request_stop("here", now=now)

    assert store.renew("1", 600) == Lease(kept=True, stop=True, stop_now=now)
    assert store.renew("2", 600) == Lease(kept=True)
    assert [known.stopping for known in store.workers()] == [True, False]


def test_a_stop_is_for_whom_was_started_before_it_even_if_it_registers_later(store: PostgresStore) -> None:
    before = store.last_stop()
    number = store.request_stop("here", now=False)
    after_it = store.last_stop()

    store.register(identity("1"), 600, after_stop=before)
    store.register(identity("2"), 600, after_stop=after_it)

    assert [store.renew(worker, 600).stop for worker in "12"] == [True, False]
    assert [known.after_stop < number for known in store.workers()] == [True, False]
    assert store.request_stop("here", now=False) > number
    assert store.renew("2", 600).stop


def test_who_was_asked_to_stop_at_once_is_not_asked_for_less_later(store: PostgresStore) -> None:
    store.register(identity(), 600)
    store.request_stop("here", now=True)

    store.request_stop("here", now=False)

    assert store.renew(WORKER, 600) == Lease(kept=True, stop=True, stop_now=True)


def test_a_worker_that_was_asked_to_stop_is_given_no_job(store: PostgresStore, postgres_url: str) -> None:
    store.register(identity(), 600)
    running = job(store, State.PROCESSING)
    job(store, new=new_job("next"))

    store.request_stop("here", now=False)

    assert store.finish_and_claim(running, WELL, COOKIE)[1] is None
    assert store.claim(WORKER, COOKIE) is None
    other = PostgresStore(postgres_url)
    other.register(identity("2" * 32), 600, after_stop=other.last_stop())
    assert claimed(other, worker="2" * 32).id == "next"
    other.close()


def test_the_stops_of_a_month_are_kept(store: PostgresStore, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as database:
        database.execute(
            "INSERT INTO queuectl.stops SELECT host, extract(epoch FROM now() - age) * 1e6, 0"
            " FROM (VALUES ('here', interval '31 d'), ('there', '31 d'), ('elsewhere', '29 d')) AS stop(host, age)"
        )

    store.request_stop("here", now=False)

    with psycopg.connect(postgres_url) as database:
        assert database.execute("SELECT host FROM queuectl.stops ORDER BY 1").fetchall() == [("elsewhere",), ("here",)]


# Who is woken


def test_nobody_on_a_machine_that_has_died_is_woken_in_place_of_one_that_lives(
    store: PostgresStore, postgres_url: str
) -> None:
    store.register(identity("2" * 32), 60, datetime.now(UTC) - timedelta(seconds=40))
    store.begin_idle("2" * 32)
    living = PostgresStore(postgres_url)
    living.register(identity(), 60)
    bell = living.bell(WORKER)
    living.begin_idle(WORKER)

    store.wake_idle(1)

    (descriptor,) = bell.descriptors(idle=True)
    select.select([descriptor], [], [], 60)
    assert bell.answer(descriptor) == Call.WORK
    living.close()


class Sleeper:
    """A worker that is about to sleep."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.store = PostgresStore(url, for_worker=True)
        self.store.register(identity(name), 600)
        self.bell: Bell = self.store.bell(name)
        self.bell.answer(0)
        self.sleep()

    def sleep(self) -> None:
        assert self.store.begin_idle(self.name)
        assert not self.store.begin_idle(self.name)

    def calls(self, seconds: float = 0.0) -> Call:
        """Return why it was called, and wait so long for it."""
        (descriptor,) = self.bell.descriptors(idle=True)
        select.select([descriptor], [], [], seconds)
        return self.bell.answer(descriptor)


@contextmanager
def sleeping(url: str, number: int) -> Iterator[list[Sleeper]]:
    sleepers = [Sleeper(url, f"w{n}") for n in range(number)]
    yield sleepers
    for sleeper in sleepers:
        sleeper.store.close()


def woken(store: PostgresStore, sleepers: list[Sleeper]) -> list[str]:
    """Return which sleepers are called to work by what was sent so far: a call that is sent now comes after it."""
    found = []
    for sleeper in sleepers:
        store.wake_worker(sleeper.name)
        calls = Call(0)
        while Call.LOOK not in calls:
            calls |= sleeper.calls(60)
        if Call.WORK in calls:
            found.append(sleeper.name)
    return found


def test_as_many_sleeping_workers_are_woken_as_there_are_jobs(store: PostgresStore, postgres_url: str) -> None:
    with sleeping(postgres_url, 4) as sleepers:
        store.wake_idle(3)
        first = woken(store, sleepers)
        store.close()
        again = PostgresStore(postgres_url)
        again.wake_idle(3)
        second = woken(again, sleepers)
        again.close()

    assert len(first) == 3
    assert sorted(first + second) == ["w0", "w1", "w2", "w3"]


def test_a_call_that_comes_with_the_answer_to_a_statement_is_heard(store: PostgresStore, postgres_url: str) -> None:
    with sleeping(postgres_url, 1) as (sleeper,):
        store.wake_idle()
        sleeper.store.settings()  # takes in all that the server has sent

        # It is marked as awake: if it slept on, nobody would call it again.
        sleeper.sleep()
        store.close()
        again = PostgresStore(postgres_url)
        again.wake_idle()
        assert woken(again, [sleeper]) == ["w0"]
        again.close()


@pytest.mark.parametrize("with_an_answer", [False, True])
def test_a_setting_is_looked_at_as_soon_as_it_is_set(
    store: PostgresStore, postgres_url: str, *, with_an_answer: bool
) -> None:
    with sleeping(postgres_url, 1) as (sleeper,):
        sleeper.store.changed()
        assert not sleeper.store.changed()

        store.set_setting("grace", "1s")
        if with_an_answer:
            sleeper.store.settings()
        else:
            assert Call.LOOK in sleeper.calls(60)

        assert sleeper.store.changed()
        assert not sleeper.store.changed()


def test_a_worker_that_has_found_work_by_itself_is_not_woken(store: PostgresStore, postgres_url: str) -> None:
    with sleeping(postgres_url, 1) as sleepers:
        store.enqueue([new_job("a")])
        assert sleepers[0].store.claim("w0", COOKIE) is not None
        store.wake_idle()
        assert woken(store, sleepers) == []


def test_a_worker_that_was_woken_can_be_woken_again(store: PostgresStore, postgres_url: str) -> None:
    with sleeping(postgres_url, 1) as sleepers:
        for _ in range(3):
            store.wake_idle()
            calls = Call(0)
            while Call.WORK not in calls:
                calls |= sleepers[0].calls(60)
            sleepers[0].sleep()


def test_a_setting_lets_every_worker_look(store: PostgresStore, postgres_url: str) -> None:
    with sleeping(postgres_url, 2) as sleepers:
        store.set_setting("grace", "1s")
        assert [sleeper.calls(60) for sleeper in sleepers] == [Call.LOOK, Call.LOOK]


@pytest.mark.parametrize("closed", [False, True])
def test_the_last_job_of_many_wakes_somebody_too(
    store: PostgresStore,
    postgres_url: str,
    closed: bool,  # noqa: FBT001
) -> None:
    with sleeping(postgres_url, 2) as sleepers:
        store.wake_idle()
        store.wake_idle()  # too early, most probably
        if closed:
            store.close()
        for sleeper in sleepers:
            calls = Call(0)
            while Call.WORK not in calls:
                calls |= sleeper.calls(60)


def test_who_enqueues_in_a_loop_wakes_once_in_a_pause(store: PostgresStore, postgres_url: str) -> None:
    store.register(identity(), 600)
    heard = 0
    with psycopg.connect(postgres_url, autocommit=True) as listening:
        listening.execute(f"LISTEN queuectl_{WORKER}".encode())
        began = time.monotonic()
        for _ in range(150):
            listening.execute("UPDATE queuectl.workers SET idle = true")
            store.enqueue([new_job()])
            store.wake_idle()
        store.close()
        elapsed = time.monotonic() - began
        listening.execute(f"NOTIFY queuectl_{WORKER}, 'end'".encode())
        for notify in listening.notifies():
            if notify.payload == "end":
                break
            heard += 1

    assert 1 <= heard <= elapsed / PAUSE + 2


LEFT_OPEN = """
import os, sys
from queuectl.queue import Queue
from queuectl.request import JobRequest
from queuectl.store.postgres.engine import PostgresStore
queue = Queue(PostgresStore(sys.argv[1]), os.environ)
queue.enqueue(JobRequest(command="true"))
queue.enqueue(JobRequest(command="true"))  # too early for a wake of its own
"""


def test_a_process_that_ends_without_a_word_has_woken_somebody_for_its_last_job(
    store: PostgresStore, postgres_url: str
) -> None:
    with sleeping(postgres_url, 2) as sleepers:
        subprocess.run([sys.executable, "-c", LEFT_OPEN, postgres_url], check=True)
        assert store.counts()["default"][State.PENDING] == 2
        for sleeper in sleepers:
            calls = Call(0)
            while Call.WORK not in calls:
                calls |= sleeper.calls(60)


def test_no_wake_comes_early_and_none_is_lost() -> None:
    sent: list[int] = []
    waker = Waker(sent.append)
    began = time.monotonic()
    jobs = 0
    while time.monotonic() < began + 10 * PAUSE:
        waker.wake(1)
        jobs += 1
    waker.close()

    assert sum(sent) == jobs
    assert len(sent) <= (time.monotonic() - began) / PAUSE + 2


def test_a_waker_ends_after_what_it_sends() -> None:
    sends, done = threading.Event(), threading.Event()
    sent: list[int] = []

    def send(jobs: int) -> None:
        if sent:  # the second is sent by the timer
            sends.set()
            done.wait()
        sent.append(jobs)

    waker = Waker(send)
    waker.wake(1)
    waker.wake(2)
    sends.wait()
    closing = threading.Thread(target=waker.close)
    closing.start()
    closing.join(0.2)
    early = not closing.is_alive()
    done.set()
    closing.join()

    assert not early
    assert sent == [1, 2]

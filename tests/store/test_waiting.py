"""What a worker asks between jobs: is there news, when is the next job due, is anything left; and what is on disk."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from queuectl.job import Policy, State
from queuectl.lifecycle import Loss
from tests.support.factories import BADLY, COOKIE, NOW, WELL, WORKER, after, claimed, identity, job, new_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore


# On PostgreSQL nothing tells a change cheaply: `changed` says when it is time to look.
TELLS_CHANGES = pytest.mark.parametrize("place", ["sqlite"], indirect=True)

# On PostgreSQL every commit is on disk: what a crash of the server forgot, workers of other machines would do again.
COMMITS_RELAXED = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


@TELLS_CHANGES
def test_the_first_look_finds_a_change_and_the_second_none(store: Store) -> None:
    assert store.changed()
    assert not store.changed()


@TELLS_CHANGES
def test_every_commit_of_another_handle_is_a_change_once(store: Store, open_store: OpenStore) -> None:
    other = open_store()
    store.changed()
    actions: list[Callable[[], object]] = [
        lambda: other.enqueue([new_job("a")], NOW),
        lambda: other.cancel("a", NOW),
        lambda: other.retry("a", NOW),
        lambda: other.claim(WORKER, COOKIE, NOW),
        lambda: other.set_setting("grace", "5s"),
        lambda: list(other.clear()),
    ]
    for action in actions:
        action()
        assert store.changed()
        assert not store.changed()


@TELLS_CHANGES
def test_own_commits_and_the_reads_of_others_are_no_change(store: Store, open_store: OpenStore) -> None:
    other = open_store()
    store.changed()

    job(store, State.COMPLETED)
    assert other.get("a") is None
    assert other.metrics().counts[State.COMPLETED] == 1

    assert not store.changed()


def test_the_next_due_time_is_the_soonest_of_all_that_wait(store: Store) -> None:
    assert store.next_due_at(NOW) is None
    job(store, State.FAILED)  # due at 2
    assert store.next_due_at(NOW) == after(2)
    store.enqueue([new_job(run_at=after(1)), new_job(run_at=after(9))], NOW)
    assert store.next_due_at(NOW) == after(1)


def test_a_due_time_that_has_passed_is_still_told(store: Store) -> None:
    job(store, State.PENDING, new_job("a", run_at=after(1)))

    assert store.next_due_at(NOW) == after(1)
    claimed(store, "a", now=after(50))
    assert store.next_due_at(NOW) is None


@pytest.mark.parametrize("state", [State.PENDING, State.PROCESSING, State.COMPLETED, State.DEAD, State.CANCELLED])
def test_a_job_that_waits_for_no_time_is_not_due(store: Store, state: State) -> None:
    job(store, state)

    assert store.next_due_at(NOW) is None


@pytest.mark.parametrize(
    ("state", "left"),
    [
        (State.PENDING, True),
        (State.PROCESSING, True),
        (State.FAILED, True),
        (State.COMPLETED, False),
        (State.DEAD, False),
        (State.CANCELLED, False),
    ],
)
def test_a_drain_waits_for_what_runs_is_ready_or_backs_off(store: Store, state: State, *, left: bool) -> None:
    assert not store.unfinished()

    job(store, state)

    assert store.unfinished() is left


def test_a_drain_waits_for_no_job_of_the_future(store: Store) -> None:
    real = datetime.now(UTC)
    store.enqueue([new_job(run_at=real + timedelta(days=1))])
    assert not store.unfinished()

    store.enqueue([new_job(run_at=real + timedelta(microseconds=1))], real - timedelta(days=1))
    assert store.unfinished()


def test_settings_are_kept_and_the_last_value_counts(store: Store, open_store: OpenStore) -> None:
    assert store.settings() == {}
    store.set_setting("grace", "5s")
    store.set_setting("log_cap", "1MiB")
    store.set_setting("grace", "7s")

    assert open_store().settings() == {"grace": "7s", "log_cap": "1MiB"}


def test_a_clear_keeps_the_settings(store: Store) -> None:
    store.set_setting("grace", "5s")
    job(store, State.COMPLETED)
    list(store.clear())

    assert store.settings() == {"grace": "5s"}


# On disk

FOR_EVER = 1000.0


def test_without_patience_every_commit_is_on_disk(store: Store) -> None:
    store.finish(job(store, State.PROCESSING), WELL, NOW)

    assert store.unflushed_since is None
    assert not store.flush()


RELAXED: list[Callable[[Store], object]] = [
    lambda store: store.claim(WORKER, COOKIE, NOW),
    lambda store: store.finish(store.running()[0].job, BADLY, NOW),
    lambda store: store.finish_and_claim(store.running()[0].job, BADLY, COOKIE, NOW),
    lambda store: store.rescue(store.running()[0].job, Loss.CRASHED, NOW),
]


@COMMITS_RELAXED
@pytest.mark.parametrize("write", RELAXED, ids=["claim", "finish", "finish_and_claim", "rescue"])
def test_a_workers_writes_wait_for_a_flush(open_store: OpenStore, write: Callable[[Store], object]) -> None:
    job(open_store(), State.PROCESSING)
    store = open_store(sync_every=FOR_EVER)
    store.enqueue([new_job()], NOW)
    assert store.unflushed_since is None

    before = time.monotonic()
    write(store)

    since = store.unflushed_since
    assert since is not None
    assert before <= since <= time.monotonic()
    assert store.flush()
    assert store.unflushed_since is None
    assert not store.flush()


@COMMITS_RELAXED
def test_a_flush_for_everyone_commits_for_other_processes_as_well(open_store: OpenStore) -> None:
    worker, command = open_store(sync_every=FOR_EVER), open_store()
    job(worker, State.COMPLETED)
    worker.changed()

    assert not command.flush()
    assert not worker.changed()
    assert command.flush(everyone=True)
    assert worker.changed()
    assert worker.unflushed_since is not None  # it cannot know


@COMMITS_RELAXED
def test_the_oldest_unflushed_commit_gives_the_time(open_store: OpenStore) -> None:
    store = open_store(sync_every=FOR_EVER)
    running = job(store, State.PROCESSING)
    since = store.unflushed_since

    store.finish(running, WELL, NOW)

    assert since is not None
    assert store.unflushed_since == since


def test_a_claim_that_finds_nothing_leaves_nothing_to_flush(open_store: OpenStore) -> None:
    store = open_store(sync_every=FOR_EVER)

    assert store.claim(WORKER, COOKIE, NOW) is None

    assert store.unflushed_since is None


@COMMITS_RELAXED
def test_a_claim_that_finds_nothing_flushes_nothing(open_store: OpenStore) -> None:
    """Its commit writes nothing, so it syncs nothing, however long the one before it has waited."""
    store = open_store(sync_every=1e-9)
    job(store, State.PROCESSING)
    since = store.unflushed_since

    assert store.claim(WORKER, COOKIE, NOW) is None

    assert since is not None
    assert store.unflushed_since == since
    assert store.flush()


DURABLE: list[Callable[[Store], object]] = [
    lambda store: store.enqueue([new_job()], NOW),
    lambda store: store.enqueue([new_job(), new_job()], NOW),
    lambda store: store.register(identity("9" * 32), 60.0, NOW),
    lambda store: store.mark_stopping(WORKER, NOW),
    lambda store: store.deregister("8" * 32),
    lambda store: store.cancel("waiting", NOW),
    lambda store: store.cancel("running", NOW),
    lambda store: store.retry("completed", NOW),
    lambda store: store.set_setting("grace", "1s"),
    lambda store: list(store.clear()),
]


@COMMITS_RELAXED
@pytest.mark.parametrize(
    "write",
    DURABLE,
    ids=[
        "enqueue one",
        "enqueue many",
        "register",
        "mark_stopping",
        "deregister",
        "cancel waiting",
        "cancel running",
        "retry",
        "set_setting",
        "clear",
    ],
)
def test_a_durable_write_takes_all_commits_before_it_along(
    open_store: OpenStore, write: Callable[[Store], object]
) -> None:
    store = open_store(sync_every=FOR_EVER)
    store.register(identity(WORKER), 60.0, NOW)
    store.register(identity("8" * 32), 60.0, NOW)
    job(store, State.COMPLETED, new_job("completed"))
    job(store, State.PROCESSING, new_job("running"))
    job(store, State.PENDING, new_job("waiting"))
    store.rescue(job(store, State.PROCESSING, new_job("one", priority=9)), Loss.STOPPED, NOW)
    assert store.unflushed_since is not None

    write(store)

    assert store.unflushed_since is None


@COMMITS_RELAXED
def test_a_commit_flushes_once_the_oldest_has_waited_long_enough(open_store: OpenStore) -> None:
    store = open_store(sync_every=1e-9)
    running = job(store, State.PROCESSING, new_job(policy=Policy(backoff_max=0.0)))
    assert store.unflushed_since is not None

    _, running_again = store.finish_and_claim(running, BADLY, COOKIE, NOW)

    assert running_again is not None
    assert store.unflushed_since is None


@COMMITS_RELAXED
def test_a_flush_changes_nothing_that_is_seen(open_store: OpenStore) -> None:
    store = open_store(sync_every=FOR_EVER)
    job(store, State.FAILED)
    before = list(store.list()), store.metrics(), store.settings(), store.next_due_at(NOW)

    assert store.flush()

    assert (list(store.list()), store.metrics(), store.settings(), store.next_due_at(NOW)) == before


def test_a_stores_own_clock_is_used_when_no_time_is_given(store: Store) -> None:
    def now() -> datetime:
        return datetime.now(UTC)

    started = now()
    store.enqueue([new_job("a"), new_job("b"), new_job("c")])
    running = store.claim(WORKER, COOKIE)
    assert running is not None
    done = store.finish(running, WELL)
    store.cancel("b")
    found = store.get("b")
    ended = now()

    assert started <= running.created_at <= ended
    assert running.started_at is not None
    assert started <= running.started_at <= ended
    assert done is not None
    assert done.finished_at is not None
    assert started <= done.finished_at <= ended
    assert found is not None
    assert found.finished_at is not None
    assert started <= found.finished_at <= ended

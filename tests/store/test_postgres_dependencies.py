"""Ends and enqueues that meet in the same moment on a server, where no write lock keeps them apart."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from queuectl.errors import NotFound
from queuectl.job import State
from queuectl.store.postgres.engine import PostgresStore
from tests.support.eventually import DEADLINE, eventually
from tests.support.factories import NOW, WELL, claimed, new_job, stored_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from queuectl.job import NewJob


@pytest.fixture
def stores(postgres_url: str) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    """Two processes' connections to one queue."""
    here, there = PostgresStore(postgres_url), PostgresStore(postgres_url)
    yield here, there
    here.close()
    there.close()


@contextmanager
def just_before_its_commit(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let the next transaction of several statements wait before it commits, until the block ends.

    The event says that it has got there.
    """
    there, go_on = threading.Event(), threading.Event()
    connection = store._connection  # noqa: SLF001  the moment is inside
    together = connection.repeated

    def and_wait(act: Callable[[], object]) -> object:
        def held() -> object:
            result = act()
            there.set()
            assert go_on.wait(DEADLINE)
            return result

        return together(held)

    monkeypatch.setattr(connection, "repeated", and_wait)
    try:
        yield there
    finally:
        go_on.set()
        monkeypatch.undo()


def somebody_waits(url: str) -> bool:
    with psycopg.connect(url) as watcher:
        query = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(watcher.execute(query).rowcount)


TWO_AND_WHAT_FOLLOWS = {
    "parents": [new_job("p"), new_job("q"), new_job("follows", after=["p", "q"])],
    "a batch": [new_job("p", batch="b"), new_job("q", batch="b"), new_job("follows", batch="b", batch_role="then")],
}


@pytest.mark.parametrize("jobs", TWO_AND_WHAT_FOLLOWS.values(), ids=list(TWO_AND_WHAT_FOLLOWS))
def test_of_two_that_end_at_the_same_time_the_second_lets_run_what_waits_for_both(
    stores: tuple[PostgresStore, PostgresStore], postgres_url: str, monkeypatch: pytest.MonkeyPatch, jobs: list[NewJob]
) -> None:
    here, there = stores
    here.enqueue(jobs, NOW)
    first, second = claimed(here, "p"), claimed(there, "q")

    with ThreadPoolExecutor(2) as pool:
        with just_before_its_commit(here, monkeypatch) as ready:
            one = pool.submit(here.finish, first, WELL, NOW)
            assert ready.wait(DEADLINE)
            other = pool.submit(there.finish, second, WELL, NOW)
            eventually(lambda: other.done() or somebody_waits(postgres_url))
        one.result()
        other.result()

    assert stored_job(here, "follows").state is State.PENDING


def test_a_child_that_comes_in_the_moment_of_its_parents_end_is_released(
    stores: tuple[PostgresStore, PostgresStore], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = stores
    here.enqueue([new_job("p"), new_job("other", after=["p"])], NOW)
    running = claimed(here, "p")._replace(followed=True)

    with ThreadPoolExecutor(2) as pool:
        with just_before_its_commit(here, monkeypatch) as ready:
            end = pool.submit(here.finish, running, WELL, NOW)
            assert ready.wait(DEADLINE)
            child = pool.submit(there.enqueue, [new_job("c", after=["p"])], NOW)
            eventually(lambda: child.done() or somebody_waits(postgres_url))
        end.result()
        child.result()

    assert stored_job(here, "c").state is State.PENDING


def test_an_end_that_comes_while_a_child_is_added_releases_it(
    stores: tuple[PostgresStore, PostgresStore], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = stores
    here.enqueue([new_job("p")], NOW)
    running = claimed(there, "p")
    assert not running.followed

    with ThreadPoolExecutor(2) as pool:
        with just_before_its_commit(here, monkeypatch) as ready:
            child = pool.submit(here.enqueue, [new_job("c", after=["p"])], NOW)
            assert ready.wait(DEADLINE)
            end = pool.submit(there.finish, running, WELL, NOW)
            eventually(lambda: end.done() or somebody_waits(postgres_url))
        child.result()
        end.result()

    assert stored_job(here, "c").state is State.PENDING


def test_a_parent_that_is_forgotten_in_this_moment_is_not_waited_for(
    stores: tuple[PostgresStore, PostgresStore], postgres_url: str
) -> None:
    here, _ = stores
    here.enqueue([new_job("p")], NOW)

    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(postgres_url) as clearing:
            clearing.execute("DELETE FROM queuectl.jobs")
            clearing.execute("DELETE FROM queuectl.job_ids")
            child = pool.submit(here.enqueue, [new_job("c", after=["p"])], NOW)
            eventually(lambda: child.done() or somebody_waits(postgres_url))
        with pytest.raises(NotFound):
            child.result()

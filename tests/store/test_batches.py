"""Jobs that belong together, and what runs when they have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl.job import Parent, Role, State
from tests.support.factories import BADLY, NOW, WELL, claimed, new_job, stored_job

if TYPE_CHECKING:
    from queuectl.job import NewJob
    from queuectl.store.base import Store

PENDING, BLOCKED, COMPLETED = State.PENDING, State.BLOCKED, State.COMPLETED
DEAD, CANCELLED = State.DEAD, State.CANCELLED


def member(id: str) -> NewJob:
    return new_job(id, max_retries=0, batch="night", priority=5)


CALLBACKS = [new_job(str(role), batch="night", batch_role=role) for role in Role]


def callbacks(store: Store) -> list[State]:
    """Return the states of what runs then, at a death, and finally."""
    return [stored_job(store, role).state for role in Role]


def end(store: Store, id: str, state: State) -> None:
    if state is CANCELLED:
        store.cancel(id, NOW)
    else:
        store.finish(claimed(store, id), WELL if state is COMPLETED else BADLY, NOW)
    assert stored_job(store, id).state is state


@pytest.fixture
def batch(store: Store) -> Store:
    """A batch of two jobs, and one of each kind that waits for it."""
    store.enqueue([member("m1"), member("m2"), *CALLBACKS], NOW)
    assert callbacks(store) == [BLOCKED, BLOCKED, BLOCKED]
    return store


def test_nothing_runs_before_all_have_ended(batch: Store) -> None:
    end(batch, "m1", COMPLETED)

    assert callbacks(batch) == [BLOCKED, BLOCKED, BLOCKED]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (COMPLETED, [PENDING, CANCELLED, PENDING]),
        (DEAD, [CANCELLED, PENDING, PENDING]),
        (CANCELLED, [CANCELLED, CANCELLED, PENDING]),
    ],
)
def test_how_the_last_one_ends_decides_what_runs(batch: Store, second: State, expected: list[State]) -> None:
    end(batch, "m1", COMPLETED)
    end(batch, "m2", second)

    assert callbacks(batch) == expected


def test_a_death_is_told_at_once(batch: Store) -> None:
    end(batch, "m1", DEAD)

    assert callbacks(batch) == [BLOCKED, PENDING, BLOCKED]


def test_when_the_dead_are_retried_and_complete_the_batch_has_completed(batch: Store) -> None:
    end(batch, "m1", DEAD)
    end(batch, "m2", COMPLETED)
    assert callbacks(batch) == [CANCELLED, PENDING, PENDING]

    batch.retry("m1", NOW)
    assert callbacks(batch) == [BLOCKED, PENDING, PENDING]
    end(batch, "m1", COMPLETED)

    assert callbacks(batch) == [PENDING, PENDING, PENDING]


def test_a_batch_that_gets_more_jobs_goes_on(batch: Store) -> None:
    end(batch, "m1", COMPLETED)
    end(batch, "m2", CANCELLED)
    assert callbacks(batch) == [CANCELLED, CANCELLED, PENDING]

    batch.enqueue([member("m3")], NOW)

    assert callbacks(batch) == [BLOCKED, BLOCKED, PENDING]


def test_what_waits_may_come_after_the_end(store: Store) -> None:
    store.enqueue([member("m1")], NOW)
    end(store, "m1", COMPLETED)

    store.enqueue(CALLBACKS, NOW)

    assert callbacks(store) == [PENDING, CANCELLED, PENDING]


def test_a_batch_without_jobs_has_not_ended(store: Store) -> None:
    store.enqueue(CALLBACKS, NOW)

    assert callbacks(store) == [BLOCKED, BLOCKED, BLOCKED]


def test_the_end_of_what_waits_is_no_end_of_the_batch_but_others_may_wait_for_it(batch: Store) -> None:
    batch.enqueue([new_job("report", after=["then"])], NOW)
    end(batch, "m1", COMPLETED)
    end(batch, "m2", COMPLETED)

    end(batch, "then", COMPLETED)

    assert stored_job(batch, "report").state is PENDING


def test_a_member_that_is_given_up_because_of_its_parent_ends_its_batch(store: Store) -> None:
    store.enqueue([new_job("p", max_retries=0), member("m1")._replace(after=(Parent("p"),))], NOW)
    store.enqueue(CALLBACKS, NOW)
    stored = stored_job(store, "m1")
    assert stored.state is BLOCKED

    end(store, "p", COMPLETED)
    end(store, "m1", DEAD)

    assert callbacks(store) == [CANCELLED, PENDING, PENDING]


def test_batches_do_not_meet(batch: Store) -> None:
    batch.enqueue([new_job("other", batch="day", priority=9)], NOW)

    end(batch, "other", COMPLETED)

    assert callbacks(batch) == [BLOCKED, BLOCKED, BLOCKED]

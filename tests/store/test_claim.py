"""Claims: which job, to whom, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl.job import Policy, State
from tests.support.factories import (
    BADLY,
    COOKIE,
    GIVEN_BACK,
    NOW,
    WELL,
    WORKER,
    after,
    claimed,
    job,
    new_job,
    stored_job,
)

if TYPE_CHECKING:
    from datetime import datetime

    from queuectl.job import Ended
    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore


def drain(store: Store, now: datetime = NOW) -> list[str]:
    """Claim until there is nothing; return the ids in the order in which they came."""
    order = []
    while found := store.claim(WORKER, COOKIE, now):
        order.append(found.id)
    return order


def test_an_empty_queue_gives_none(store: Store) -> None:
    assert store.claim(WORKER, COOKIE, NOW) is None


def test_the_claimed_job_is_the_stored_one(store: Store) -> None:
    waiting = job(store, State.PENDING)

    found = store.claim("worker-1", "cookie-1", after(5))

    assert found == stored_job(store, waiting.id)
    assert found == waiting._replace(
        state=State.PROCESSING,
        ready=False,
        attempt=1,
        next_run_at=None,
        started_at=after(5),
        worker="worker-1",
        cookie="cookie-1",
    )


def test_a_job_is_given_once(store: Store, open_store: OpenStore) -> None:
    job(store, State.PENDING)

    assert store.claim("one", "c1", NOW) is not None
    assert store.claim("one", "c2", NOW) is None
    assert open_store().claim("two", "c3", NOW) is None


def test_higher_priority_comes_first_then_older_then_smaller_seq(store: Store) -> None:
    store.enqueue([new_job("late-low", priority=-1)], after(3))
    store.enqueue([new_job("late-1"), new_job("late-2")], after(3))
    store.enqueue([new_job("late-high", priority=10)], after(3))
    store.enqueue([new_job("early"), new_job("early-high", priority=10)], after(1))

    assert drain(store, after(3)) == ["early-high", "late-high", "early", "late-1", "late-2", "late-low"]


def test_the_smallest_and_the_largest_priority_are_kept_apart(store: Store) -> None:
    store.enqueue([new_job("least", priority=-(2**63)), new_job("zero"), new_job("most", priority=2**63 - 1)], NOW)

    assert drain(store) == ["most", "zero", "least"]


def test_a_scheduled_job_runs_from_its_microsecond_on(store: Store) -> None:
    due = after(10).replace(microsecond=123_457)
    job(store, State.PENDING, new_job("a", run_at=due))

    assert store.claim(WORKER, COOKIE, due.replace(microsecond=123_456)) is None
    assert claimed(store, now=due).id == "a"


def test_a_due_job_of_high_priority_comes_before_those_that_are_ready(store: Store) -> None:
    store.enqueue([new_job("ready"), new_job("due", priority=1, run_at=after(10))], NOW)

    assert drain(store, after(10)) == ["due", "ready"]


def test_due_jobs_keep_their_age_not_their_due_time(store: Store) -> None:
    store.enqueue([new_job("older", run_at=after(20))], NOW)
    store.enqueue([new_job("newer", run_at=after(10))], after(1))

    assert drain(store, after(30)) == ["older", "newer"]


def test_a_claim_promotes_a_thousand_the_longest_due_first(store: Store) -> None:
    store.enqueue((new_job(f"j{n}", run_at=after(2000 - n)) for n in range(1500)), NOW)

    claimed(store, now=after(5000))

    ready = {job.id for job in store.list(State.PENDING) if job.ready}
    assert ready == {f"j{n}" for n in range(501, 1500)}  # j500 to j1499 were promoted, and j500, the oldest, runs
    claimed(store, now=after(5000))
    assert sum(job.ready for job in store.list(State.PENDING)) == 1498


def test_due_jobs_of_one_instant_are_promoted_by_seq(store: Store) -> None:
    store.enqueue((new_job(f"j{n}", run_at=after(1)) for n in range(1200)), NOW)

    claimed(store, now=after(1))

    assert {job.id for job in store.list(State.PENDING) if not job.ready} == {f"j{n}" for n in range(1000, 1200)}


def test_a_clock_that_goes_back_takes_no_readiness_away(store: Store) -> None:
    store.enqueue([new_job("a", run_at=after(10)), new_job("b", run_at=after(10))], NOW)
    claimed(store, "a", now=after(10))

    assert claimed(store, now=after(-1000)).id == "b"


def test_every_claim_is_a_new_attempt(store: Store) -> None:
    job(store, State.PENDING, new_job("a", policy=Policy(backoff_base=1.0)))
    attempts = []
    for run in range(4):
        found = claimed(store, "a", now=after(run))
        attempts.append(found.attempt)
        store.finish(found, BADLY, after(run))

    assert attempts == [1, 2, 3, 4]


def test_a_failed_job_is_claimed_when_its_backoff_is_over(store: Store) -> None:
    job(store, State.FAILED, new_job("a"))

    assert store.claim(WORKER, COOKIE, after(1.999999)) is None
    assert claimed(store, now=after(2)).attempt == 2


@pytest.mark.parametrize("state", [State.COMPLETED, State.DEAD, State.CANCELLED, State.PROCESSING])
def test_a_job_that_runs_or_has_ended_is_not_claimed(store: Store, state: State) -> None:
    job(store, state)

    assert store.claim(WORKER, COOKIE, after(1e9)) is None


def test_what_another_handle_enqueued_is_claimed(store: Store, open_store: OpenStore) -> None:
    assert store.claim(WORKER, COOKIE, NOW) is None

    job(open_store(), State.PENDING, new_job("a"))

    assert claimed(store).id == "a"


def test_finish_and_claim_does_both(store: Store) -> None:
    running = job(store, State.PROCESSING, new_job("first"))
    store.enqueue([new_job("second")], NOW)

    finished, following = store.finish_and_claim(running, WELL, "cookie-2", after(4))

    assert finished == stored_job(store, "first")
    assert finished is not None
    assert (finished.state, finished.finished_at) == (State.COMPLETED, after(4))
    assert following == stored_job(store, "second")
    assert following is not None
    assert (following.worker, following.cookie, following.started_at) == (WORKER, "cookie-2", after(4))


def test_finish_and_claim_with_nothing_left_gives_none(store: Store) -> None:
    running = job(store, State.PROCESSING)

    finished, following = store.finish_and_claim(running, WELL, COOKIE, NOW)

    assert finished is not None
    assert following is None


def test_finish_and_claim_of_a_lost_run_changes_it_not_and_claims(store: Store) -> None:
    running = job(store, State.PROCESSING, new_job("first"))
    store.finish(running, WELL, NOW)
    store.enqueue([new_job("second")], NOW)
    before = stored_job(store, "first")

    finished, following = store.finish_and_claim(running, BADLY, COOKIE, NOW)

    assert finished is None
    assert stored_job(store, "first") == before
    assert following is not None
    assert following.id == "second"


@pytest.mark.parametrize(
    ("ended", "policy"), [(GIVEN_BACK, Policy()), (BADLY, Policy(backoff_max=0.0))], ids=["given back", "failed"]
)
def test_a_job_that_is_ready_at_once_is_claimed_again_before_those_behind_it(
    store: Store, ended: Ended, policy: Policy
) -> None:
    running = job(store, State.PROCESSING, new_job("first", policy=policy))
    store.enqueue([new_job("second")], after(1))

    _, following = store.finish_and_claim(running, ended, COOKIE, after(2))

    assert following is not None
    assert (following.id, following.attempt) == ("first", 2)


def test_finish_and_claim_may_give_the_same_job_again(store: Store) -> None:
    running = job(store, State.PROCESSING, new_job("a", policy=Policy(backoff_max=0.0)))

    finished, following = store.finish_and_claim(running, BADLY, COOKIE, NOW)

    assert finished is not None
    assert finished.state is State.FAILED
    assert following is not None
    assert (following.id, following.attempt, following.failures) == ("a", 2, 1)

"""Jobs that wait for others: what the end of a parent does to its children."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl.errors import Conflict, NotFound
from queuectl.job import Condition, Dependency, NewJob, OnParentFailure, Parent, State
from queuectl.lifecycle import CANCELLABLE, RETRIABLE, Loss
from queuectl.selection import Selection
from tests.support.factories import BADLY, NOW, WELL, after, claimed, job, new_job, stored_job

if TYPE_CHECKING:
    from queuectl.store.base import Store

PENDING, BLOCKED, COMPLETED = State.PENDING, State.BLOCKED, State.COMPLETED
DEAD, CANCELLED = State.DEAD, State.CANCELLED


def parent(id: str) -> NewJob:
    """Return a job that dies when it fails once."""
    return new_job(id, max_retries=0)


def states(store: Store, *ids: str) -> list[State]:
    return [stored_job(store, id).state for id in ids]


def counts_are_exact(store: Store) -> bool:
    found: dict[str, dict[State, int]] = {}
    for one in store.list():
        found.setdefault(one.queue, dict.fromkeys(State, 0))[one.state] += 1
    return store.counts() == found


def end(store: Store, id: str, state: State) -> None:
    """Bring a job that may run next to a final state."""
    if state is CANCELLED:
        store.cancel(id, NOW)
    else:
        store.finish(claimed(store, id), WELL if state is COMPLETED else BADLY, NOW)
    assert states(store, id) == [state]


# One parent


@pytest.mark.parametrize("ended_before", [False, True])
@pytest.mark.parametrize(
    ("condition", "ended", "runs"),
    [
        (Condition.OK, COMPLETED, True),
        (Condition.OK, DEAD, False),
        (Condition.OK, CANCELLED, False),
        (Condition.FAIL, COMPLETED, False),
        (Condition.FAIL, DEAD, True),
        (Condition.FAIL, CANCELLED, True),
        (Condition.ANY, COMPLETED, True),
        (Condition.ANY, DEAD, True),
        (Condition.ANY, CANCELLED, True),
    ],
)
def test_a_child_runs_when_its_parent_has_ended_as_it_waits_for(
    store: Store,
    condition: Condition,
    ended: State,
    runs: bool,  # noqa: FBT001
    ended_before: bool,  # noqa: FBT001
) -> None:
    store.enqueue([parent("p")], NOW)
    if ended_before:
        end(store, "p", ended)
    store.enqueue([new_job("c", after=[Parent("p", condition)])], NOW)
    if not ended_before:
        assert states(store, "c") == [BLOCKED]
        end(store, "p", ended)

    assert states(store, "c") == [PENDING if runs else CANCELLED]
    assert store.parents(stored_job(store, "c")) == [Dependency("p", condition, runs, ended)]
    assert counts_are_exact(store)
    if runs:
        assert claimed(store).id == "c"
    else:
        assert stored_job(store, "c").last_error == f"it waited for job p, which is {ended}"
        assert store.claim("w" * 32, "c" * 32, NOW) is None


def test_a_child_is_released_with_the_end_of_its_parent_and_claimed_in_the_same_step(store: Store) -> None:
    store.enqueue([parent("p"), new_job("c", after=["p"])], NOW)

    done, following = store.finish_and_claim(claimed(store, "p"), WELL, "d" * 32, NOW)

    assert done is not None
    assert done.state is COMPLETED
    assert following is not None
    assert following.id == "c"
    assert counts_are_exact(store)


def test_a_parent_that_is_retried_by_itself_has_not_ended(store: Store) -> None:
    store.enqueue([new_job("p", max_retries=1), new_job("c", after=["p"])], NOW)

    store.finish(claimed(store, "p"), BADLY, NOW)

    assert states(store, "p", "c") == [State.FAILED, BLOCKED]


def test_a_child_that_comes_while_its_parent_runs_is_released_with_it(store: Store) -> None:
    store.enqueue([parent("p")], NOW)
    running = claimed(store, "p")
    store.enqueue([new_job("c", after=["p"])], NOW)

    store.finish(running, WELL, NOW)

    assert states(store, "c") == [PENDING]


def test_a_child_that_comes_while_its_parent_runs_is_released_by_a_finish_that_claims(store: Store) -> None:
    store.enqueue([parent("p"), new_job("other")], NOW)
    running = claimed(store, "p")
    store.enqueue([new_job("c", after=["p"])], NOW)

    done, following = store.finish_and_claim(running, WELL, "d" * 32, NOW)

    assert done is not None
    assert following is not None
    assert following.id == "other"
    assert states(store, "c") == [PENDING]


def test_a_child_of_a_parent_whose_worker_was_lost_for_the_last_time_is_given_up(store: Store) -> None:
    policy = parent("p").policy._replace(max_crashes=1)
    store.enqueue([new_job("p", policy=policy), new_job("c", after=["p"])], NOW)

    store.rescue(claimed(store, "p"), Loss.CRASHED, NOW)

    assert states(store, "p", "c") == [DEAD, CANCELLED]


def test_a_child_runs_no_earlier_than_its_own_time(store: Store) -> None:
    store.enqueue([parent("p"), new_job("c", after=["p"], run_at=after(60))], NOW)
    assert stored_job(store, "c").next_run_at is None
    assert stored_job(store, "c").not_before == after(60)

    end(store, "p", COMPLETED)

    assert stored_job(store, "c").next_run_at == after(60)
    assert store.claim("w" * 32, "c" * 32, after(59)) is None
    assert claimed(store, "c", now=after(60)).id == "c"


def test_what_waits_may_be_cancelled_and_is_not_released_any_more(store: Store) -> None:
    store.enqueue([parent("p"), new_job("c", after=["p"])], NOW)
    store.cancel("c", NOW)

    end(store, "p", COMPLETED)

    assert states(store, "c") == [CANCELLED]
    assert counts_are_exact(store)


# Several parents, several generations


def test_a_child_waits_for_all_its_parents(store: Store) -> None:
    store.enqueue([parent("p"), parent("q"), new_job("c", after=["p", Parent("q", Condition.ANY)])], NOW)

    end(store, "p", COMPLETED)
    assert states(store, "c") == [BLOCKED]
    end(store, "q", DEAD)

    assert states(store, "c") == [PENDING]


def test_what_was_given_up_takes_its_own_children_along(store: Store) -> None:
    jobs = [
        parent("p"),
        new_job("c", after=["p"]),
        new_job("g", after=["c"]),
        new_job("otherwise", after=[Parent("c", Condition.FAIL)]),
    ]
    store.enqueue(jobs, NOW)

    end(store, "p", DEAD)

    assert states(store, "c", "g", "otherwise") == [CANCELLED, CANCELLED, PENDING]
    assert stored_job(store, "g").last_error == "it waited for job c, which is cancelled"
    assert counts_are_exact(store)


@pytest.mark.parametrize(
    ("on_parent_failure", "state"),
    [(OnParentFailure.CANCEL, CANCELLED), (OnParentFailure.RUN, PENDING), (OnParentFailure.WAIT, BLOCKED)],
)
def test_its_enqueuer_says_what_becomes_of_a_child_whose_parent_fails(
    store: Store, on_parent_failure: OnParentFailure, state: State
) -> None:
    store.enqueue([parent("p"), new_job("c", after=["p"], on_parent_failure=on_parent_failure)], NOW)

    end(store, "p", DEAD)

    assert states(store, "c") == [state]


def test_a_child_that_runs_though_a_parent_failed_still_waits_for_the_others(store: Store) -> None:
    new = new_job("c", after=["p", "q"], on_parent_failure=OnParentFailure.RUN)
    store.enqueue([parent("p"), parent("q"), new], NOW)

    end(store, "p", DEAD)
    assert states(store, "c") == [BLOCKED]
    end(store, "q", COMPLETED)

    assert states(store, "c") == [PENDING]


# A retry of the parent


def test_a_retry_of_the_parent_brings_all_generations_back(store: Store) -> None:
    store.enqueue([parent("p"), new_job("c", after=["p"]), new_job("g", after=["c"])], NOW)
    end(store, "p", DEAD)

    store.retry("p", NOW)
    assert states(store, "p", "c", "g") == [PENDING, BLOCKED, BLOCKED]
    assert stored_job(store, "c").last_error is None
    assert stored_job(store, "c").finished_at is None
    assert counts_are_exact(store)
    for id in ("p", "c", "g"):
        end(store, id, COMPLETED)


def test_a_retry_leaves_alone_what_a_user_cancelled_and_what_has_run(store: Store) -> None:
    jobs = [
        parent("p"),
        new_job("cancelled", after=["p"]),
        new_job("has-run", after=[Parent("p", Condition.FAIL)]),
    ]
    store.enqueue(jobs, NOW)
    store.cancel("cancelled", NOW)
    end(store, "p", DEAD)
    end(store, "has-run", COMPLETED)

    store.retry("p", NOW)

    assert states(store, "cancelled", "has-run") == [CANCELLED, COMPLETED]


def test_a_child_of_two_dead_parents_comes_back_when_both_are_retried(store: Store) -> None:
    store.enqueue([parent("p"), parent("q"), new_job("c", after=["p", "q"])], NOW)
    end(store, "p", DEAD)
    end(store, "q", DEAD)

    store.retry("p", NOW)
    assert states(store, "c") == [CANCELLED]
    store.retry("q", NOW)
    assert states(store, "c") == [BLOCKED]
    end(store, "p", COMPLETED)
    end(store, "q", COMPLETED)

    assert states(store, "c") == [PENDING]


def test_a_child_that_was_given_up_may_be_retried_by_itself(store: Store) -> None:
    store.enqueue([parent("p"), new_job("c", after=["p"])], NOW)
    end(store, "p", DEAD)

    store.retry("c", NOW)
    store.retry("p", NOW)

    assert states(store, "c") == [PENDING]
    assert stored_job(store, "c").last_error is None


# What is refused


def test_an_unknown_parent_is_refused_and_nothing_is_added(store: Store) -> None:
    with pytest.raises(NotFound) as refused:
        store.enqueue([parent("p"), new_job("c", after=["p", "nobody"])], NOW)

    assert refused.value.message == 'no job "nobody"'
    assert refused.value.hint == 'job "c" was to wait for it; nothing was enqueued'
    assert list(store.list()) == []
    assert sum(store.counts().get("default", {}).values()) == 0


@pytest.mark.parametrize("parents", [["c"], ["later"]])
def test_no_circle_can_be_made(store: Store, parents: list[str]) -> None:
    with pytest.raises(Conflict):
        store.enqueue([new_job("c", after=parents), new_job("later")], NOW)

    assert list(store.list()) == []


def test_a_taken_id_is_refused_for_a_child_as_well(store: Store) -> None:
    job(store, new=new_job("p"))

    with pytest.raises(Conflict):
        store.enqueue([new_job("p", after=["p"])], NOW)

    assert [one.id for one in store.list()] == ["p"]


# Many


def test_ten_thousand_children_are_released_at_once(store: Store) -> None:
    store.enqueue([parent("p")], NOW)
    store.enqueue((new_job(f"c{n}", after=["p"]) for n in range(10_000)), NOW)
    assert store.counts()["default"][BLOCKED] == 10_000

    end(store, "p", COMPLETED)

    assert store.counts()["default"][PENDING] == 10_000
    assert counts_are_exact(store)


def test_a_forgotten_child_leaves_nothing_behind(store: Store) -> None:
    store.enqueue([parent("p"), new_job("c", after=["p"])], NOW)
    running = claimed(store, "p")

    assert sum(len(gone) for gone in store.clear()) == 1
    store.finish(running, WELL, NOW)

    assert [one.id for one in store.list()] == ["p"]
    assert counts_are_exact(store)


def test_what_is_moved_with_many_others_takes_its_family_along(store: Store) -> None:
    store.enqueue([parent("p"), new_job("alone")], NOW)
    store.enqueue(
        [new_job("c", queue="later", after=["p"]), new_job("a", queue="later", after=[Parent("p", "any")])], NOW
    )

    chosen = store.matching(Selection(("default",)), CANCELLABLE, NOW)
    assert {one.id for many in store.cancel_all(chosen, NOW) for one in many} == {"p", "alone"}
    assert states(store, "c", "a") == [CANCELLED, PENDING]
    chosen = store.matching(Selection(("default",)), RETRIABLE, NOW)
    assert {one.id for many in store.retry_all(chosen, NOW) for one in many} == {"p", "alone"}

    assert states(store, "c") == [BLOCKED]
    assert counts_are_exact(store)

"""Queues: limits over all workers, rates, pauses, and keys, which jobs overtake which, and that none is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl.job import State
from queuectl.lifecycle import Loss
from queuectl.rules import KEEP, Limits, NewPause, Pause, Rate, Rule
from tests.support.factories import (
    BADLY,
    COOKIE,
    GIVEN_BACK,
    NOW,
    WELL,
    WORKER,
    after,
    claimed,
    identity,
    new_job,
    stored_job,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from queuectl.job import Job, NewJob
    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore

PAUSE = NewPause("ann@here")


def enqueue(store: Store, *jobs: NewJob, now: datetime = NOW) -> None:
    store.enqueue(jobs, now)


def claim_all(store: Store, now: datetime = NOW) -> list[Job]:
    """Claim until nothing may start any more."""
    found = []
    while job := store.claim(WORKER, COOKIE, now):
        found.append(job)
    return found


def next_start(store: Store, now: datetime) -> datetime | None:
    """Claim whenever a worker that sleeps is told to look; return when something has started."""
    while (due := store.next_due_at(now)) is not None:
        if claim_all(store, due):
            return due
        now = due
    return None


def ids(jobs: list[Job]) -> list[str]:
    return [job.id for job in jobs]


# Concurrency


def test_no_more_jobs_of_a_queue_run_than_it_allows(store: Store) -> None:
    store.limit_queue("few", Limits(concurrency=2), NOW)
    enqueue(store, *(new_job(f"few-{n}", queue="few") for n in range(4)))

    assert ids(claim_all(store)) == ["few-0", "few-1"]


def test_jobs_of_other_queues_overtake_those_of_a_full_one(store: Store) -> None:
    store.limit_queue("few", Limits(concurrency=1), NOW)
    enqueue(store, *(new_job(f"few-{n}", queue="few", priority=9) for n in range(3)), new_job("other"))

    assert ids(claim_all(store)) == ["few-0", "other"]
    assert stored_job(store, "few-1").held_by == "queue:few"
    assert stored_job(store, "few-1").state is State.PENDING


@pytest.mark.parametrize("ended", [WELL, BADLY])
def test_the_end_of_a_job_lets_the_best_one_of_its_queue_start(store: Store, ended: object) -> None:
    store.limit_queue("few", Limits(concurrency=1), NOW)
    enqueue(store, new_job("first", queue="few", priority=5), new_job("low", queue="few"))
    enqueue(store, new_job("high", queue="few", priority=3))
    (first,) = claim_all(store)

    _, following = store.finish_and_claim(first, ended, COOKIE, NOW)  # type: ignore[arg-type]

    assert following is not None
    assert following.id == "high"
    assert claim_all(store) == []


def test_a_better_job_that_came_later_goes_before_those_that_are_held(store: Store) -> None:
    store.limit_queue("few", Limits(concurrency=1), NOW)
    enqueue(store, *(new_job(f"few-{n}", queue="few") for n in range(3)))
    (first,) = claim_all(store)
    enqueue(store, new_job("urgent", queue="few", priority=1))

    store.finish(first, WELL, NOW)

    assert ids(claim_all(store)) == ["urgent"]


def test_a_raised_limit_holds_at_once(store: Store) -> None:
    store.limit_queue("few", Limits(concurrency=1), NOW)
    enqueue(store, *(new_job(f"few-{n}", queue="few") for n in range(9)))
    claim_all(store)

    store.limit_queue("few", Limits(concurrency=4), NOW)

    assert ids(claim_all(store)) == ["few-1", "few-2", "few-3"]


def test_a_lowered_limit_lets_none_start_until_enough_have_ended(store: Store) -> None:
    store.limit_queue("few", Limits(concurrency=3), NOW)
    enqueue(store, *(new_job(f"few-{n}", queue="few") for n in range(6)))
    running = claim_all(store)
    store.limit_queue("few", Limits(concurrency=1), NOW)

    for job in running[:2]:
        assert store.finish_and_claim(job, WELL, COOKIE, NOW)[1] is None
    _, following = store.finish_and_claim(running[2], WELL, COOKIE, NOW)

    assert following is not None
    assert following.id == "few-3"


def test_a_queue_whose_rules_are_forgotten_has_no_limit(store: Store) -> None:
    store.limit_queue("few", Limits(concurrency=1), NOW)
    enqueue(store, *(new_job(f"few-{n}", queue="few") for n in range(1500)))
    claim_all(store)

    assert store.forget_rule("few", NOW)

    assert len(claim_all(store)) == 1499
    assert store.rules(NOW) == []
    assert not store.forget_rule("few", NOW)


def test_jobs_enqueued_after_others_were_held_are_held_as_well(store: Store) -> None:
    store.limit_queue("few", Limits(concurrency=1), NOW)
    enqueue(store, new_job("a", queue="few"))
    (running,) = claim_all(store)
    for n in range(3):
        enqueue(store, new_job(f"later-{n}", queue="few"), now=after(n))
        assert claim_all(store, after(n)) == []

    order = []
    following: Job | None = running
    while following is not None:
        _, following = store.finish_and_claim(following, WELL, COOKIE, after(9))
        order.append(following and following.id)

    assert order == ["later-0", "later-1", "later-2", None]


# Rates


def test_no_more_jobs_start_within_a_period_than_the_rate_allows(store: Store) -> None:
    store.limit_queue("slow", Limits(rate=Rate(3, 60.0)), NOW)
    enqueue(store, *(new_job(f"slow-{n}", queue="slow") for n in range(9)))

    assert ids(claim_all(store)) == ["slow-0", "slow-1", "slow-2"]
    assert claim_all(store, after(59.999)) == []
    assert ids(claim_all(store, after(60))) == ["slow-3", "slow-4", "slow-5"]


def test_a_rate_counts_within_any_period_not_from_fixed_times(store: Store) -> None:
    store.limit_queue("slow", Limits(rate=Rate(2, 10.0)), NOW)
    enqueue(store, *(new_job(f"slow-{n}", queue="slow") for n in range(20)))
    starts: list[float] = []

    for tick in range(0, 400, 7):
        now = after(tick / 10)
        starts += [tick / 10] * len(claim_all(store, now))

    assert len(starts) == 8
    assert all(later - start >= 10.0 for start, later in zip(starts, starts[2:], strict=False))


def test_a_worker_is_told_when_a_rate_has_room_again(store: Store) -> None:
    store.limit_queue("slow", Limits(rate=Rate(1, 60.0)), NOW)
    enqueue(store, *(new_job(f"slow-{n}", queue="slow") for n in range(2)))
    claim_all(store, after(5))

    assert next_start(store, after(5)) == after(65)


def test_a_start_counts_however_its_run_has_ended(store: Store) -> None:
    store.limit_queue("slow", Limits(rate=Rate(1, 60.0)), NOW)
    enqueue(store, new_job("a", queue="slow"))

    store.finish(claimed(store, "a"), GIVEN_BACK, NOW)

    assert claim_all(store, after(1)) == []
    assert ids(claim_all(store, after(60))) == ["a"]


def test_starts_count_although_their_jobs_are_forgotten(store: Store) -> None:
    store.limit_queue("slow", Limits(rate=Rate(1, 60.0)), NOW)
    enqueue(store, new_job("a", queue="slow"), new_job("b", queue="slow"))
    store.finish(claimed(store, "a"), WELL, NOW)
    list(store.clear())
    enqueue(store, new_job("c", queue="slow"))

    assert claim_all(store, after(1)) == []


def test_a_queue_can_have_both_limits(store: Store) -> None:
    store.limit_queue("both", Limits(concurrency=1, rate=Rate(2, 60.0)), NOW)
    enqueue(store, *(new_job(f"both-{n}", queue="both") for n in range(4)))
    first = claimed(store, "both-0")
    assert claim_all(store) == []

    _, second = store.finish_and_claim(first, WELL, COOKIE, after(1))
    assert second is not None
    _, third = store.finish_and_claim(second, WELL, COOKIE, after(2))
    assert third is None

    assert next_start(store, after(2)) == after(60)


# Pauses


def test_nothing_of_a_paused_queue_starts_and_what_runs_goes_on(store: Store) -> None:
    enqueue(store, new_job("running", queue="stopped"), new_job("waiting", queue="stopped"), new_job("other"))
    running = claimed(store, "running")

    store.pause_queue("stopped", PAUSE, NOW)

    assert ids(claim_all(store)) == ["other"]
    assert store.finish(running, WELL, NOW) is not None
    assert claim_all(store) == []


def test_a_resumed_queue_goes_on_with_its_best_job(store: Store) -> None:
    store.pause_queue("stopped", PAUSE, NOW)
    enqueue(store, new_job("a", queue="stopped"), new_job("b", queue="stopped", priority=1))
    assert claim_all(store) == []

    assert store.resume_queue("stopped", NOW)

    assert ids(claim_all(store)) == ["b", "a"]
    assert not store.resume_queue("stopped", NOW)


def test_a_pause_ends_by_itself(store: Store) -> None:
    store.pause_queue("stopped", PAUSE._replace(seconds=3600.0), NOW)
    enqueue(store, new_job("a", queue="stopped"))

    assert claim_all(store, after(3599)) == []
    assert next_start(store, after(3599)) == after(3600)
    assert store.rules(after(3600)) in ([], [Rule("stopped")])


def test_a_paused_queue_says_who_has_paused_it_when_and_why(store: Store) -> None:
    store.pause_queue("stopped", NewPause("ann@here", "the disk is full", 60.0), NOW)

    assert store.rules(NOW) == [Rule("stopped", pause=Pause(NOW, "ann@here", "the disk is full", after(60)))]


def test_limits_outlive_a_pause_and_each_other(store: Store) -> None:
    store.limit_queue("q", Limits(concurrency=2), NOW)
    store.limit_queue("q", Limits(rate=Rate(10, 60.0)), NOW)
    store.pause_queue("q", PAUSE, NOW)
    store.resume_queue("q", NOW)
    assert store.rules(NOW) == [Rule("q", 2, Rate(10, 60.0))]

    store.limit_queue("q", Limits(KEEP, None), NOW)
    assert store.rules(NOW) == [Rule("q", 2)]
    store.limit_queue("q", Limits(None, KEEP), NOW)
    assert store.rules(NOW) == []


def test_a_queue_that_is_full_and_paused_opens_when_both_are_over(store: Store) -> None:
    store.limit_queue("q", Limits(concurrency=1), NOW)
    enqueue(store, new_job("a", queue="q"), new_job("b", queue="q"))
    running = claimed(store, "a")
    assert claim_all(store) == []
    store.pause_queue("q", PAUSE, NOW)

    assert store.finish_and_claim(running, WELL, COOKIE, NOW)[1] is None
    store.resume_queue("q", NOW)

    assert ids(claim_all(store)) == ["b"]


def test_many_paused_jobs_keep_no_other_from_starting(store: Store) -> None:
    store.pause_queue("stopped", PAUSE, NOW)
    enqueue(store, *(new_job(f"stopped-{n}", queue="stopped", priority=1) for n in range(5000)), new_job("other"))

    assert ids(claim_all(store)) == ["other"]

    store.resume_queue("stopped", NOW)
    assert len(claim_all(store)) == 5000


# Keys


def test_no_more_jobs_of_a_key_run_than_its_limit(store: Store) -> None:
    enqueue(store, *(new_job(f"k-{n}", key="k", limit=2) for n in range(4)), new_job("other"))

    assert ids(claim_all(store)) == ["k-0", "k-1", "other"]
    assert stored_job(store, "k-2").held_by == "key:k"


def test_the_end_of_a_job_lets_the_next_one_of_its_key_start(store: Store) -> None:
    enqueue(store, *(new_job(f"k-{n}", key="k") for n in range(3)))
    following: Job | None = claimed(store, "k-0")
    order = []
    while following is not None:
        assert claim_all(store) == []
        _, following = store.finish_and_claim(following, WELL, COOKIE, NOW)
        order.append(following and following.id)

    assert order == ["k-1", "k-2", None]


def cancelled(store: Store, job: Job) -> None:
    store.cancel(job.id, NOW)
    store.finish(stored_job(store, job.id), BADLY, NOW)


ENDINGS: dict[str, Callable[[Store, Job], object]] = {
    "completes": lambda store, job: store.finish(job, WELL, NOW),
    "fails": lambda store, job: store.finish(job, BADLY, NOW),
    "is cancelled": cancelled,
    "loses its worker": lambda store, job: [store.rescue(job, Loss.CRASHED, NOW) for _ in range(1)],
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("held_by", ["queue", "key"])
def test_however_a_job_ends_another_may_start(store: Store, ending: str, held_by: str) -> None:
    store.limit_queue("q", Limits(concurrency=1), NOW)
    if held_by == "queue":
        enqueue(store, new_job("a", queue="q"), new_job("b", queue="q"))
    else:
        enqueue(store, new_job("a", key="k"), new_job("b", key="k"))
    (running,) = claim_all(store)

    ENDINGS[ending](store, running)

    assert len(claim_all(store)) == 1


@pytest.mark.parametrize("held_by", ["queue", "key"])
def test_a_job_that_was_let_go_and_is_cancelled_leaves_its_place_to_the_next(store: Store, held_by: str) -> None:
    store.limit_queue("q", Limits(concurrency=1), NOW)
    queue, key = ("q", None) if held_by == "queue" else ("default", "k")
    enqueue(store, new_job("urgent", priority=2), *(new_job(f"j-{n}", queue=queue, key=key) for n in range(4)))
    urgent = claimed(store, "urgent")
    first = claimed(store, "j-0")
    assert claim_all(store) == []
    enqueue(store, new_job("best", priority=9))
    # The end of the first lets the next go, but another one is claimed.
    store.finish(first, WELL, NOW)
    claimed(store, "best")
    assert stored_job(store, "j-1").ready

    store.cancel("j-1", NOW)

    assert ids(claim_all(store)) == ["j-2"]
    store.finish(urgent, WELL, NOW)


def test_a_held_job_can_be_cancelled_and_retried(store: Store) -> None:
    enqueue(store, *(new_job(f"k-{n}", key="k") for n in range(3)))
    running = claimed(store, "k-0")
    assert claim_all(store) == []

    assert store.cancel("k-1", NOW).held_by is None
    assert store.retry("k-1", NOW).ready
    assert claim_all(store) == []
    assert stored_job(store, "k-1").held_by == "key:k"
    store.finish(running, WELL, NOW)

    assert ids(claim_all(store)) == ["k-1"]


def test_clear_forgets_held_jobs_and_what_comes_later_starts(store: Store) -> None:
    enqueue(store, *(new_job(f"k-{n}", key="k") for n in range(3)))
    running = claimed(store, "k-0")
    assert claim_all(store) == []

    assert sum(len(batch) for batch in store.clear()) == 2
    enqueue(store, new_job("later", key="k"))
    assert claim_all(store) == []
    store.finish(running, WELL, NOW)

    assert ids(claim_all(store)) == ["later"]


def test_a_key_holds_across_queues(store: Store) -> None:
    enqueue(store, new_job("a", key="k", queue="one"), new_job("b", key="k", queue="two"))
    running = claimed(store, "a")
    assert claim_all(store) == []

    _, following = store.finish_and_claim(running, WELL, COOKIE, NOW)

    assert following is not None
    assert following.id == "b"


def test_of_each_queue_the_best_of_a_key_is_let_go(store: Store) -> None:
    """Nobody may serve one of them; what is in the others does not wait for that."""
    enqueue(store, *(new_job(f"{queue}-{n}", key="k", queue=queue) for queue in "ab" for n in range(2)))
    running = claimed(store, "a-0")
    assert claim_all(store) == []
    store.finish(running, WELL, NOW)
    enqueue(store, new_job("best", priority=9))
    assert claimed(store).id == "best"

    ready = {id for id in ("a-1", "b-0", "b-1") if stored_job(store, id).ready}

    assert ready == {"a-1", "b-0"}


def test_a_full_queue_and_a_full_key_open_one_after_the_other(store: Store) -> None:
    store.limit_queue("q", Limits(concurrency=1), NOW)
    enqueue(store, new_job("plain", queue="q"), new_job("keyed", key="k"))
    enqueue(store, new_job("both", queue="q", key="k"), new_job("behind", queue="q"))
    plain, keyed = claim_all(store)

    # The queue has room: the key has none for the best of it, so the one behind starts.
    _, following = store.finish_and_claim(plain, WELL, COOKIE, NOW)
    assert following is not None
    assert following.id == "behind"
    assert store.finish_and_claim(keyed, WELL, COOKIE, NOW)[1] is None
    _, following = store.finish_and_claim(following, WELL, COOKIE, NOW)

    assert following is not None
    assert following.id == "both"


def test_a_job_of_a_key_that_fails_backs_off_while_the_next_one_runs(store: Store) -> None:
    enqueue(store, new_job("k-0", key="k"), new_job("k-1", key="k"))
    first = claimed(store, "k-0")
    _, second = store.finish_and_claim(first, BADLY, COOKIE, NOW)
    assert second is not None
    assert second.id == "k-1"

    assert claim_all(store, after(100)) == []
    assert stored_job(store, "k-0").held_by == "key:k"
    assert stored_job(store, "k-0").state is State.FAILED
    store.finish(second, WELL, after(100))

    assert ids(claim_all(store, after(100))) == ["k-0"]


def test_children_of_a_job_keep_to_their_key(store: Store) -> None:
    enqueue(store, new_job("parent"), *(new_job(f"k-{n}", key="k", after=["parent"]) for n in range(2)))

    _, first = store.finish_and_claim(claimed(store, "parent"), WELL, COOKIE, NOW)

    assert first is not None
    assert first.id == "k-0"
    assert claim_all(store) == []
    _, second = store.finish_and_claim(first, WELL, COOKIE, NOW)
    assert second is not None
    assert second.id == "k-1"


# Workers that serve some queues


def test_a_worker_is_given_jobs_of_its_queues_alone_the_first_named_first(store: Store) -> None:
    store.register(identity(), 60.0, NOW, queues="b,a")
    enqueue(store, new_job("a-0", queue="a", priority=9), new_job("b-0", queue="b"), new_job("c-0", queue="c"))
    enqueue(store, new_job("b-1", queue="b", priority=1))

    order = []
    while job := store.claim(WORKER, COOKIE, NOW, ["b", "a"]):
        order.append(job.id)

    assert order == ["b-1", "b-0", "a-0"]
    assert ids(claim_all(store)) == ["c-0"]


def test_the_next_claim_too_is_from_the_queues_that_are_named(store: Store) -> None:
    enqueue(store, new_job("a-0", queue="a"), new_job("c-0", queue="c", priority=9), new_job("a-1", queue="a"))
    job = store.claim(WORKER, COOKIE, NOW, ["a"])
    assert job is not None

    assert [found and found.id for found in store.finish_and_claim(job, WELL, COOKIE, NOW, queues=["a"])] == [
        "a-0",
        "a-1",
    ]


def test_a_job_that_has_become_due_in_the_first_queue_goes_before_those_of_the_second(store: Store) -> None:
    enqueue(store, new_job("a", queue="a", run_at=after(5)), new_job("b", queue="b"))

    first = store.claim(WORKER, COOKIE, after(5), ["a", "b"])

    assert first is not None
    assert first.id == "a"


def test_a_full_queue_leaves_its_turn_to_the_next(store: Store) -> None:
    store.limit_queue("a", Limits(concurrency=1), NOW)
    enqueue(store, *(new_job(f"{queue}-{n}", queue=queue) for queue in "ab" for n in range(2)))

    found = [store.claim(WORKER, COOKIE, NOW, ["a", "b"]) for _ in range(4)]

    assert [job and job.id for job in found] == ["a-0", "b-0", "b-1", None]


def test_a_key_that_is_let_go_in_a_queue_that_nobody_serves_keeps_no_other_waiting(store: Store) -> None:
    enqueue(store, new_job("first", key="k", queue="a"))
    enqueue(store, new_job("unserved", key="k", queue="b"), new_job("served", key="k", queue="a"))
    first = store.claim(WORKER, COOKIE, NOW, ["a"])
    assert first is not None
    assert claim_all(store) == []

    _, following = store.finish_and_claim(first, WELL, COOKIE, NOW, queues=["a"])

    assert following is not None
    assert following.id == "served"


@pytest.mark.parametrize(
    "left",
    [
        new_job("ready", queue="a"),
        new_job("scheduled", queue="a", run_at=after(1)),
        new_job("failing", queue="a", priority=1),
        new_job("held", queue="a", key="k"),
    ],
    ids=lambda job: job.id,
)
def test_a_worker_is_done_when_its_queues_are(store: Store, left: NewJob) -> None:
    enqueue(store, new_job("other", queue="b", key="k", priority=9))
    assert not store.unfinished(NOW, ["a"])
    assert store.unfinished(NOW, ["b"])
    running = claimed(store, "other")
    enqueue(store, left)
    match left.id:
        case "failing":
            store.finish(claimed(store, "failing"), BADLY, NOW)
        case "held":
            assert claim_all(store) == []

    assert store.unfinished(after(1), ["a"])
    assert store.unfinished(after(1), ["b", "a"])
    assert not store.unfinished(after(1), ["c"])
    store.finish(running, WELL, NOW)


def test_the_queues_of_a_worker_are_known(store: Store) -> None:
    store.register(identity(), 60.0, queues="mail:3,gpu:1")
    store.register(identity("b" * 32), 60.0)

    assert {worker.identity.worker[0]: worker.queues for worker in store.workers()} == {
        WORKER[0]: "mail:3,gpu:1",
        "b": None,
    }


# What is left to do


def test_held_jobs_are_left_to_do_but_not_those_of_a_paused_queue(store: Store) -> None:
    store.pause_queue("stopped", PAUSE, NOW)
    enqueue(store, new_job("paused", queue="stopped"))
    assert claim_all(store) == []
    assert not store.unfinished(NOW)

    store.limit_queue("slow", Limits(rate=Rate(1, 60.0)), NOW)
    enqueue(store, new_job("a", queue="slow"), new_job("b", queue="slow"))
    (first,) = claim_all(store)
    store.finish(first, WELL, NOW)

    assert store.unfinished(NOW)


def test_held_jobs_are_listed_with_those_that_wait(store: Store) -> None:
    store.pause_queue("stopped", PAUSE, NOW)
    enqueue(store, new_job("a", queue="stopped", priority=1), new_job("b"), new_job("later", run_at=after(9)))
    claimed(store, "b")

    assert [job.id for job in store.list(State.PENDING, now=NOW)] == ["later", "a"]
    assert [job.id for job in store.list(State.PENDING, scheduled=True, now=NOW)] == ["later"]


def test_what_one_handle_sets_holds_for_the_claims_of_another(open_store: OpenStore) -> None:
    one, other = open_store(), open_store()
    enqueue(one, *(new_job(f"few-{n}", queue="few") for n in range(3)))
    one.limit_queue("few", Limits(concurrency=2), NOW)

    assert ids(claim_all(other)) == ["few-0", "few-1"]
    assert claim_all(one) == []


@pytest.mark.parametrize("how", ["pause", "pause_all", "cancel_all"])
def test_what_does_not_start_after_all_leaves_its_place_to_another(store: Store, how: str) -> None:
    store.limit_queue("few", Limits(concurrency=1), NOW)
    enqueue(store, *(new_job(id, queue="few") for id in ("a", "b", "c")))
    running = claimed(store, "a")
    assert claim_all(store) == []
    store.finish(running, WELL, NOW)
    store.resume_queue("nothing", NOW)
    first = stored_job(store, "b")

    if how == "pause":
        store.pause("b", NOW)
    else:
        list(getattr(store, how)({first.state: [first.seq]}, NOW))

    assert claimed(store).id == "c"

"""Workers: who is known, what they hold, and what becomes of a job whose worker is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl.job import Outcome, Policy, State
from queuectl.lifecycle import Loss
from queuectl.store.base import Running
from tests.support.factories import (
    BADLY,
    COOKIE,
    GIVEN_BACK,
    NOW,
    WELL,
    after,
    claimed,
    identity,
    job,
    new_job,
    stored_job,
)

if TYPE_CHECKING:
    from queuectl.job import Job
    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore


def counters(job: Job) -> tuple[int, int, int, int]:
    return job.attempt, job.failures, job.crashes, job.interruptions


def lose(store: Store, id: str, loss: Loss, times: int) -> Job:
    """Let so many workers be lost under a job; return it as the last rescue did."""
    rescued = None
    for _ in range(times):
        rescued = store.rescue(claimed(store, id), loss, NOW)
    assert rescued is not None
    return rescued


def test_registered_workers_are_known_to_all(store: Store, open_store: OpenStore) -> None:
    one, two = identity("1" * 32, 11), identity("2" * 32, 22)
    store.register(one, 60.0, NOW)
    store.register(two, 60.0, NOW)

    assert sorted(open_store().identities()) == [one, two]


def test_a_worker_that_holds_no_job_is_forgotten(store: Store) -> None:
    store.register(identity("1" * 32), 60.0, NOW)
    store.register(identity("2" * 32), 60.0, NOW)
    job(store, State.COMPLETED, worker="1" * 32)
    job(store, State.PROCESSING, worker="2" * 32)

    store.deregister("1" * 32)

    assert [known.worker for known in store.identities()] == ["2" * 32]


def test_a_worker_that_holds_a_job_is_kept_until_it_is_rescued(store: Store) -> None:
    store.register(identity(), 60.0, NOW)
    running = job(store, State.PROCESSING)

    store.deregister(identity().worker)
    assert store.identities() == [identity()]

    store.rescue(running, Loss.CRASHED, NOW)
    store.deregister(identity().worker)
    assert store.identities() == []


def test_forgetting_an_unknown_worker_is_no_error(store: Store) -> None:
    store.deregister("nobody")


def test_running_jobs_come_with_who_runs_them(store: Store) -> None:
    store.register(identity("1" * 32, 11), 60.0, NOW)
    running = job(store, State.PROCESSING, worker="1" * 32)
    job(store, State.PENDING)

    assert store.running() == [Running(running, identity("1" * 32, 11), None)]


def test_a_worker_that_never_registered_has_no_identity(store: Store) -> None:
    running = job(store, State.PROCESSING)

    assert store.running() == [Running(running, None, None)]


def test_running_jobs_come_oldest_claim_first(store: Store) -> None:
    store.enqueue([new_job("low"), new_job("high", priority=5)], NOW)
    claimed(store, "high", now=after(1), worker="1")
    claimed(store, "low", now=after(2), worker="2")

    assert [running.job.id for running in store.running()] == ["high", "low"]


def test_the_first_stop_of_a_worker_counts(store: Store, open_store: OpenStore) -> None:
    store.register(identity(), 60.0, NOW)
    job(store, State.PROCESSING)

    store.mark_stopping(identity().worker, after(1))
    store.mark_stopping(identity().worker, after(2))

    (running,) = open_store().running()
    assert running.stopping_at == after(1)


def test_a_stop_marks_only_its_own_worker(store: Store) -> None:
    for worker in ("1", "2"):
        store.register(identity(worker), 60.0, NOW)
        job(store, State.PROCESSING, worker=worker)

    store.mark_stopping("2", after(1))

    assert {running.job.worker: running.stopping_at for running in store.running()} == {"1": None, "2": after(1)}


@pytest.mark.parametrize(
    ("loss", "counted", "outcome"),
    [
        (Loss.STOPPED, (1, 0, 0, 0), Outcome.GIVEN_BACK),
        (Loss.CRASHED, (1, 0, 1, 0), Outcome.LOST),
        (Loss.REBOOTED, (1, 0, 0, 1), Outcome.LOST),
    ],
)
def test_a_rescued_job_may_run_at_once_and_counts_its_loss(
    store: Store, loss: Loss, counted: tuple[int, int, int, int], outcome: Outcome
) -> None:
    running = job(store, State.PROCESSING)

    rescued = store.rescue(running, loss, after(30))

    assert rescued == stored_job(store, running.id)
    assert rescued is not None
    assert (rescued.state, rescued.ready, rescued.next_run_at) == (State.PENDING, True, after(30))
    assert counters(rescued) == counted
    assert (rescued.worker, rescued.cookie, rescued.finished_at) == (running.worker, None, None)
    (attempt,) = store.attempts(running.seq)
    assert (attempt.outcome, attempt.started_at, attempt.finished_at, attempt.duration) == (
        outcome,
        NOW,
        after(30),
        30,
    )
    assert store.running() == []


def test_the_third_crash_makes_a_job_dead_and_says_why(store: Store) -> None:
    job(store, State.PENDING, new_job("a"))

    assert lose(store, "a", Loss.CRASHED, 2).state is State.PENDING
    died = lose(store, "a", Loss.CRASHED, 1)

    assert died == stored_job(store, "a")
    assert (died.state, died.finished_at) == (State.DEAD, NOW)
    assert counters(died) == (3, 0, 3, 0)
    assert died.last_error == "its worker was lost 3 times"


def test_a_job_dies_of_as_many_crashes_as_its_policy_says(store: Store) -> None:
    job(store, State.PENDING, new_job("a", policy=Policy(max_crashes=1)))

    assert lose(store, "a", Loss.CRASHED, 1).state is State.DEAD


def test_the_twentieth_reboot_makes_a_job_dead_and_says_why(store: Store) -> None:
    job(store, State.PENDING, new_job("a", policy=Policy(max_crashes=1)))

    assert lose(store, "a", Loss.REBOOTED, 19).state is State.PENDING
    died = lose(store, "a", Loss.REBOOTED, 1)

    assert died.state is State.DEAD
    assert counters(died) == (20, 0, 0, 20)
    assert died.last_error == "its machine went down or was cut off 20 times"


def test_stops_never_make_a_job_dead(store: Store) -> None:
    job(store, State.PENDING, new_job("a", policy=Policy(max_retries=0, max_crashes=1)))

    rescued = lose(store, "a", Loss.STOPPED, 50)

    assert rescued.state is State.PENDING
    assert counters(rescued) == (50, 0, 0, 0)


def test_failures_crashes_and_interruptions_are_counted_apart(store: Store) -> None:
    job(store, State.PENDING, new_job("a", policy=Policy(max_retries=2, backoff_max=0.0)))
    for _ in range(2):
        store.finish(claimed(store), BADLY, NOW)
        lose(store, "a", Loss.CRASHED, 1)
        lose(store, "a", Loss.REBOOTED, 2)
        store.finish(claimed(store), GIVEN_BACK, NOW)

    stored = stored_job(store, "a")
    assert counters(stored) == (10, 2, 2, 4)
    assert stored.state is State.PENDING


@pytest.mark.parametrize("loss", list(Loss))
def test_a_rescue_of_a_run_that_has_ended_changes_nothing(store: Store, loss: Loss) -> None:
    running = job(store, State.PROCESSING, new_job("a"))
    store.finish(running, WELL, NOW)
    before = stored_job(store, "a"), store.attempts(running.seq)

    assert store.rescue(running, loss, after(1)) is None
    assert (stored_job(store, "a"), store.attempts(running.seq)) == before


def test_a_job_is_rescued_once(store: Store, open_store: OpenStore) -> None:
    running = job(store, State.PROCESSING)
    again = store.running()[0].job

    assert store.rescue(running, Loss.CRASHED, NOW) is not None
    assert open_store().rescue(again, Loss.CRASHED, NOW) is None
    assert stored_job(store, running.id).crashes == 1


def test_a_worker_that_was_thought_dead_cannot_finish_a_rescued_job(store: Store) -> None:
    running = job(store, State.PROCESSING, new_job("a"))
    store.rescue(running, Loss.CRASHED, NOW)
    second = claimed(store, "a", worker="other")

    assert store.finish(running, WELL, NOW) is None
    assert stored_job(store, "a") == second
    assert store.finish(second, WELL, NOW) is not None


def test_a_rescued_job_is_what_a_claim_of_the_rescuer_gets(store: Store) -> None:
    running = job(store, State.PROCESSING, new_job("a"))
    store.rescue(running, Loss.STOPPED, NOW)

    found = store.claim("rescuer", COOKIE, NOW)

    assert found is not None
    assert (found.id, found.attempt, found.worker) == ("a", 2, "rescuer")

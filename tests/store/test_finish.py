"""The end of a run: where the job goes, what is counted, and the fence against late results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl.job import Attempt, Ended, Outcome, Policy, State
from queuectl.lifecycle import Loss
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
    from queuectl.job import Job
    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore

UNHAPPY = [
    Ended(Outcome.EXITED, exit_code=1),
    Ended(Outcome.EXITED, exit_code=255),
    Ended(Outcome.SIGNALLED, signal=9),
    Ended(Outcome.TIMED_OUT, signal=15),
    Ended(Outcome.NOT_STARTED, exit_code=127, error="no such program"),
]


def counters(job: Job) -> tuple[int, int, int, int]:
    return job.attempt, job.failures, job.crashes, job.interruptions


def test_a_run_that_ends_well_completes_the_job(store: Store) -> None:
    running = job(store, State.PROCESSING)

    finished = store.finish(running, Ended(Outcome.EXITED, exit_code=0, duration=2.5), after(3))

    assert finished == stored_job(store, running.id)
    assert finished == running._replace(
        state=State.COMPLETED,
        finished_at=after(3),
        duration=2.5,
        outcome=Outcome.EXITED,
        exit_code=0,
        cookie=None,
    )


@pytest.mark.parametrize("ended", UNHAPPY, ids=lambda ended: f"{ended.outcome}")
def test_a_run_that_ends_badly_fails_the_job(store: Store, ended: Ended) -> None:
    running = job(store, State.PROCESSING)

    finished = store.finish(running, ended, after(5))

    assert finished == stored_job(store, running.id)
    assert finished is not None
    assert (finished.state, finished.ready, finished.finished_at) == (State.FAILED, False, None)
    assert counters(finished) == (1, 1, 0, 0)
    assert finished.next_run_at == after(5 + 2)
    assert (finished.outcome, finished.exit_code, finished.signal) == (ended.outcome, ended.exit_code, ended.signal)
    assert finished.last_error == ended.error
    assert (finished.worker, finished.cookie) == (WORKER, None)


def test_a_finished_run_is_kept_as_an_attempt(store: Store) -> None:
    running = job(store, State.PROCESSING)
    store.finish(running, Ended(Outcome.SIGNALLED, signal=11, error="boom", duration=0.25), after(1))
    store.finish(claimed(store, now=after(10), worker="other"), WELL, after(12))

    assert store.attempts(running.seq) == [
        Attempt(1, WORKER, NOW, after(1), 0.25, Outcome.SIGNALLED, None, 11, "boom"),
        Attempt(2, "other", after(10), after(12), 1.0, Outcome.EXITED, 0, None, None),
    ]


def test_a_running_attempt_is_not_among_the_finished(store: Store) -> None:
    assert store.attempts(job(store, State.PROCESSING).seq) == []


def test_an_unknown_duration_is_the_time_since_the_start(store: Store) -> None:
    running = job(store, State.PROCESSING)

    finished = store.finish(running, Ended(Outcome.EXITED, exit_code=0), after(7.5))

    assert finished is not None
    assert finished.duration == 7.5
    assert store.attempts(running.seq)[0].duration == 7.5


def test_a_clock_that_goes_back_gives_no_negative_duration(store: Store) -> None:
    running = job(store, State.PROCESSING)

    finished = store.finish(running, Ended(Outcome.EXITED, exit_code=0), after(-60))

    assert finished is not None
    assert finished.duration == 0
    assert finished.finished_at == after(-60)


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_a_job_that_always_fails_runs_max_retries_and_one_times(store: Store, max_retries: int) -> None:
    job(store, State.PENDING, new_job("a", max_retries=max_retries))
    runs = 0
    while found := store.claim(WORKER, COOKIE, after(10_000 * runs)):
        store.finish(found, BADLY, after(10_000 * runs))
        runs += 1

    stored = stored_job(store, "a")
    assert runs == max_retries + 1
    assert stored.state is State.DEAD
    assert counters(stored) == (runs, runs, 0, 0)
    assert stored.finished_at == after(10_000 * max_retries)
    assert stored.next_run_at is None
    assert stored.last_error == "it broke"
    assert len(store.attempts(stored.seq)) == runs


@pytest.mark.parametrize(
    ("policy", "waits"),
    [
        (Policy(max_retries=6), [2, 4, 8, 16, 32, 64]),
        (Policy(max_retries=4, backoff_base=1.5), [1.5, 2.25, 3.375, 5.0625]),
        (Policy(max_retries=5, backoff_base=10.0, backoff_max=500.0), [10, 100, 500, 500, 500]),
        (Policy(max_retries=3, backoff_base=1.0), [1, 1, 1]),
        (Policy(max_retries=1, backoff_max=0.0), [0]),
    ],
    ids=str,
)
def test_the_backoff_after_failure_n_is_base_to_the_n_at_most_the_maximum(
    store: Store, policy: Policy, waits: list[float]
) -> None:
    job(store, State.PENDING, new_job("a", policy=policy))
    now = 0.0
    found = []
    for _ in waits:
        failed = store.finish(claimed(store, now=after(now)), BADLY, after(now + 0.125))
        assert failed is not None
        assert failed.next_run_at is not None
        found.append((failed.next_run_at - after(now + 0.125)).total_seconds())
        now += 1000

    assert found == waits


def test_the_thousandth_failure_overflows_nothing(store: Store) -> None:
    job(store, State.PENDING, new_job("a", policy=Policy(max_retries=1000, backoff_base=1000.0, backoff_max=1.0)))
    running = claimed(store)
    for run in range(1, 1001):
        _, following = store.finish_and_claim(running, BADLY, COOKIE, after(2 * run))
        assert following is None
        running = claimed(store, now=after(2 * run + 1))
    died = store.finish(running, BADLY, after(3000))

    assert died is not None
    assert (died.state, died.failures) == (State.DEAD, 1001)


def test_jitter_adds_its_share_of_the_wait(store: Store) -> None:
    running = job(store, State.PROCESSING, new_job(policy=Policy(backoff_base=8.0, backoff_jitter=0.5)))

    failed = store.finish(running, BADLY, NOW, share=0.25)

    assert failed is not None
    assert failed.next_run_at == after(8 * 1.125)
    assert stored_job(store, running.id).next_run_at == after(9)


def test_a_run_given_back_counts_in_nothing_and_may_run_at_once(store: Store) -> None:
    running = job(store, State.PROCESSING)

    back = store.finish(running, GIVEN_BACK, after(5))

    assert back == stored_job(store, running.id)
    assert back is not None
    assert (back.state, back.ready, back.next_run_at) == (State.PENDING, True, after(5))
    assert counters(back) == (1, 0, 0, 0)
    assert store.attempts(running.seq)[0].outcome is Outcome.GIVEN_BACK
    assert claimed(store, now=after(5)).attempt == 2


def test_however_often_it_is_given_back_a_job_does_not_die(store: Store) -> None:
    job(store, State.PENDING, new_job("a", max_retries=0, policy=Policy(max_retries=0, max_crashes=1)))
    for _ in range(40):
        store.finish(claimed(store, "a"), GIVEN_BACK, NOW)

    assert counters(stored_job(store, "a")) == (40, 0, 0, 0)
    assert stored_job(store, "a").state is State.PENDING


def test_success_after_failures_keeps_their_number_and_forgets_the_error(store: Store) -> None:
    job(store, State.FAILED, new_job("a"))

    finished = store.finish(claimed(store, now=after(2)), WELL, after(3))

    assert finished is not None
    assert counters(finished) == (2, 1, 0, 0)
    assert finished.last_error is None
    assert finished.exit_code == 0


LATE_STATES = [state for state in State if state is not State.BLOCKED]


@pytest.mark.parametrize("state", LATE_STATES)
@pytest.mark.parametrize("ended", [WELL, BADLY, GIVEN_BACK], ids=["well", "badly", "given back"])
def test_a_late_finish_of_an_older_attempt_changes_nothing(store: Store, state: State, ended: Ended) -> None:
    old = job(store, State.PROCESSING, new_job("a", max_retries=0))
    store.finish(old, GIVEN_BACK, NOW)
    if state is State.CANCELLED:
        store.cancel("a", NOW)
    elif state is not State.PENDING:
        running = claimed(store, "a")
        if state is State.COMPLETED:
            store.finish(running, WELL, NOW)
        elif state is State.DEAD:
            store.finish(running, BADLY, NOW)
        elif state is State.FAILED:
            running = running._replace(policy=Policy())
            store.finish(running, BADLY, NOW)
    before = stored_job(store, "a"), store.attempts(old.seq), store.counts()
    assert before[0].state is state

    assert store.finish(old, ended, after(99)) is None

    assert (stored_job(store, "a"), store.attempts(old.seq), store.counts()) == before


def test_a_run_finishes_once(store: Store, open_store: OpenStore) -> None:
    running = job(store, State.PROCESSING)
    store.finish(running, WELL, NOW)

    assert open_store().finish(running, BADLY, NOW) is None
    assert store.rescue(running, Loss.CRASHED, NOW) is None
    assert stored_job(store, running.id).state is State.COMPLETED


def test_a_late_finish_meets_no_new_job_of_the_same_id(store: Store) -> None:
    old = job(store, State.PROCESSING, new_job("a"))
    store.finish(old, WELL, NOW)
    list(store.clear())
    new = job(store, State.PROCESSING, new_job("a"))
    assert (new.id, new.attempt) == (old.id, old.attempt)

    assert store.finish(old, BADLY, NOW) is None

    assert stored_job(store, "a") == new
    assert new.seq > old.seq


def test_a_finish_of_an_attempt_that_has_yet_to_come_changes_nothing(store: Store) -> None:
    running = job(store, State.PROCESSING)

    assert store.finish(running._replace(attempt=2), WELL, NOW) is None
    assert stored_job(store, running.id) == running

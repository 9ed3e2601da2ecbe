"""What a user asks of one job: cancel it, run it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl.errors import Conflict, NotFound
from queuectl.job import Ended, Job, Outcome, Policy, State
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
    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore


def is_asked_to_end(store: Store, running: Job) -> bool:
    asked = store.requests(running)
    return asked is not None and asked.cancel


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED])
def test_a_waiting_job_is_cancelled_at_once(store: Store, state: State) -> None:
    waiting = job(store, state)

    cancelled = store.cancel(waiting.id, after(1))

    assert cancelled == stored_job(store, waiting.id)
    assert cancelled == waiting._replace(state=State.CANCELLED, ready=False, next_run_at=None, finished_at=after(1))
    assert store.claim(WORKER, COOKIE, after(1e6)) is None


def test_a_scheduled_job_is_cancelled_at_once(store: Store) -> None:
    waiting = job(store, State.PENDING, new_job(run_at=after(60)))

    store.cancel(waiting.id, NOW)

    assert store.next_due_at() is None
    assert store.claim(WORKER, COOKIE, after(120)) is None


def test_a_running_job_is_asked_to_end(store: Store, open_store: OpenStore) -> None:
    running = job(store, State.PROCESSING)
    assert not is_asked_to_end(store, running)

    asked = open_store().cancel(running.id, after(1))

    assert asked == stored_job(store, running.id)
    assert asked == running._replace(cancel_requested_at=after(1))
    assert is_asked_to_end(store, running)


def test_the_first_request_counts(store: Store) -> None:
    running = job(store, State.PROCESSING)
    store.cancel(running.id, after(1))

    assert store.cancel(running.id, after(2)).cancel_requested_at == after(1)
    assert stored_job(store, running.id).cancel_requested_at == after(1)


def test_a_request_reaches_no_other_job_and_no_later_run(store: Store) -> None:
    other = job(store, State.PROCESSING, worker="1")
    asked = job(store, State.PROCESSING, worker="2")
    store.cancel(asked.id, NOW)
    store.finish(asked, Ended(Outcome.CANCELLED), NOW)
    store.retry(asked.id, NOW)
    again = claimed(store, asked.id)

    assert not is_asked_to_end(store, other)
    assert not is_asked_to_end(store, asked)
    assert not is_asked_to_end(store, again)


def test_a_command_that_ended_well_before_the_cancel_took_effect_is_completed(store: Store) -> None:
    running = job(store, State.PROCESSING)
    store.cancel(running.id, NOW)

    finished = store.finish(running, WELL, after(1))

    assert finished == stored_job(store, running.id)
    assert finished is not None
    assert (finished.state, finished.outcome, finished.cancel_requested_at) == (State.COMPLETED, Outcome.EXITED, None)


@pytest.mark.parametrize(
    "ended",
    [
        BADLY,
        Ended(Outcome.SIGNALLED, signal=15),
        Ended(Outcome.TIMED_OUT),
        Ended(Outcome.CANCELLED),
        Ended(Outcome.NOT_STARTED, exit_code=127),
        Ended(Outcome.LOST),
        GIVEN_BACK,
    ],
    ids=lambda ended: f"{ended.outcome}",
)
def test_any_other_end_of_a_run_that_was_asked_to_end_is_cancelled(store: Store, ended: Ended) -> None:
    running = job(store, State.PROCESSING)
    store.cancel(running.id, NOW)

    finished = store.finish(running, ended, after(1))

    assert finished == stored_job(store, running.id)
    assert finished is not None
    assert (finished.state, finished.finished_at) == (State.CANCELLED, after(1))
    assert (finished.failures, finished.crashes) == (0, 0)
    assert store.attempts(running.seq)[0].outcome is ended.outcome
    assert store.claim(WORKER, COOKIE, after(1e6)) is None


@pytest.mark.parametrize("loss", list(Loss))
def test_a_job_that_was_asked_to_end_is_cancelled_by_the_rescue(store: Store, loss: Loss) -> None:
    running = job(store, State.PROCESSING)
    store.cancel(running.id, NOW)

    rescued = store.rescue(running, loss, after(1))

    assert rescued == stored_job(store, running.id)
    assert rescued is not None
    assert (rescued.state, rescued.crashes, rescued.interruptions) == (State.CANCELLED, 0, 0)


def test_a_cancelled_job_stays_as_it_is(store: Store) -> None:
    cancelled = job(store, State.CANCELLED)

    assert store.cancel(cancelled.id, after(5)) == cancelled
    assert stored_job(store, cancelled.id) == cancelled


@pytest.mark.parametrize("state", [State.COMPLETED, State.DEAD])
def test_a_job_that_has_ended_cannot_be_cancelled(store: Store, state: State) -> None:
    ended = job(store, state)

    with pytest.raises(Conflict, match=f"already {state}"):
        store.cancel(ended.id, after(1))

    assert stored_job(store, ended.id) == ended


@pytest.mark.parametrize("state", [State.DEAD, State.COMPLETED, State.CANCELLED])
def test_a_finished_job_can_run_again(store: Store, state: State) -> None:
    ended = job(store, state)

    waiting = store.retry(ended.id, after(9))

    assert waiting == stored_job(store, ended.id)
    assert waiting == ended._replace(
        state=State.PENDING, ready=True, next_run_at=after(9), finished_at=None, failures=0
    )
    assert claimed(store, ended.id, now=after(9)).attempt == ended.attempt + 1


def test_a_retry_keeps_id_history_and_place(store: Store) -> None:
    ended = job(store, State.DEAD, new_job("a"))
    job(store, State.PENDING, new_job("younger"), now=after(1))
    history = store.attempts(ended.seq)

    store.retry("a", after(5))

    assert store.attempts(ended.seq) == history
    assert len(history) == 1
    assert claimed(store, now=after(5)).id == "a"


def test_a_retry_resets_failures_crashes_and_interruptions(store: Store) -> None:
    job(store, State.PENDING, new_job("a", policy=Policy(max_retries=1, backoff_max=0.0)))
    for loss in (Loss.CRASHED, Loss.CRASHED, Loss.REBOOTED):
        store.rescue(claimed(store, "a"), loss, NOW)
    for _ in range(2):
        store.finish(claimed(store, "a"), BADLY, NOW)
    died = stored_job(store, "a")
    assert (died.state, died.failures, died.crashes, died.interruptions) == (State.DEAD, 2, 2, 1)

    retried = store.retry("a", NOW)

    assert (retried.failures, retried.crashes, retried.interruptions, retried.attempt) == (0, 0, 0, 5)
    assert stored_job(store, "a") == retried


def test_a_failed_job_is_due_now_with_its_counters_at_zero(store: Store) -> None:
    failed = job(store, State.FAILED)

    retried = store.retry(failed.id, after(0.5))

    assert retried == stored_job(store, failed.id)
    assert retried == failed._replace(ready=True, next_run_at=after(0.5), failures=0)
    assert claimed(store, failed.id, now=after(0.5)).attempt == 2


@pytest.mark.parametrize("state", [State.PENDING, State.PROCESSING])
def test_a_job_that_runs_or_has_yet_to_run_cannot_be_retried(store: Store, state: State) -> None:
    waiting = job(store, state)

    with pytest.raises(Conflict, match=f"is {state}"):
        store.retry(waiting.id, after(1))

    assert stored_job(store, waiting.id) == waiting


def test_a_retried_job_may_fail_as_often_as_a_new_one(store: Store) -> None:
    job(store, State.DEAD, new_job("a"))

    store.retry("a", NOW)

    died = store.finish(claimed(store, "a"), BADLY, NOW)
    assert died is not None
    assert (died.state, died.attempt, died.failures) == (State.DEAD, 2, 1)


def test_an_unknown_job_can_be_neither_cancelled_nor_retried_nor_got(store: Store) -> None:
    job(store, State.PENDING, new_job("job1"))

    for request in (store.cancel, store.retry):
        with pytest.raises(NotFound, match='no job "job2"'):
            request("job2")
    assert store.get("job2") is None
    assert store.get("JOB1") is None
    assert store.attempts(999) == []


def test_a_cancel_that_another_handle_made_first_is_seen(store: Store, open_store: OpenStore) -> None:
    waiting = job(store, State.PENDING)
    other = open_store()
    other.get(waiting.id)
    other.cancel(waiting.id, NOW)

    assert store.claim(WORKER, COOKIE, NOW) is None
    assert stored_job(store, waiting.id).state is State.CANCELLED

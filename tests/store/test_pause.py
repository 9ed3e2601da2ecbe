"""What a user asks of a job that runs, or is to run later: to pause, to go on, to take a signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl.errors import Conflict, NotFound
from queuectl.job import Ended, Outcome, State
from queuectl.lifecycle import CANCELLABLE, PAUSED, Loss
from queuectl.selection import Selection
from queuectl.store.base import Asked, What
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


def asked(store: Store, running: Job) -> Asked:
    found = store.requests(running)
    assert found is not None
    return found


# Jobs that wait


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED])
def test_a_paused_job_does_not_start(store: Store, state: State) -> None:
    waiting = job(store, state)

    paused = store.pause(waiting.id, after(1))

    assert paused == stored_job(store, waiting.id)
    assert paused == waiting._replace(ready=False, held_by=PAUSED, paused_at=after(1))
    assert store.claim(WORKER, COOKIE, after(1e6)) is None
    assert stored_job(store, waiting.id) == paused


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED])
def test_a_resumed_job_starts_when_it_is_due(store: Store, state: State) -> None:
    waiting = job(store, state)
    store.pause(waiting.id, NOW)

    resumed = store.resume(waiting.id, NOW)

    assert resumed == stored_job(store, waiting.id) == waiting
    assert claimed(store, waiting.id, now=after(100)).paused_at is None


def test_a_job_that_has_become_due_while_it_was_paused_may_run_at_once(store: Store) -> None:
    scheduled = job(store, State.PENDING, new_job(run_at=after(60)))
    store.pause(scheduled.id, NOW)

    assert store.resume(scheduled.id, after(60)).ready
    assert claimed(store, scheduled.id, now=after(60)).attempt == 1


def test_others_overtake_a_paused_job(store: Store) -> None:
    first = job(store, State.PENDING, new_job(priority=9))
    job(store, State.PENDING, new_job("second"))
    store.pause(first.id, NOW)

    assert claimed(store).id == "second"
    store.resume(first.id, NOW)
    assert claimed(store, worker="b" * 32).id == first.id


def test_nobody_waits_for_the_time_of_a_paused_job(store: Store) -> None:
    scheduled = job(store, State.PENDING, new_job(run_at=after(60)))
    store.pause(scheduled.id, NOW)

    assert store.next_due_at(NOW) is None
    store.resume(scheduled.id, NOW)
    assert store.next_due_at(NOW) is not None


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED])
def test_a_paused_job_holds_up_no_drain(store: Store, state: State) -> None:
    waiting = job(store, state)
    store.pause(waiting.id, NOW)

    assert not store.unfinished(after(1e6))
    store.resume(waiting.id, NOW)
    assert store.unfinished(after(1e6))


def test_lists_show_a_paused_job_last(store: Store) -> None:
    paused = job(store, State.PENDING, new_job("paused", priority=9))
    job(store, State.PENDING, new_job("later", run_at=after(60)))
    job(store, State.PENDING, new_job("now"))
    late = job(store, State.PENDING, new_job("paused, too", run_at=after(60)))
    for id in (paused.id, late.id):
        store.pause(id, NOW)

    assert [job.id for job in store.list(State.PENDING, now=after(1))] == ["now", "later", "paused", "paused, too"]
    assert [job.id for job in store.list(State.PENDING, limit=3, now=after(1))] == ["now", "later", "paused"]
    assert [job.id for job in store.list(State.PENDING, scheduled=True, now=after(1))] == ["later"]
    assert [job.id for job in store.paused(9)] == ["paused", "paused, too"]
    assert [job.id for job in store.paused(1)] == ["paused"]
    oldest = store.oldest_waiting()
    assert oldest is not None
    assert oldest.id == "now"


def test_a_paused_job_is_cancelled_like_another(store: Store) -> None:
    waiting = job(store, State.PENDING)
    store.pause(waiting.id, NOW)

    cancelled = store.cancel(waiting.id, after(1))

    assert cancelled == stored_job(store, waiting.id)
    assert (cancelled.state, cancelled.held_by, cancelled.paused_at) == (State.CANCELLED, None, None)
    assert store.paused(9) == []


def test_a_retry_makes_a_paused_job_due_but_does_not_resume_it(store: Store) -> None:
    failed = job(store, State.FAILED)
    paused = store.pause(failed.id, after(1))

    retried = store.retry(failed.id, after(2))

    assert retried == stored_job(store, failed.id)
    assert retried == paused._replace(next_run_at=after(2), failures=0)
    assert store.claim(WORKER, COOKIE, after(9)) is None
    assert store.resume(failed.id, after(2)).ready


# Jobs that run


def test_a_running_job_is_asked_to_pause_and_to_go_on(store: Store, open_store: OpenStore) -> None:
    running = job(store, State.PROCESSING)
    assert asked(store, running) == Asked(cancel=False, paused=False, told_paused=False, requests=[])

    paused = open_store().pause(running.id, after(1))

    assert paused == stored_job(store, running.id)
    assert paused == running._replace(paused_at=after(1))
    assert asked(store, running).paused
    assert open_store().resume(running.id, after(2)) == running
    assert not asked(store, running).paused


def test_a_worker_tells_that_its_job_is_paused(store: Store) -> None:
    running = job(store, State.PROCESSING)
    store.pause(running.id, NOW)

    store.tell_paused(running, paused=True)

    assert stored_job(store, running.id).held_by == PAUSED
    assert asked(store, running).told_paused
    assert [job.id for job in store.paused(9)] == [running.id]
    store.tell_paused(running, paused=False)
    assert stored_job(store, running.id).held_by is None
    assert not asked(store, running).told_paused


def test_a_resume_takes_back_what_was_told(store: Store) -> None:
    running = job(store, State.PROCESSING)
    store.pause(running.id, NOW)
    store.tell_paused(running, paused=True)

    assert store.resume(running.id, NOW) == running


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("ended", [BADLY, GIVEN_BACK], ids=lambda ended: f"{ended.outcome}")
def test_a_job_whose_run_ends_while_it_is_paused_does_not_start_again(
    store: Store, ended: Ended, *, told: bool
) -> None:
    running = job(store, State.PROCESSING)
    store.pause(running.id, NOW)
    if told:
        store.tell_paused(running, paused=True)

    moved, following = store.finish_and_claim(running, ended, COOKIE, after(1))

    assert moved == stored_job(store, running.id)
    assert moved is not None
    assert (moved.ready, moved.held_by, moved.paused_at, following) == (False, PAUSED, NOW, None)
    assert store.claim(WORKER, COOKIE, after(1e6)) is None
    store.resume(running.id, after(1e6))
    assert claimed(store, running.id, now=after(1e6)).attempt == 2


def test_a_rescued_job_stays_paused(store: Store) -> None:
    running = job(store, State.PROCESSING)
    store.pause(running.id, NOW)

    rescued = store.rescue(running, Loss.CRASHED, after(1))

    assert rescued == stored_job(store, running.id)
    assert rescued is not None
    assert (rescued.state, rescued.ready, rescued.held_by, rescued.crashes) == (State.PENDING, False, PAUSED, 1)


@pytest.mark.parametrize("ended", [WELL, Ended(Outcome.CANCELLED)], ids=lambda ended: f"{ended.outcome}")
def test_a_finished_job_is_not_paused(store: Store, ended: Ended) -> None:
    running = job(store, State.PROCESSING)
    store.pause(running.id, NOW)
    store.tell_paused(running, paused=True)

    finished = store.finish(running, ended, after(1))

    assert finished == stored_job(store, running.id)
    assert finished is not None
    assert (finished.held_by, finished.paused_at) == (None, None)
    assert store.paused(9) == []
    assert store.retry(running.id, after(2)).ready


def test_a_paused_job_can_be_cancelled_but_a_cancelled_one_not_be_paused(store: Store) -> None:
    running = job(store, State.PROCESSING)
    store.pause(running.id, NOW)

    store.cancel(running.id, NOW)

    assert asked(store, running)[:2] == (True, True)
    store.resume(running.id, NOW)
    with pytest.raises(Conflict, match="is being cancelled"):
        store.pause(running.id, NOW)
    assert asked(store, running)[:2] == (True, False)


# Signals, and the grace of a cancel


def test_a_signal_is_asked_for_each_time_and_struck_off_when_it_was_sent(store: Store, open_store: OpenStore) -> None:
    running = job(store, State.PROCESSING)

    for number in (10, 12, 10):
        assert open_store().signal(running.id, number, NOW) == running

    requests = asked(store, running).requests
    assert [(request.what, request.value) for request in requests] == [(What.SIGNAL, n) for n in (10, 12, 10)]
    store.carried_out([requests[0].number, requests[2].number])
    assert asked(store, running).requests == [requests[1]]


def test_no_number_of_a_request_comes_again(store: Store) -> None:
    running = job(store, State.PROCESSING)
    store.signal(running.id, 10, NOW)
    (first,) = asked(store, running).requests
    store.carried_out([first.number])

    store.signal(running.id, 10, NOW)

    (second,) = asked(store, running).requests
    assert second.number != first.number


def test_a_cancel_may_have_a_grace_of_its_own(store: Store) -> None:
    running = job(store, State.PROCESSING)

    store.cancel(running.id, NOW, grace=0.5)
    store.cancel(running.id, NOW)

    assert asked(store, running).cancel
    assert [(request.what, request.value) for request in asked(store, running).requests] == [(What.CANCEL, 0.5)]


def test_a_waiting_job_is_cancelled_without_a_grace(store: Store) -> None:
    waiting = job(store, State.PENDING)

    assert store.cancel(waiting.id, NOW, grace=5.0).state is State.CANCELLED


def test_what_is_asked_reaches_no_other_job_and_no_later_run(store: Store) -> None:
    other = job(store, State.PROCESSING, worker="1")
    running = job(store, State.PROCESSING, worker="2")
    store.signal(running.id, 10, NOW)
    store.pause(running.id, NOW)
    store.finish(running, GIVEN_BACK, NOW)
    store.resume(running.id, NOW)
    again = claimed(store, running.id, worker="2")

    nothing = Asked(cancel=False, paused=False, told_paused=False, requests=[])
    assert store.requests(running) is None
    assert asked(store, other) == asked(store, again) == nothing
    store.tell_paused(running, paused=True)
    assert asked(store, again) == nothing


def test_what_was_asked_of_a_run_that_is_over_is_forgotten_in_a_round(store: Store) -> None:
    over = job(store, State.PROCESSING, worker="1")
    running = job(store, State.PROCESSING, worker="2")
    store.signal(over.id, 10, NOW)
    store.signal(running.id, 12, NOW)
    store.finish(over, GIVEN_BACK, NOW)

    store.upkeep(0, NOW)

    assert [request.value for request in asked(store, running).requests] == [12]
    assert count_of_requests(store) == 1


def count_of_requests(store: Store) -> int:
    """Return how many requests are kept, of whatever runs."""
    connection = store._connection  # type: ignore[attr-defined]  # noqa: SLF001  no method tells it
    if store.leased:
        ((n,),) = connection.script("SELECT count(*) FROM queuectl.requests")
    else:
        ((n,),) = connection._db.execute("SELECT count(*) FROM requests")  # noqa: SLF001
    return int(n)


# What cannot be asked


@pytest.mark.parametrize("state", [State.COMPLETED, State.DEAD, State.CANCELLED])
def test_a_finished_job_can_be_neither_paused_nor_resumed_nor_signalled(store: Store, state: State) -> None:
    ended = job(store, state)

    for request in (store.pause, store.resume):
        with pytest.raises(Conflict, match=f"already {state}"):
            request(ended.id, after(1))
    with pytest.raises(Conflict, match=f"is {state}"):
        store.signal(ended.id, 10, after(1))

    assert stored_job(store, ended.id) == ended


@pytest.mark.parametrize("state", [State.PENDING, State.FAILED])
def test_a_waiting_job_cannot_be_signalled(store: Store, state: State) -> None:
    waiting = job(store, state)

    with pytest.raises(Conflict, match=f"is {state}"):
        store.signal(waiting.id, 10, NOW)


@pytest.mark.parametrize("state", [State.PENDING, State.PROCESSING, State.FAILED])
def test_to_pause_twice_or_to_resume_what_is_not_paused_changes_nothing(store: Store, state: State) -> None:
    before = job(store, state)

    assert store.resume(before.id, after(1)) == before
    paused = store.pause(before.id, after(2))
    assert store.pause(before.id, after(3)) == paused == stored_job(store, before.id)


def test_an_unknown_job_can_be_neither_paused_nor_resumed_nor_signalled(store: Store) -> None:
    for request in (store.pause, store.resume):
        with pytest.raises(NotFound, match='no job "x"'):
            request("x")
    with pytest.raises(NotFound, match='no job "x"'):
        store.signal("x", 10)


# Many at once


def test_what_is_selected_is_paused_and_resumed(store: Store) -> None:
    running = job(store, State.PROCESSING, new_job("running"))
    asked = job(store, State.PROCESSING, new_job("asked"), worker="b" * 32)
    store.cancel("asked", NOW)
    waiting, later = job(store, new=new_job("waiting")), job(store, new=new_job("later", run_at=after(60)))
    store.enqueue([new_job("blocked", after=["waiting"])], NOW)
    job(store, new=new_job("other", queue="other"))

    chosen = store.matching(Selection(("default",)), CANCELLABLE, NOW)
    done = {one.id for jobs in store.pause_all(chosen, NOW) for one in jobs}

    assert done == {"running", "waiting", "later", "blocked"}
    assert [stored_job(store, id).held_by for id in ("running", "waiting", "blocked")] == [None, "paused", "paused"]
    assert {one.id for one in store.list() if one.paused_at is None} == {asked.id, "other"}
    assert store.claim(WORKER, COOKIE, after(99)) is not None  # the other one
    assert store.claim(WORKER, COOKIE, after(99)) is None

    store.finish(running, WELL, NOW)
    paused = store.matching(Selection(paused=True), CANCELLABLE, NOW)
    done = {one.id for jobs in store.resume_all(paused, NOW) for one in jobs}

    assert done == {waiting.id, later.id, "blocked"}
    assert [stored_job(store, id).ready for id in ("waiting", "later", "blocked")] == [True, False, False]


def test_a_blocked_job_that_is_paused_stays_so_when_it_is_released(store: Store) -> None:
    store.enqueue([new_job("p"), new_job("c", after=["p"])], NOW)
    store.pause("c", NOW)
    store.finish(claimed(store, "p"), WELL, NOW)
    released = stored_job(store, "c")
    assert (released.state, released.ready) == (State.PENDING, False)

    store.resume("c", NOW)

    assert claimed(store).id == "c"

"""Forgetting: clear and prune; ids become free, numbers do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl.errors import Conflict
from queuectl.job import State
from tests.support.factories import NOW, WELL, WORKER, after, claimed, job, new_job, stored_job

if TYPE_CHECKING:
    from queuectl.job import Job
    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore

REACHED = [state for state in State if state is not State.BLOCKED]


def run_twice(store: Store) -> Job:
    """Return a job that has completed, by its second run."""
    job(store, State.COMPLETED, new_job("twice"))
    store.retry("twice", NOW)
    store.finish(claimed(store, "twice"), WELL, NOW)
    return stored_job(store, "twice")


def clear(store: Store) -> list[int]:
    return [seq for batch in store.clear() for seq in batch]


def test_clear_forgets_every_job_but_the_running_ones(store: Store) -> None:
    jobs = {state: job(store, state) for state in sorted(REACHED, key=lambda state: state is State.PENDING)}
    job_of_tomorrow = job(store, State.PENDING, new_job(run_at=after(86400)))
    running = jobs.pop(State.PROCESSING)

    gone = clear(store)

    assert sorted(gone) == sorted([*(each.seq for each in jobs.values()), job_of_tomorrow.seq])
    assert list(store.list()) == [running]
    assert store.next_due_at() is None


def test_clear_forgets_the_attempts_of_what_goes_and_keeps_those_of_what_runs(store: Store) -> None:
    gone = run_twice(store)
    job(store, State.FAILED, new_job("kept"))
    running = claimed(store, "kept", now=after(2))
    history = store.attempts(running.seq)
    assert len(history) == 1
    assert len(store.attempts(gone.seq)) == 2

    clear(store)

    assert store.attempts(gone.seq) == []
    assert store.attempts(running.seq) == history


def test_a_running_job_ends_as_usual_after_a_clear(store: Store) -> None:
    running = job(store, State.PROCESSING)
    clear(store)

    assert store.finish(running, WELL, after(1)) is not None

    assert stored_job(store, running.id).state is State.COMPLETED
    assert store.metrics().counts[State.COMPLETED] == 1


def test_clear_of_an_empty_queue_yields_nothing(store: Store) -> None:
    assert clear(store) == []
    running = job(store, State.PROCESSING)
    assert clear(store) == []
    assert list(store.list()) == [running]


def test_clear_forgets_durations_and_counts(store: Store) -> None:
    job(store, State.COMPLETED, new_job(queue="mail"))
    assert store.metrics().completed is not None

    clear(store)

    metrics = store.metrics()
    assert metrics.completed is None
    assert set(metrics.counts.values()) == {0}
    assert all(durations is None and not any(counts.values()) for counts, durations in metrics.queues.values())


def test_a_clear_of_nothing_but_durations_forgets_them(store: Store) -> None:
    job(store, State.COMPLETED)
    store.prune(State.COMPLETED, 0, 10, after(1))
    assert store.metrics().completed is not None

    clear(store)

    assert store.metrics().completed is None


def test_an_id_is_free_after_a_clear_and_its_number_is_not(store: Store) -> None:
    first = job(store, State.COMPLETED, new_job("a"))
    clear(store)

    second = job(store, State.PENDING, new_job("a"))

    assert second.seq > first.seq
    assert (second.attempt, store.attempts(second.seq)) == (0, [])


def test_a_number_is_never_used_again(store: Store) -> None:
    seen: set[int] = set()
    for _ in range(5):
        store.enqueue([new_job("a"), new_job("b")], NOW)
        fresh = {each.seq for each in store.list()}
        assert not fresh & seen
        seen |= fresh
        clear(store)


def test_a_refused_enqueue_gives_no_number_twice(store: Store) -> None:
    first = job(store, State.PENDING, new_job("a"))
    with pytest.raises(Conflict):
        store.enqueue([new_job("b"), new_job("a")], NOW)

    assert job(store, State.PENDING, new_job("b")).seq > first.seq


def test_clear_runs_batch_by_batch_and_as_far_as_it_is_read(store: Store) -> None:
    store.enqueue((new_job() for _ in range(5000)), NOW)

    batches = store.clear()
    first = len(next(batches))
    assert 0 < first < 5000
    assert store.metrics().counts[State.PENDING] == 5000 - first

    assert first + sum(len(batch) for batch in batches) == 5000
    assert list(store.list()) == []


def test_jobs_that_come_while_a_clear_goes_on_stay(store: Store, open_store: OpenStore) -> None:
    store.enqueue((new_job() for _ in range(3000)), NOW)
    other = open_store()
    batches = store.clear()
    next(batches)

    other.enqueue([new_job("new")], NOW)
    for _ in batches:
        pass

    assert [each.id for each in store.list()] == ["new"]


@pytest.mark.parametrize("state", [State.COMPLETED, State.DEAD, State.CANCELLED])
def test_prune_forgets_what_came_to_that_state_before_the_instant(store: Store, state: State) -> None:
    jobs = {seconds: job(store, state, now=after(seconds)) for seconds in (10, 20, 30)}
    others = [each for each in (State.COMPLETED, State.DEAD, State.CANCELLED) if each is not state]
    for each in others:
        job(store, each, now=after(10))

    gone = store.prune(state, 0, 100, after(20))

    assert gone == [jobs[10].seq]
    assert [each.seq for each in store.list(state)] == [jobs[30].seq, jobs[20].seq]
    assert all(store.metrics().counts[each] == 1 for each in others)
    assert store.attempts(jobs[10].seq) == []


def test_prune_takes_the_oldest_up_to_its_limit(store: Store) -> None:
    jobs = [job(store, State.DEAD, now=after(seconds)) for seconds in (30, 10, 20, 10)]

    assert sorted(store.prune(State.DEAD, 0, 2, after(100))) == [jobs[1].seq, jobs[3].seq]
    assert store.prune(State.DEAD, 0, 1, after(100)) == [jobs[2].seq]
    assert store.prune(State.DEAD, 0, 5, after(100)) == [jobs[0].seq]
    assert store.prune(State.DEAD, 0, 5, after(100)) == []


def test_a_job_is_pruned_by_its_end_not_by_its_age(store: Store) -> None:
    store.enqueue([new_job("old")], after(-1000))
    store.finish(claimed(store, "old", now=after(-900)), WELL, after(50))

    assert store.prune(State.COMPLETED, 0, 10, after(50)) == []
    assert len(store.prune(State.COMPLETED, 0, 10, after(50.000001))) == 1


def test_a_retried_job_is_not_pruned(store: Store) -> None:
    retried = job(store, State.DEAD, now=after(0))
    store.retry(retried.id, after(1))

    assert store.prune(State.DEAD, 0, 10, after(100)) == []
    assert stored_job(store, retried.id).state is State.PENDING


def runs_by_metrics(store: Store) -> int:
    completed = store.metrics().completed
    return 0 if completed is None else completed.runs


def test_durations_of_hours_before_the_instant_go_with_completed_jobs(store: Store) -> None:
    job(store, State.COMPLETED, now=after(0))
    job(store, State.COMPLETED, now=after(3599))
    job(store, State.COMPLETED, now=after(3600))

    store.prune(State.CANCELLED, 0, 100, after(7200))
    store.prune(State.DEAD, 0, 100, after(7200))
    assert runs_by_metrics(store) == 3

    store.prune(State.COMPLETED, 0, 1, after(3660))

    assert runs_by_metrics(store) == 1
    assert store.metrics().counts[State.COMPLETED] == 2


def test_durations_of_the_hour_of_the_instant_stay(store: Store) -> None:
    job(store, State.COMPLETED, now=after(0))

    assert len(store.prune(State.COMPLETED, 0, 100, after(3599))) == 1

    assert runs_by_metrics(store) == 1


def test_summing_up_changes_no_figure(store: Store) -> None:
    for second, duration in enumerate((0.5, 2.0, 0.001, 7.0, 2.0)):
        job(store, now=after(0))
        store.finish(claimed(store, now=after(0)), WELL._replace(duration=duration), after(901 * second))
    before = store.metrics()._replace(upkeep=None)

    for second in (1800, 3600, 3600, 7200, 7200):
        store.upkeep(0, after(second))

    assert store.metrics()._replace(upkeep=None) == before


def test_hours_that_are_summed_up_are_forgotten_as_hours(store: Store) -> None:
    for second in (0, 1800, 3599, 3600):
        job(store, State.COMPLETED, now=after(second))
    store.upkeep(0, after(7200))

    store.prune(State.COMPLETED, 0, 0, after(3599))
    assert runs_by_metrics(store) == 4

    store.prune(State.COMPLETED, 0, 0, after(3600))
    assert runs_by_metrics(store) == 1


def test_pruning_forgets_every_attempt(store: Store) -> None:
    gone = run_twice(store)

    assert store.prune(State.COMPLETED, 0, 10, after(1)) == [gone.seq]

    assert store.attempts(gone.seq) == []


def test_pruning_frees_the_id_and_not_the_number(store: Store) -> None:
    first = job(store, State.CANCELLED, new_job("a"))
    store.prune(State.CANCELLED, 0, 10, after(1))

    assert job(store, State.PENDING, new_job("a"), worker=WORKER).seq > first.seq


def test_numbers_of_any_size_are_asked_for_one_after_the_other(store: Store) -> None:
    for seq in (7, 2**15, 2**31, 2**40):
        assert store.forgotten([seq]) == [seq]

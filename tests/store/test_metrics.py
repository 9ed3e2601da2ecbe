"""Metrics: exact counts, durations, and the job that has waited longest."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl import histogram
from queuectl.errors import Conflict
from queuectl.job import Ended, Outcome, State
from tests.support.factories import BADLY, COOKIE, GIVEN_BACK, NOW, WELL, after, claimed, job, new_job

if TYPE_CHECKING:
    from queuectl.store.base import Durations, Store
    from tests.store.conftest import OpenStore

REACHED = [state for state in State if state is not State.BLOCKED]


def completed(store: Store) -> Durations:
    durations = store.metrics().completed
    assert durations is not None
    return durations


def complete(store: Store, seconds: float, queue: str = "default") -> None:
    """Let a new job run for so long and end well."""
    new = new_job(queue=queue)
    store.enqueue([new], NOW)
    store.finish(claimed(store, new.id), Ended(Outcome.EXITED, exit_code=0, duration=seconds), NOW)


def test_an_empty_queue_counts_no_job_in_any_state(store: Store) -> None:
    metrics = store.metrics()

    assert metrics.counts == dict.fromkeys(State, 0)
    assert metrics.completed is None
    assert metrics.queues == {}


def test_every_job_is_counted_in_its_state_and_its_queue(store: Store) -> None:
    for queue, times in (("a", 1), ("b", 2)):
        for state in sorted(REACHED, key=lambda state: state is State.PENDING):
            for _ in range(times):
                if state is State.PENDING:
                    store.enqueue([new_job(queue=queue, run_at=after(60))], NOW)
                else:
                    job(store, state, new_job(queue=queue))

    metrics = store.metrics()

    expected = {state: 0 if state is State.BLOCKED else 1 for state in State}
    assert metrics.counts == {state: 3 * n for state, n in expected.items()}
    assert metrics.queues["a"][0] == expected
    assert metrics.queues["b"][0] == {state: 2 * n for state, n in expected.items()}
    assert list(metrics.queues) == ["a", "b"]


def test_counts_follow_bulk_clear_and_prune(store: Store) -> None:
    store.enqueue((new_job(queue=f"q{n % 3}") for n in range(3000)), NOW)
    assert store.metrics().counts[State.PENDING] == 3000
    assert {queue: counts[State.PENDING] for queue, (counts, _) in store.metrics().queues.items()} == {
        "q0": 1000,
        "q1": 1000,
        "q2": 1000,
    }
    list(store.clear())
    job(store, State.DEAD)
    store.prune(State.DEAD, 0, 10, after(1))

    assert store.metrics().counts == dict.fromkeys(State, 0)


def test_what_a_refused_enqueue_would_have_added_is_not_counted(store: Store) -> None:
    job(store, State.PENDING, new_job("a"))
    with pytest.raises(Conflict):
        store.enqueue([new_job("x"), new_job("y"), new_job("a")], NOW)

    assert store.metrics().counts[State.PENDING] == 1


def test_one_duration_is_told_exactly(store: Store) -> None:
    complete(store, 1.25)

    assert completed(store) == (1, 1.25, 1.25, 1.25, 1.25, 1.25, 1.25)


def test_mean_shortest_and_longest_are_exact(store: Store) -> None:
    for seconds in (0.001, 3600.0, 7.5):
        complete(store, seconds)

    durations = completed(store)

    assert (durations.runs, durations.shortest, durations.longest) == (3, 0.001, 3600)
    assert durations.mean == pytest.approx((0.001 + 3600 + 7.5) / 3, abs=1e-6)


def test_percentiles_are_at_most_five_percent_off(store: Store) -> None:
    seconds = [0.01 * 1.1**n for n in range(100)]
    for each in sorted(seconds, key=lambda each: each * 7919 % 1):
        complete(store, each)

    durations = completed(store)

    assert durations.p50 == pytest.approx(seconds[49], rel=0.0501)
    assert durations.p95 == pytest.approx(seconds[94], rel=0.0501)
    assert durations.p99 == pytest.approx(seconds[98], rel=0.0501)


def test_a_run_without_duration_is_counted_as_none(store: Store) -> None:
    complete(store, 0.0)

    assert completed(store) == (1, 0, 0, 0, 0, 0, 0)


def test_durations_are_kept_for_each_queue(store: Store) -> None:
    complete(store, 1.0, queue="a")
    complete(store, 3.0, queue="b")
    job(store, State.PENDING, new_job(queue="c"))

    queues = store.metrics().queues

    assert {queue: durations and durations.mean for queue, (_, durations) in queues.items()} == {
        "a": 1.0,
        "b": 3.0,
        "c": None,
    }
    assert completed(store).mean == 2.0


@pytest.mark.parametrize("ended", [BADLY, GIVEN_BACK, Ended(Outcome.CANCELLED), Ended(Outcome.LOST)], ids=str)
def test_only_completed_runs_count_in_the_durations(store: Store, ended: Ended) -> None:
    store.finish(job(store, State.PROCESSING), ended, NOW)

    assert store.metrics().completed is None


def test_every_completion_counts_also_of_the_same_job(store: Store) -> None:
    done = job(store, State.COMPLETED)
    store.retry(done.id, NOW)
    store.finish(claimed(store), Ended(Outcome.EXITED, exit_code=0, duration=2.0), NOW)

    assert completed(store).runs == 2
    assert store.metrics().counts[State.COMPLETED] == 1


WORK = """
import sys
from queuectl.job import Ended, Outcome
from tests.support.stores import opened

store = opened(sys.argv[1], sync_every=1000.0)
job = store.claim("w", "c")
print("started", flush=True)
while job:
    _, job = store.finish_and_claim(job, Ended(Outcome.EXITED, exit_code=0, duration=1.0), "c")
store.close()
"""


def test_counts_and_durations_are_of_one_moment(store: Store, place: str) -> None:
    store.enqueue((new_job() for _ in range(3000)), NOW)
    with subprocess.Popen([sys.executable, "-c", WORK, place], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        looks = 0
        while worker.poll() is None:
            metrics = store.metrics()
            looks += 1
            assert metrics.counts[State.COMPLETED] == (metrics.completed.runs if metrics.completed else 0)
            assert sum(metrics.counts.values()) == 3000

    assert worker.returncode == 0
    assert looks


def test_the_oldest_waiting_job_is_the_one_enqueued_first_whatever_its_priority(store: Store) -> None:
    assert store.oldest_waiting() is None
    store.enqueue([new_job("high", priority=5)], after(2))
    store.enqueue([new_job("old", priority=-3), new_job("old-too", priority=-3)], after(1))
    store.enqueue([new_job("middle")], after(3))

    oldest = store.oldest_waiting()

    assert oldest == store.get("old")


def test_a_job_that_may_not_run_yet_is_not_waiting(store: Store) -> None:
    job(store, State.FAILED)
    job(store, State.PROCESSING)
    job(store, State.DEAD)
    job(store, State.PENDING, new_job(run_at=after(60)))

    assert store.oldest_waiting() is None

    job(store, State.PENDING, new_job("a"), now=after(1))
    oldest = store.oldest_waiting()
    assert oldest is not None
    assert oldest.id == "a"


def test_a_due_retry_waits_from_its_enqueue(store: Store, open_store: OpenStore) -> None:
    job(store, State.FAILED, new_job("failed"))
    store.enqueue([new_job("fresh", priority=1)], after(1))
    open_store().claim("w", COOKIE, after(10))

    oldest = store.oldest_waiting()

    assert oldest is not None
    assert oldest.id == "failed"


def test_the_last_failures_are_those_whose_runs_ended_last(store: Store) -> None:
    for number, state in enumerate((State.DEAD, State.FAILED, State.COMPLETED, State.DEAD, State.FAILED)):
        job(store, state, new_job(f"{number}"), now=after(-100 * number))

    assert [failed.id for failed in store.last_failures(10)] == ["0", "1", "3", "4"]
    assert [failed.id for failed in store.last_failures(2)] == ["0", "1"]
    assert store.last_failures(1) == [store.get("0")]


def test_a_failure_that_was_retried_with_success_is_no_last_failure(store: Store) -> None:
    failed = job(store, State.FAILED)
    assert [each.id for each in store.last_failures(10)] == [failed.id]

    store.finish(claimed(store, failed.id, now=after(2)), WELL, after(2))

    assert store.last_failures(10) == []


microseconds = st.integers(0, 10**15)


@given(microseconds)
def test_a_bucket_reads_back_at_most_five_percent_off(duration: int) -> None:
    read_back = histogram.percentile({histogram.bucket(duration): 1}, 0.5)

    assert abs(read_back - duration) <= max(1, 0.05000001 * duration)


@given(microseconds, microseconds)
def test_a_longer_duration_is_in_no_lower_bucket(one: int, other: int) -> None:
    assert (histogram.bucket(one) <= histogram.bucket(other)) or one > other


@given(st.lists(microseconds, min_size=1, max_size=200), st.floats(0, 1))
def test_a_percentile_is_at_most_five_percent_off_the_exact_one(durations: list[int], share: float) -> None:
    buckets: dict[int, int] = {}
    for duration in durations:
        buckets[histogram.bucket(duration)] = buckets.get(histogram.bucket(duration), 0) + 1

    exact = next(d for n, d in enumerate(sorted(durations), 1) if n >= share * len(durations))

    assert abs(histogram.percentile(buckets, share) - exact) <= max(1, 0.05000001 * exact)


def test_a_histogram_without_runs_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no runs"):
        histogram.percentile({}, 0.5)


def test_counts_are_those_of_the_metrics_by_queue(store: Store) -> None:
    assert store.counts() == {}
    store.enqueue([new_job(queue="a"), new_job(queue="a"), new_job(queue="b")])

    counts = store.counts()

    assert counts == {queue: counted for queue, (counted, _) in store.metrics().queues.items()}
    assert (counts["a"][State.PENDING], counts["b"][State.PENDING], counts["a"][State.DEAD]) == (2, 1, 0)

"""The moves of a job from state to state."""

from __future__ import annotations

import pytest

from queuectl import lifecycle
from queuectl.errors import Conflict
from queuectl.job import FINISHED, WAITING, Ended, Job, Outcome, Policy, State
from queuectl.lifecycle import CANCELLABLE, MAX_INTERRUPTIONS, MOVES, RETRIABLE, Loss, Move, MoveAll
from tests.support.samples import JOB, NOW

EXITED_WELL = Ended(Outcome.EXITED, exit_code=0)
EXITED_BADLY = Ended(Outcome.EXITED, exit_code=1)
ENDS = (
    EXITED_WELL,
    EXITED_BADLY,
    Ended(Outcome.SIGNALLED, signal=9),
    Ended(Outcome.TIMED_OUT, signal=15),
    Ended(Outcome.TIMED_OUT, exit_code=0),
    Ended(Outcome.LOST),
    Ended(Outcome.NOT_STARTED, exit_code=127),
    Ended(Outcome.CANCELLED, signal=15),
    Ended(Outcome.CANCELLED, exit_code=0),
    Ended(Outcome.GIVEN_BACK, signal=15),
    Ended(Outcome.GIVEN_BACK, exit_code=0),
)
FAILURES = (
    EXITED_BADLY,
    Ended(Outcome.EXITED, exit_code=255),
    Ended(Outcome.SIGNALLED, signal=9),
    Ended(Outcome.TIMED_OUT, signal=15),
    Ended(Outcome.TIMED_OUT, exit_code=0),
    Ended(Outcome.NOT_STARTED, exit_code=127),
)


RUNNING = JOB._replace(state=State.PROCESSING, ready=False, attempt=1, started_at=NOW, worker="w", cookie="c")
TO_BE_CANCELLED = RUNNING._replace(cancel_requested_at=NOW)


# The table


def test_every_state_is_waiting_running_or_finished() -> None:
    assert {*WAITING, State.PROCESSING, *FINISHED} == set(State)
    assert not WAITING & FINISHED


def test_every_move_of_the_table_is_a_function() -> None:
    assert all(callable(getattr(lifecycle, name)) for name in MOVES)


def test_no_state_is_out_of_reach_and_none_is_a_trap() -> None:
    reachable = set().union(*(to for _, to in MOVES.values()))
    left = set().union(*(start for start, _ in MOVES.values()))
    assert reachable == set(State)
    assert left - {None} == set(State)


def test_only_a_claimed_job_is_finished_or_rescued() -> None:
    assert MOVES["finish"][0] == MOVES["rescue"][0] == {State.PROCESSING}
    assert MOVES["claim"][1] == {State.PROCESSING}


def test_a_new_job_is_pending_and_a_claimed_one_processing() -> None:
    assert lifecycle.enqueue() in MOVES["enqueue"][1]
    assert lifecycle.claim() in MOVES["claim"][1]


@pytest.mark.parametrize("claimed", [RUNNING, TO_BE_CANCELLED], ids=["running", "to be cancelled"])
@pytest.mark.parametrize("failures", [0, 3, 1000])
@pytest.mark.parametrize("crashes", [0, 2])
@pytest.mark.parametrize("ended", ENDS, ids=str)
def test_finish_stays_within_its_moves(ended: Ended, crashes: int, failures: int, claimed: Job) -> None:
    move = lifecycle.finish(claimed._replace(failures=failures, crashes=crashes), ended)
    assert move.state in MOVES["finish"][1]


@pytest.mark.parametrize("claimed", [RUNNING, TO_BE_CANCELLED], ids=["running", "to be cancelled"])
@pytest.mark.parametrize("crashes", [0, 2])
@pytest.mark.parametrize("interruptions", [0, MAX_INTERRUPTIONS - 1])
@pytest.mark.parametrize("loss", Loss)
def test_rescue_stays_within_its_moves(loss: Loss, interruptions: int, crashes: int, claimed: Job) -> None:
    move = lifecycle.rescue(claimed._replace(crashes=crashes, interruptions=interruptions), loss)
    assert move.state in MOVES["rescue"][1]


@pytest.mark.parametrize("state", State)
def test_cancel_takes_waiting_jobs_asks_running_ones_and_refuses_the_rest(state: State) -> None:
    starts, ends = MOVES["cancel"]
    if state is State.PROCESSING:
        assert lifecycle.cancel(JOB._replace(state=state)) is None
    elif state in starts:
        move = lifecycle.cancel(JOB._replace(state=state))
        assert move is not None
        assert move.state in ends
    else:
        with pytest.raises(Conflict, match=f'^job "job1" is already {state}$'):
            lifecycle.cancel(JOB._replace(state=state))


@pytest.mark.parametrize("state", State)
def test_retry_takes_failed_and_finished_jobs_and_refuses_the_rest(state: State) -> None:
    starts, ends = MOVES["retry"]
    if state in starts:
        assert lifecycle.retry(JOB._replace(state=state)).state in ends
    else:
        with pytest.raises(Conflict, match=f'^job "job1" is {state}$') as error:
            lifecycle.retry(JOB._replace(state=state))
        assert error.value.hint == "only failed and finished jobs can be retried"


@pytest.mark.parametrize("ended", ENDS, ids=str)
def test_a_job_has_a_time_to_run_again_unless_it_is_finished(ended: Ended) -> None:
    for failures in (0, 3):
        move = lifecycle.finish(RUNNING._replace(failures=failures), ended)
        assert (move.delay is None) == move.finished == (move.state in FINISHED)


# The end of a run


def test_a_run_that_ends_well_completes_its_job_and_keeps_the_counters() -> None:
    counted = RUNNING._replace(failures=2, crashes=1, interruptions=5)
    assert lifecycle.finish(counted, EXITED_WELL) == Move(State.COMPLETED, None, 2, 1, 5)


@pytest.mark.parametrize("ended", FAILURES, ids=str)
def test_a_failure_is_counted_and_retried_after_the_backoff(ended: Ended) -> None:
    moves = [lifecycle.finish(RUNNING._replace(failures=failures), ended) for failures in range(3)]
    assert moves == [Move(State.FAILED, 2.0, 1), Move(State.FAILED, 4.0, 2), Move(State.FAILED, 8.0, 3)]


@pytest.mark.parametrize("ended", FAILURES, ids=str)
def test_a_failure_beyond_the_retries_makes_the_job_dead(ended: Ended) -> None:
    assert lifecycle.finish(RUNNING._replace(failures=3), ended) == Move(State.DEAD, None, 4)


@pytest.mark.parametrize("max_retries", [0, 1, 5])
def test_a_job_that_always_fails_runs_once_more_than_it_is_retried(max_retries: int) -> None:
    failing = RUNNING._replace(policy=Policy(max_retries=max_retries))
    runs = 0
    while failing.state is not State.DEAD:
        runs += 1
        move = lifecycle.finish(failing, EXITED_BADLY)
        failing = failing._replace(state=move.state, failures=move.failures)
    assert runs == max_retries + 1


def test_the_backoff_is_the_one_frozen_into_the_job() -> None:
    policy = Policy(max_retries=1000, backoff_base=3.0, backoff_max=20.0, backoff_jitter=0.5)
    delays = [
        lifecycle.finish(RUNNING._replace(policy=policy, failures=failures), EXITED_BADLY, 0.5).delay
        for failures in (0, 1, 2)
    ]
    assert delays == [3.75, 11.25, 25.0]


def test_a_run_that_is_given_back_counts_in_nothing_and_is_due_at_once() -> None:
    counted = RUNNING._replace(failures=2, crashes=1, interruptions=5)
    for ended in (Ended(Outcome.GIVEN_BACK, signal=15), Ended(Outcome.GIVEN_BACK, exit_code=0)):
        assert lifecycle.finish(counted, ended) == Move(State.PENDING, 0.0, 2, 1, 5)


def test_a_lost_run_counts_as_a_crash_and_not_as_a_failure() -> None:
    assert lifecycle.finish(RUNNING._replace(failures=3), Ended(Outcome.LOST)) == Move(State.PENDING, 0.0, 3, 1)


def test_a_cancelled_run_makes_the_job_cancelled() -> None:
    assert lifecycle.finish(RUNNING._replace(failures=2), Ended(Outcome.CANCELLED, signal=15)) == Move(
        State.CANCELLED, None, 2
    )


@pytest.mark.parametrize("ended", ENDS, ids=str)
def test_after_a_request_to_cancel_a_job_is_completed_if_it_ended_well_else_cancelled(ended: Ended) -> None:
    move = lifecycle.finish(TO_BE_CANCELLED._replace(failures=3, crashes=2), ended)
    assert move == Move(State.COMPLETED if ended.well else State.CANCELLED, None, 3, 2)


# The loss of a worker


def test_a_job_of_a_stopped_worker_counts_in_nothing_and_is_due_at_once() -> None:
    counted = RUNNING._replace(failures=3, crashes=2, interruptions=19)
    assert lifecycle.rescue(counted, Loss.STOPPED) == Move(State.PENDING, 0.0, 3, 2, 19)


def test_the_third_crash_makes_a_job_dead_and_says_why() -> None:
    moves = [lifecycle.rescue(RUNNING._replace(crashes=crashes), Loss.CRASHED) for crashes in range(3)]
    assert moves[:2] == [Move(State.PENDING, 0.0, crashes=1), Move(State.PENDING, 0.0, crashes=2)]
    assert moves[2] == Move(State.DEAD, None, crashes=3, reason="its worker was lost 3 times")


def test_the_number_of_crashes_is_the_one_frozen_into_the_job() -> None:
    assert lifecycle.rescue(RUNNING._replace(policy=Policy(max_crashes=1)), Loss.CRASHED).state is State.DEAD
    assert (
        lifecycle.rescue(RUNNING._replace(policy=Policy(max_crashes=5), crashes=3), Loss.CRASHED).state is State.PENDING
    )


def test_the_twentieth_interruption_makes_a_job_dead_and_says_why() -> None:
    assert lifecycle.rescue(RUNNING._replace(interruptions=18), Loss.REBOOTED) == Move(
        State.PENDING, 0.0, interruptions=19
    )
    assert lifecycle.rescue(RUNNING._replace(interruptions=19, crashes=1), Loss.REBOOTED) == Move(
        State.DEAD, None, crashes=1, interruptions=20, reason="its machine went down or was cut off 20 times"
    )


@pytest.mark.parametrize("loss", Loss)
def test_a_lost_job_that_was_to_be_cancelled_is_cancelled(loss: Loss) -> None:
    assert lifecycle.rescue(TO_BE_CANCELLED._replace(crashes=2), loss) == Move(State.CANCELLED, None, crashes=2)


# Requests of a user


@pytest.mark.parametrize("state", sorted(WAITING))
def test_a_cancelled_job_keeps_its_counters(state: State) -> None:
    assert lifecycle.cancel(JOB._replace(state=state, failures=2, crashes=1)) == Move(State.CANCELLED, None, 2, 1)


@pytest.mark.parametrize("state", [*sorted(FINISHED), State.FAILED])
def test_a_retried_job_is_due_at_once_with_its_counters_at_zero(state: State) -> None:
    expected = State.FAILED if state is State.FAILED else State.PENDING
    assert lifecycle.retry(JOB._replace(state=state, failures=4, crashes=3, interruptions=20)) == Move(
        expected, 0.0, 0, 0, 0
    )


@pytest.mark.parametrize("state", sorted(CANCELLABLE))
def test_jobs_of_a_state_are_cancelled_together_as_each_would_be(state: State) -> None:
    job = JOB._replace(state=state, failures=4, crashes=3, interruptions=20)
    assert done_with(job, lifecycle.cancel_all(state)) == lifecycle.cancel(job)


@pytest.mark.parametrize("state", sorted(RETRIABLE))
def test_jobs_of_a_state_are_retried_together_as_each_would_be(state: State) -> None:
    job = JOB._replace(state=state, failures=4, crashes=3, interruptions=20)
    assert done_with(job, lifecycle.retry_all(state)) == lifecycle.retry(job)


def done_with(job: Job, move: MoveAll | None) -> Move | None:
    """Return what a move of many jobs means for one of them."""
    if move is None:
        return None
    counters = (0, 0, 0) if move.anew else (job.failures, job.crashes, job.interruptions)
    return Move(move.state, move.delay, *counters)

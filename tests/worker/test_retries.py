"""Failures, retries, time limits, cancels and the order of jobs, with real workers."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from queuectl.job import Outcome, State
from tests.support.eventually import eventually
from tests.support.processes import gone, kill

if TYPE_CHECKING:
    from tests.support.gate import Gate
    from tests.support.processes import RealQueue

TREE = "sleep 1000 & echo $! >> tree; (setsid sleep 1000 & echo $! >> tree); echo $$ >> tree; echo up >> started; "
"""Begins a command with processes of its own, whose pids it leaves in `tree`."""

STUBBORN = "trap '' TERM; "


@pytest.fixture(autouse=True)
def quick(queue: RealQueue) -> None:
    """Let retries come at once, and KILL soon after TERM."""
    queue.environ |= {"QUEUECTL_BACKOFF_MAX": "0.05s", "QUEUECTL_GRACE": "0.3s"}


def assert_tree_is_gone(queue: RealQueue, count: int = 3) -> None:
    pids = list(map(int, queue.lines("tree")))
    assert len(pids) >= count
    assert [pid for pid in pids if not gone(pid)] == []


# Retries


def test_a_job_that_always_fails_runs_once_more_than_its_retries_and_is_dead(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("echo ran >> runs; echo no luck >&2; exit 7", "--max-retries", "2")

    job = queue.wait(id, State.DEAD)

    assert queue.lines("runs") == ["ran"] * 3
    assert (job.attempt, job.failures, job.crashes, job.exit_code, job.last_error) == (3, 3, 0, 7, "no luck")
    assert [job["id"] for job in json.loads(queue.do("dlq", "list", "--json"))] == [id]


def test_a_job_without_retries_runs_once(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("false", "--max-retries", "0")

    assert queue.wait(id, State.DEAD).attempt == 1


def test_a_job_that_fails_and_then_works_is_completed(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("echo ran >> runs; test $(wc -l < runs) = 3")

    job = queue.wait(id, State.COMPLETED)

    assert (job.attempt, job.failures) == (3, 2)
    assert [attempt.exit_code for attempt in queue.attempts(id)] == [1, 1, 0]


def test_the_wait_before_a_retry_grows_with_each_failure(queue: RealQueue) -> None:
    del queue.environ["QUEUECTL_BACKOFF_MAX"]
    queue.do("config", "set", "backoff_base", "1.1")
    queue.start()
    id = queue.enqueue("false", "--max-retries", "2")

    queue.wait(id, State.DEAD)

    first, second, third = queue.attempts(id)
    assert (second.started_at - first.finished_at).total_seconds() >= 1.1
    assert (third.started_at - second.finished_at).total_seconds() >= 1.1**2


def test_a_changed_retry_policy_holds_only_for_jobs_enqueued_later(queue: RealQueue) -> None:
    old = queue.enqueue("false")
    queue.do("config", "set", "default_max_retries", "0")
    new = queue.enqueue("false")
    queue.start()

    assert queue.wait(old, State.DEAD).attempt == 4
    assert queue.wait(new, State.DEAD).attempt == 1


def test_a_dead_job_whose_cause_is_repaired_completes_when_it_is_retried(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("test -e repaired", "--max-retries", "1")
    queue.wait(id, State.DEAD)

    (queue.directory / "repaired").touch()
    queue.do("dlq", "retry", id)

    job = queue.wait(id, State.COMPLETED)
    assert (job.attempt, job.failures) == (3, 0)
    assert len(queue.attempts(id)) == 3
    assert queue.do("dlq", "list") == ""


def test_a_failed_job_that_is_retried_runs_now(queue: RealQueue) -> None:
    del queue.environ["QUEUECTL_BACKOFF_MAX"]
    queue.do("config", "set", "backoff_base", "1000")
    queue.start()
    id = queue.enqueue("test -e repaired")
    queue.wait(id, State.FAILED)

    (queue.directory / "repaired").touch()
    queue.do("retry", id)

    assert queue.wait(id).state is State.COMPLETED


# Time limits


@pytest.mark.parametrize("manners", ["", STUBBORN], ids=["obedient", "stubborn"])
def test_an_attempt_that_takes_too_long_is_ended_with_its_tree_and_retried(queue: RealQueue, manners: str) -> None:
    queue.start()
    # On a busy machine an attempt may be ended before it has all of its tree: as many as it takes, until two had it.
    twice = '[ "$(cat started | wc -l)" = 2 ] && exit; '
    id = queue.enqueue(f"{twice}{manners}{TREE}wait", "--timeout", "0.5s", "--max-retries", "50")

    job = queue.wait(id, State.COMPLETED)

    *ended, last = queue.attempts(id)
    assert {(attempt.outcome, attempt.error) for attempt in ended} == {(Outcome.TIMED_OUT, "timed out after 0.5 s")}
    assert last.outcome is Outcome.EXITED
    assert (job.failures, job.crashes) == (len(ended), 0)
    assert_tree_is_gone(queue, 6)


def test_a_stopped_command_is_ended_at_its_time_limit(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("kill -STOP $$", "--timeout", "0.3s", "--max-retries", "0")

    assert queue.wait(id, State.DEAD).outcome is Outcome.TIMED_OUT


def test_a_job_may_be_exempt_from_the_configured_time_limit(queue: RealQueue, gate: Gate) -> None:
    queue.do("config", "set", "default_timeout", "0.3s")
    queue.start(count=2)
    exempt = queue.enqueue("read _ < gate", "--timeout", "none")
    queue.wait(exempt, State.PROCESSING)
    limited = queue.enqueue("sleep 1000", "--max-retries", "0")

    assert queue.wait(limited, State.DEAD).outcome is Outcome.TIMED_OUT

    assert queue.job(exempt).state is State.PROCESSING
    gate.open()
    assert queue.wait(exempt).state is State.COMPLETED


# Cancels


def test_a_waiting_job_that_is_cancelled_never_runs(queue: RealQueue) -> None:
    cancelled = queue.enqueue("echo ran >> runs")
    queue.do("cancel", cancelled)
    queue.start()
    queue.wait(queue.enqueue("true"), State.COMPLETED)

    assert queue.job(cancelled).state is State.CANCELLED
    assert queue.lines("runs") == []


def test_a_failed_job_that_is_cancelled_does_not_run_again(queue: RealQueue) -> None:
    queue.environ["QUEUECTL_BACKOFF_MAX"] = "1h"
    queue.start()
    id = queue.enqueue("false")
    queue.wait(id, State.FAILED)

    queue.do("cancel", id)

    assert queue.job(id).state is State.CANCELLED


@pytest.mark.parametrize("manners", ["", STUBBORN], ids=["obedient", "stubborn"])
def test_a_running_job_that_is_cancelled_ends_with_its_tree_and_does_not_run_again(
    queue: RealQueue, manners: str
) -> None:
    queue.start()
    id = queue.enqueue(f"{manners}{TREE}wait")
    queue.wait_for_lines("started")

    queue.do("cancel", id)

    job = queue.wait(id)
    assert (job.state, job.attempt, job.failures, job.outcome) == (State.CANCELLED, 1, 0, Outcome.CANCELLED)
    assert_tree_is_gone(queue)


def test_a_job_is_marked_while_its_cancel_has_not_taken_effect(queue: RealQueue, gate: Gate) -> None:
    queue.environ["QUEUECTL_GRACE"] = "1h"
    queue.start()
    id = queue.enqueue("trap 'echo told >> told' TERM; echo up >> started; until read _ < gate; do :; done; exit 0")
    queue.wait_for_lines("started")

    queue.do("cancel", id)
    queue.wait_for_lines("told")

    assert "cancel requested" in queue.do("show", id)
    assert "cancel requested" in queue.do("list")
    assert json.loads(queue.do("show", id, "--json"))["cancel_requested"] is True
    gate.open()
    assert queue.wait(id).state is State.CANCELLED  # though it exited 0: it was told to end
    assert "cancel requested" not in queue.do("show", id)


@pytest.mark.parametrize(("code", "state"), [(0, State.COMPLETED), (3, State.CANCELLED)])
def test_a_command_that_ended_before_it_could_be_cancelled_keeps_its_outcome(
    queue: RealQueue, gate: Gate, code: int, state: State
) -> None:
    queue.start()
    id = queue.enqueue(f"echo $$ > pid; read _ < gate; exit {code}")
    (pid,) = queue.wait_for_lines("pid")
    worker = queue.worker_of(id)
    queue.suspend(worker.pid)
    gate.open()
    eventually(lambda: gone(int(pid)))

    queue.do("cancel", id)
    kill(worker.pid, signal.SIGCONT)

    job = queue.wait(id)
    assert (job.state, job.outcome, job.exit_code, job.attempt) == (state, Outcome.EXITED, code, 1)


def test_a_cancel_with_no_worker_alive_takes_effect_at_the_next_rescue(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("echo ran >> runs; echo $$ > pid; exec sleep 1000")
    (pid,) = queue.wait_for_lines("pid")
    for member in (*queue.supervisors(), *queue.workers()):
        kill(member.pid)
    queue.no_worker()

    assert "cancel requested" in queue.run("cancel", id).err
    assert queue.job(id).state is State.PROCESSING
    queue.start()

    assert queue.wait(id).state is State.CANCELLED
    assert gone(int(pid))
    assert queue.lines("runs") == ["ran"]


# Order


def test_the_higher_priority_runs_first_and_equal_ones_in_the_order_of_their_coming(queue: RealQueue) -> None:
    for name, priority in (("low", -5), ("first", 0), ("high", 10), ("second", 0)):
        queue.enqueue(f"echo {name} >> order", "--priority", str(priority))
    queue.start()

    assert queue.wait_for_lines("order", 4) == ["high", "first", "second", "low"]


def test_a_job_of_the_future_runs_when_it_is_due_and_holds_up_nobody(queue: RealQueue) -> None:
    queue.start()
    tomorrow = queue.enqueue("true", "--run-at", "+1d", "--priority", "10")
    before = datetime.now(UTC)
    soon = queue.enqueue("true", "--run-at", "+1s", "--priority", "10")

    queue.wait(queue.enqueue("true"), State.COMPLETED)

    job = queue.wait(soon, State.COMPLETED)
    assert job.started_at is not None
    assert before + timedelta(seconds=1) <= job.started_at
    assert queue.job(tomorrow).state is State.PENDING


def test_no_job_runs_twice_and_none_is_forgotten_by_many_workers(queue: RealQueue) -> None:
    queue.start(count=4)
    jobs = (json.dumps({"id": f"j{number}", "command": f"echo {number} >> runs"}) for number in range(200))
    queue.do("enqueue", "--file", "-", stdin="\n".join(jobs))

    lines = queue.wait_for_lines("runs", 200)
    queue.stop()

    assert sorted(map(int, lines)) == list(range(200))
    assert queue.store.metrics().counts[State.COMPLETED] == 200


def test_a_term_that_was_sent_to_the_command_alone_is_a_failure(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("kill -TERM $$", "--max-retries", "0")

    job = queue.wait(id)

    assert (job.state, job.outcome, job.failures) == (State.DEAD, Outcome.SIGNALLED, 1)

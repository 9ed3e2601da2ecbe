"""What a rescue makes of the receipt of a worker that was killed between the end of a command and its record."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from queuectl.job import Outcome, State
from tests.support.eventually import eventually
from tests.support.processes import kill

if TYPE_CHECKING:
    from tests.support.gate import Gate
    from tests.support.processes import RealQueue


def start(queue: RealQueue) -> None:
    """Start a worker that is killed as soon as it has written a receipt, but its successor is not."""
    token = queue.directory / "token"
    token.touch()
    queue.start(env={"QUEUECTL_CRASH_AT": "worker: receipt written", "QUEUECTL_CRASH_TOKEN": str(token)})


def stopping(queue: RealQueue) -> bool:
    return any(run.stopping_at for run in queue.store.running())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_command_that_a_stop_hit_is_given_back_though_its_worker_was_killed_as_well(
    queue: RealQueue, number: signal.Signals
) -> None:
    start(queue)
    id = queue.enqueue("[ $QUEUECTL_ATTEMPT = 1 ] || exit 0; echo $$ >>pids; exec sleep 1000", "--max-retries", "0")
    (pid,) = queue.wait_for_lines("pids")
    stop = queue.spawn("worker", "stop")
    eventually(lambda: stopping(queue))

    kill(int(pid), number)
    assert stop.wait() == 0
    queue.start()

    job = queue.wait(id)
    assert (job.state, job.attempt, job.failures, job.crashes) == (State.COMPLETED, 2, 0, 0)
    assert queue.attempts(id)[0].outcome is Outcome.GIVEN_BACK


def test_a_command_that_failed_by_itself_during_a_stop_has_failed(queue: RealQueue, gate: Gate) -> None:
    start(queue)
    id = queue.enqueue("echo ran >>runs; read code <gate; exit $code", "--max-retries", "0")
    queue.wait_for_lines("runs")
    stop = queue.spawn("worker", "stop")
    eventually(lambda: stopping(queue))

    gate.open("3")
    assert stop.wait() == 0
    queue.start()

    job = queue.wait(id)
    assert (job.state, job.outcome, job.exit_code, job.failures) == (State.DEAD, Outcome.EXITED, 3, 1)


def test_a_command_that_got_a_signal_without_a_stop_has_failed(queue: RealQueue) -> None:
    start(queue)

    job = queue.wait(queue.enqueue("kill -TERM $$", "--max-retries", "0"))

    assert (job.state, job.outcome, job.failures, job.crashes) == (State.DEAD, Outcome.SIGNALLED, 1, 0)


@pytest.mark.parametrize(
    ("prints", "error"),
    [
        ("echo first >&2; echo 'the reason' >&2; echo out; echo ' ' >&2", "the reason"),
        ("echo out", None),
    ],
)
def test_a_failure_that_a_rescue_records_has_its_last_line_of_stderr(
    queue: RealQueue, gate: Gate, prints: str, error: str | None
) -> None:
    start(queue)
    id = queue.enqueue(f"{prints}; read _ <gate; exit 3", "--max-retries", "0")
    eventually(lambda: "out\n" in queue.do("logs", id))

    gate.open()

    job = queue.wait(id)
    assert (job.outcome, job.exit_code, job.last_error) == (Outcome.EXITED, 3, error)
    assert queue.attempts(id)[0].error == error


def test_a_timeout_that_a_rescue_records_says_so(queue: RealQueue) -> None:
    start(queue)

    job = queue.wait(queue.enqueue("exec sleep 1000", "--max-retries", "0", "--timeout", "0.5s"))

    assert (job.state, job.outcome, job.last_error) == (State.DEAD, Outcome.TIMED_OUT, "timed out after 0.5 s")


def test_a_success_that_a_rescue_records_has_no_error(queue: RealQueue) -> None:
    start(queue)

    job = queue.wait(queue.enqueue("echo a warning >&2"))

    assert (job.state, job.attempt, job.last_error) == (State.COMPLETED, 1, None)

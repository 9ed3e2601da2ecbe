"""SIGKILL at every named point: whatever has happened until then, the job ends as it should, having run as often."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import pytest

from queuectl.job import Outcome, State
from queuectl.worker.crashpoints import POINTS
from tests.support.eventually import eventually
from tests.support.processes import kill
from tests.support.stores import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.processes import RealQueue

COMMAND = """
echo out
echo $QUEUECTL_ATTEMPT >>started
until [ -e gate ]; do sleep 0.02; done
echo $QUEUECTL_ATTEMPT >>ran
"""
"""Runs until there is a file named gate, and then says which attempt came to its end."""

NEIGHBOUR = "echo $QUEUECTL_ATTEMPT >>neighbour"


class Crash:
    """A queue in which one process dies at a point, and two jobs."""

    def __init__(self, queue: RealQueue, point: str) -> None:
        self.queue = queue
        self._token = queue.directory / "token"
        self._token.touch()
        self.environ = {"QUEUECTL_CRASH_AT": point, "QUEUECTL_CRASH_TOKEN": str(self._token)}
        self.job = queue.enqueue(COMMAND, "--id", "job")
        self.neighbour = queue.enqueue(NEIGHBOUR, "--id", "neighbour")

    def has_happened(self) -> None:
        """Assert that the process has died at the point."""
        assert not self._token.exists()

    def start(self) -> None:
        self.queue.start(env=self.environ)

    def start_running(self) -> None:
        self.start()
        self.queue.wait_for_lines("started")

    def open_gate(self) -> None:
        (self.queue.directory / "gate").touch()

    def wait(self) -> None:
        """Wait until the crash has happened."""
        eventually(self.has_happened)

    def wait_until_rescued(self) -> None:
        """Wait until the job runs again."""

        def again() -> None:
            assert (self.queue.job(self.job).state, self.queue.job(self.job).attempt) == (State.PROCESSING, 2)

        eventually(again)


def ended(crash: Crash) -> None:
    """The worker is on its way to and past the end of the job."""
    crash.open_gate()
    crash.start()
    crash.wait()


def running(crash: Crash) -> None:
    """The worker has claimed the job, whose command does not end."""
    crash.start()
    crash.wait()
    crash.wait_until_rescued()
    crash.open_gate()


def stopped(crash: Crash) -> None:
    """The worker is asked to stop while the job runs, and the crash comes when the job has ended."""

    def marked() -> None:
        assert any(run.stopping_at for run in crash.queue.store.running())

    _stop(crash, marked)


def stopped_at_once(crash: Crash) -> None:
    """The crash comes while the worker is being stopped and the job still runs; it ends with its worker."""

    def killed() -> None:
        crash.has_happened()
        assert not crash.queue.job_processes()

    _stop(crash, killed)


def stopped_alone(crash: Crash) -> None:
    """The supervisor dies while it is being stopped, and the job still runs."""
    _stop(crash, crash.has_happened)


def _stop(crash: Crash, before_the_gate: Callable[[], None]) -> None:
    """Stop the workers while the job runs, which goes on only when `before_the_gate` asserts nothing any more."""
    queue = crash.queue
    crash.start_running()
    stop = queue.spawn("worker", "stop")
    eventually(before_the_gate)
    crash.open_gate()
    crash.wait()
    assert stop.wait() == 0
    queue.start()


def cancelled(crash: Crash) -> None:
    """The job is cancelled while it runs."""
    crash.start_running()
    crash.queue.do("cancel", crash.job)
    crash.wait()


def paused(crash: Crash) -> None:
    """The job is paused while it runs, and resumed when it has been rescued and nothing of it is left."""
    crash.start_running()
    crash.queue.do("pause", crash.job)
    crash.wait()
    crash.queue.wait(crash.job, State.PENDING)
    assert not crash.queue.job_processes()
    crash.queue.do("resume", crash.job)
    crash.wait_until_rescued()
    crash.open_gate()


def resumed(crash: Crash) -> None:
    """The job is paused while it runs, and resumed."""
    crash.start_running()
    crash.queue.do("pause", crash.job)
    eventually(lambda: crash.queue.job(crash.job).held_by)
    crash.queue.do("resume", crash.job)
    crash.wait()
    crash.wait_until_rescued()
    crash.open_gate()


def lost(crash: Crash) -> None:
    """The worker is killed while the job runs; the crash comes after that."""
    queue = crash.queue
    crash.start_running()
    kill(queue.worker_of(crash.job).pid)
    crash.wait()
    queue.start()
    crash.wait_until_rescued()
    crash.open_gate()


def left(crash: Crash) -> None:
    """The worker is stopped when it has nothing to do."""
    queue = crash.queue
    crash.open_gate()
    crash.start()
    queue.wait(crash.neighbour)
    queue.stop()
    crash.has_happened()
    queue.start()


def started(crash: Crash) -> None:
    """The supervisor dies at its start, which is told."""
    crash.open_gate()
    result = crash.queue.run("worker", "start", env=crash.environ)
    assert result.code == 5
    crash.has_happened()
    crash.queue.start()


class Case(NamedTuple):
    """What brings a process to a point, and what has become of the job in the end."""

    scene: Callable[[Crash], None]
    why: str
    state: State = State.COMPLETED
    attempts: int = 1
    crashes: int = 0
    runs: tuple[str, ...] = ("1",)
    """The attempts that came to the end of the command."""
    neighbour: int = 1
    """Attempts of the job that is claimed after it."""
    outcomes: tuple[Outcome, ...] = (Outcome.EXITED,)


def lost_once(scene: Callable[[Crash], None], why: str, runs: tuple[str, ...] = ("2",)) -> Case:
    """Return the case of a first attempt that counts as a crash."""
    return Case(scene, why, attempts=2, crashes=1, runs=runs, outcomes=(Outcome.LOST, Outcome.EXITED))


CASES = {
    "worker: enrolled": Case(ended, "nobody knows the worker but its lock file"),
    "worker: registered": Case(ended, "the worker holds no job yet"),
    "worker: claimed": lost_once(running, "the claim counts, though nothing was started"),
    "worker: assigned": lost_once(running, "the same"),
    "worker: spawned": lost_once(running, "the command ends with its worker, and runs again"),
    "worker: output read": lost_once(running, "the same"),
    "worker: command ended": lost_once(ended, "nobody can know how the command ended", runs=("1", "2")),
    "worker: receipt written": Case(ended, "the rescue reads the result from the receipt"),
    "worker: tree gone": Case(ended, "the same"),
    "worker: finished": Case(stopped, "the result is in the store"),
    "worker: finished and claimed": Case(ended, "the result is in the store; the next job was claimed", neighbour=2),
    "worker: before flush": lost_once(running, "a claim survives SIGKILL without a flush"),
    "worker: after flush": lost_once(running, "the same"),
    "worker: terminated job": Case(
        cancelled, "a job to be cancelled never runs again", State.CANCELLED, runs=(), outcomes=(Outcome.LOST,)
    ),
    "worker: job paused": lost_once(paused, "what is stopped ends, too; the job is held until it is resumed"),
    "worker: job resumed": lost_once(resumed, "the command ends with its worker, and runs again"),
    "worker: before stopping is marked": lost_once(stopped_at_once, "the stop is not on disk, so this is a crash"),
    "worker: stopping is marked": Case(
        stopped_at_once,
        "a loss during a stop is no crash",
        attempts=2,
        runs=("2",),
        outcomes=(Outcome.GIVEN_BACK, Outcome.EXITED),
    ),
    "worker: deregistered": Case(left, "the worker holds no job any more"),
    "rescue: locked": lost_once(lost, "the next worker rescues; one crash, whoever counts it"),
    "rescue: swept": lost_once(lost, "the same"),
    "rescue: moved": lost_once(lost, "the job is rescued; only files of the lost worker are left"),
    "rescue: cleaned": lost_once(lost, "the same without files"),
    "supervisor: enrolled": Case(started, "there is no worker yet"),
    "supervisor: worker forked": Case(started, "the worker ends its job, claims no more, and ends"),
    "supervisor: worker lost": lost_once(lost, "what the worker left is ended by the next rescue"),
    "supervisor: orphans gone": lost_once(lost, "nothing is left but the claim"),
    "supervisor: told to stop": Case(stopped_alone, "the worker sees that it is alone, ends its job, and ends"),
    "supervisor: workers told to stop": Case(stopped_alone, "the same"),
}


def test_every_point_has_its_case() -> None:
    assert tuple(CASES) == POINTS


RUNS = [
    (engine, point)
    for engine in ENGINES
    for point in POINTS
    if engine == "sqlite" or not point.endswith("flush")  # on PostgreSQL every commit is on disk: nothing is flushed
]


@pytest.mark.parametrize(("queue", "point"), RUNS, indirect=["queue"])
def test_after_a_crash_the_job_ends_as_it_should(queue: RealQueue, point: str) -> None:
    case = CASES[point]
    crash = Crash(queue, point)

    case.scene(crash)

    job = queue.wait(crash.job)
    neighbour = queue.wait(crash.neighbour)
    assert (job.state, job.attempt, job.crashes) == (case.state, case.attempts, case.crashes), job
    assert (job.failures, job.interruptions) == (0, 0)
    assert tuple(queue.lines("ran")) == case.runs
    assert tuple(attempt.outcome for attempt in queue.attempts(crash.job)) == case.outcomes
    assert (neighbour.state, neighbour.attempt, neighbour.crashes) == (
        State.COMPLETED,
        case.neighbour,
        case.neighbour - 1,
    )
    assert queue.lines("neighbour") == [str(case.neighbour)]

    queue.stop()
    queue.no_process()
    assert os.listdir(queue.home.workers) == []
    assert os.listdir(queue.home.supervisors) == []

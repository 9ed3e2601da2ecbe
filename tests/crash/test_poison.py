"""Jobs that kill their worker, stops that hit whole groups, and workers that hang: what counts, and as what."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from queuectl.cli import supervise
from queuectl.job import Outcome, State
from queuectl.process import run_state
from tests.support.eventually import eventually
from tests.support.processes import kill
from tests.support.startup import begin_with_constants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queuectl.job import Job
    from queuectl.roster import Member
    from tests.support.processes import RealQueue

GATED = """
echo $QUEUECTL_ATTEMPT >>started
until [ -e gate ]; do sleep 0.02; done
echo $QUEUECTL_ATTEMPT >>ran
"""

HANGS = """
import sys
from queuectl.cli import supervise
from queuectl.worker import loop, supervisor

supervisor.HUNG_AFTER = 5
loop.TICK = float(sys.argv.pop())
sys.exit(supervise.main())
"""
"""A supervisor that loses its patience after 5 s, and workers that beat as seldom as the last argument says."""


def counters(job: Job) -> tuple[int, int, int]:
    return job.failures, job.crashes, job.interruptions


def open_gate(queue: RealQueue) -> None:
    (queue.directory / "gate").touch()


def test_a_job_that_kills_its_worker_is_dead_after_three_crashes_and_harms_no_other(queue: RealQueue) -> None:
    queue.start(count=2)
    poison = queue.enqueue("echo $QUEUECTL_ATTEMPT >>poison; kill -9 $PPID; sleep 60")
    others = queue.do("enqueue", "--file", "-", stdin='{"command": "sleep 0.1"}\n' * 20).split()

    job = queue.wait(poison)

    assert (job.state, job.attempt, counters(job)) == (State.DEAD, 3, (0, 3, 0))
    assert job.last_error == "its worker was lost 3 times"
    assert queue.lines("poison") == ["1", "2", "3"]
    assert [attempt.outcome for attempt in queue.attempts(poison)] == [Outcome.LOST] * 3
    assert job.last_error in queue.do("show", poison)
    for other in others:
        finished = queue.wait(other)
        assert finished.state is State.COMPLETED
        assert counters(finished) == (0, 0, 0)
    assert len(queue.workers()) == 2


def test_crashes_and_failures_are_counted_apart(queue: RealQueue) -> None:
    queue.do("config", "set", "backoff_base", "1")
    queue.start()
    id = queue.enqueue("[ $QUEUECTL_ATTEMPT = 1 ] && kill -9 $PPID && sleep 60; exit 3", "--max-retries", "1")

    job = queue.wait(id)

    assert (job.state, job.attempt, counters(job)) == (State.DEAD, 3, (2, 1, 0))


def test_a_term_to_the_job_alone_is_a_failure(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("kill $$", "--max-retries", "0")

    job = queue.wait(id)

    assert (job.state, job.outcome, job.signal, counters(job)) == (State.DEAD, Outcome.SIGNALLED, 15, (1, 0, 0))


def test_a_term_to_everybody_at_once_gives_the_job_back(queue: RealQueue) -> None:
    begin_with_constants(queue, {"queuectl.worker.loop.INTERRUPT_WINDOW": 20.0})  # at once, on a busy machine
    queue.start()
    id = queue.enqueue(f"exec {sys.executable} -S -c '{PYTHON_THAT_WAITS}'")
    queue.wait_for_lines("started")

    # As `systemctl stop` does it without KillMode=mixed.
    for pid in queue.processes():
        kill(pid, signal.SIGTERM)
    queue.no_process()

    job = queue.job(id)
    assert (job.state, counters(job)) == (State.PENDING, (0, 0, 0))
    assert [attempt.outcome for attempt in queue.attempts(id)] == [Outcome.GIVEN_BACK]
    open_gate(queue)
    queue.start()
    job = queue.wait(id)
    assert (job.state, job.attempt, counters(job)) == (State.COMPLETED, 2, (0, 0, 0))


PYTHON_THAT_WAITS = """
import os
open("started", "a").write("started\\n")
os.path.exists("gate") or __import__("signal").pause()
"""
"""One process, so that one TERM ends all of the job."""


def test_a_stop_waits_for_the_job_and_costs_nothing(queue: RealQueue) -> None:
    queue.start()
    first, second = queue.enqueue(GATED), queue.enqueue(GATED)
    queue.wait_for_lines("started")

    stop = queue.spawn("worker", "stop")
    eventually(lambda: any(running.stopping_at for running in queue.store.running()))
    open_gate(queue)
    assert stop.wait() == 0

    ran, waits = queue.job(first), queue.job(second)
    assert (ran.state, ran.attempt, counters(ran)) == (State.COMPLETED, 1, (0, 0, 0))
    assert (waits.state, waits.attempt, counters(waits)) == (State.PENDING, 0, (0, 0, 0))


def test_a_worker_that_is_killed_during_a_stop_costs_nothing(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue(GATED)
    queue.wait_for_lines("started")

    stop = queue.spawn("worker", "stop")
    eventually(lambda: any(running.stopping_at for running in queue.store.running()))
    kill(queue.worker_of(id).pid)
    assert stop.wait() == 0
    open_gate(queue)
    queue.start()

    job = queue.wait(id)
    assert (job.state, job.attempt, counters(job)) == (State.COMPLETED, 2, (0, 0, 0))


def test_a_supervisor_gives_up_on_workers_that_keep_dying_and_says_so(queue: RealQueue) -> None:
    queue.do("config", "set", "max_crashes", "1000")
    queue.start(count=20)
    id = queue.enqueue("sleep 600")

    def dead() -> None:
        for worker in queue.workers():
            kill(worker.pid)
        assert not queue.supervisors()

    eventually(dead)

    assert "20 workers died within 60 s" in queue.do("status")
    queue.start()
    assert queue.worker_of(id)
    assert "gave up" not in queue.do("status")


@pytest.fixture
def hangs(queue: RealQueue) -> Iterator[Hangs]:
    started = Hangs(queue)
    yield started
    started.close()


class Hangs:
    """Starts workers below a supervisor that soon takes them for hanging."""

    def __init__(self, queue: RealQueue) -> None:
        self._queue = queue
        self._supervisors: list[subprocess.Popen[bytes]] = []

    def start(self, *, workers: int, beat_every: float) -> list[Member]:
        queue = self._queue
        queue.home.create()
        words = supervise.command_line(
            queue.home.path, count=workers, drain=False, after_stop=0, queues=None, foreground=True, log_format="text"
        )
        log = os.open(queue.directory / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._supervisors.append(
            subprocess.Popen(
                [sys.executable, "-c", HANGS, words[-1], str(beat_every)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=queue.environ,
                cwd=queue.directory,
                start_new_session=True,
            )
        )
        os.close(log)
        return eventually(lambda: queue.workers() if len(queue.workers()) == workers else None)

    def close(self) -> None:
        for supervisor in self._supervisors:
            supervisor.kill()
            supervisor.wait()


def test_a_worker_that_hangs_is_killed_and_its_job_runs_again(queue: RealQueue, hangs: Hangs) -> None:
    (worker,) = hangs.start(workers=1, beat_every=3600)
    id = queue.enqueue("[ $QUEUECTL_ATTEMPT = 1 ] && sleep 600; true")

    job = queue.wait(id)

    assert (job.state, job.attempt, counters(job)) == (State.COMPLETED, 2, (0, 1, 0))
    assert not worker.alive
    assert "worker hung" in "\n".join(queue.lines("supervisor.log"))


def test_a_worker_that_is_stopped_does_not_hang(queue: RealQueue, hangs: Hangs) -> None:
    workers = hangs.start(workers=2, beat_every=1)
    id = queue.enqueue(GATED)
    queue.wait_for_lines("started")
    worker = queue.worker_of(id)

    queue.suspend(worker.pid)
    assert queue.wait(queue.enqueue("true", "--run-at", "+8s")).state is State.COMPLETED
    assert run_state(worker.pid) == "T"
    kill(worker.pid, signal.SIGCONT)
    open_gate(queue)

    job = queue.wait(id)
    assert (job.state, job.attempt, counters(job)) == (State.COMPLETED, 1, (0, 0, 0))
    assert queue.workers() == workers

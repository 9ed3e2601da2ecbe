"""No process of a job outlives its run, whatever dies and however the job hides them; nothing else is hit."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from queuectl import process
from queuectl.job import Outcome, State
from tests.support.eventually import eventually
from tests.support.processes import RealQueue, kill

if TYPE_CHECKING:
    from collections.abc import Iterator

NASTY = f"{sys.executable} -S {Path(__file__).parents[1] / 'support' / 'nasty.py'} nasty"

RETRIES = ("--max-retries", "50")

GATED = """
echo $QUEUECTL_ATTEMPT >>started.$QUEUECTL_JOB_ID
until [ -e gate ]; do sleep 0.02; done
echo $QUEUECTL_ATTEMPT >>ran.$QUEUECTL_JOB_ID
"""

SECOND_LOOKS_FOR_FIRST = """
if [ $QUEUECTL_ATTEMPT != 1 ]; then
    while read -r pid started; do
        case "$(cut -d ' ' -f 3,22 /proc/$pid/stat 2>/dev/null)" in
            "Z $started") ;;
            *" $started") echo $pid >>overlap ;;
        esac
    done <nasty
    exit 0
fi
"""
"""Notes every process of the first attempt that is there when the second one starts. (No name in it has spaces.)"""


class Nasty:
    """A job whose processes do not want to end."""

    def __init__(self, queue: RealQueue) -> None:
        self._queue = queue

    def enqueue(self, *options: str, bare: bool = True) -> str:
        command = f"{SECOND_LOOKS_FOR_FIRST}\nexec {NASTY}"
        return self._queue.enqueue(f"{command} bare" if bare else command, *options)

    def wait_until_running(self, id: str, *, bare: bool = True) -> None:
        self._queue.worker_of(id)
        self._queue.wait_for_lines("nasty", 4 if bare else 3)

    def alive(self) -> list[int]:
        seen = [(int(pid), int(started)) for pid, started in map(str.split, self._queue.lines("nasty"))]
        return [pid for pid, started in seen if process.start_time(pid) == started]

    def wait_until_gone(self) -> None:
        def gone() -> None:
            assert self.alive() == []

        eventually(gone)

    def check_second_attempt(self, id: str) -> None:
        job = self._queue.wait(id)
        assert (job.state, job.attempt, job.crashes, job.failures) == (State.COMPLETED, 2, 1, 0)
        assert self._queue.lines("overlap") == []
        assert self.alive() == []


@pytest.fixture
def nasty(queue: RealQueue) -> Iterator[Nasty]:
    job = Nasty(queue)
    yield job
    for pid in job.alive():
        kill(pid)


def open_gate(queue: RealQueue) -> None:
    (queue.directory / "gate").touch()


def let_ticks_pass(queue: RealQueue) -> None:
    """Let the other workers look around for some seconds: until they have run a job of the future."""
    assert queue.wait(queue.enqueue("true", "--run-at", "+2s")).state is State.COMPLETED


@pytest.mark.parametrize("workers", [1, 3])
def test_nothing_of_a_job_outlives_its_killed_worker(queue: RealQueue, nasty: Nasty, workers: int) -> None:
    queue.start(count=workers)
    id = nasty.enqueue()
    nasty.wait_until_running(id)

    kill(queue.worker_of(id).pid)

    nasty.wait_until_gone()
    nasty.check_second_attempt(id)


def test_a_rescue_waits_until_the_supervisor_has_ended_what_only_it_can_see(queue: RealQueue, nasty: Nasty) -> None:
    queue.start(count=3)
    (supervisor,) = queue.supervisors()
    id = nasty.enqueue()
    nasty.wait_until_running(id)

    kill(supervisor.pid, signal.SIGSTOP)
    kill(queue.worker_of(id).pid)
    let_ticks_pass(queue)
    assert queue.job(id).attempt == 1
    kill(supervisor.pid, signal.SIGCONT)

    nasty.check_second_attempt(id)


def test_nothing_of_a_job_outlives_the_rescue_when_worker_and_supervisor_are_killed(
    queue: RealQueue, nasty: Nasty
) -> None:
    queue.start()
    id = nasty.enqueue(bare=False)
    nasty.wait_until_running(id, bare=False)

    for member in (*queue.supervisors(), *queue.workers()):
        kill(member.pid)
    queue.start()

    nasty.check_second_attempt(id)


def test_a_timeout_ends_the_whole_tree_after_the_grace(queue: RealQueue, nasty: Nasty) -> None:
    queue.do("config", "set", "grace", "1")
    queue.do("config", "set", "backoff_max", "0.05s")
    queue.start()
    # On a busy machine its time may be over before all of the tree is there: it is tried again until it was.
    id = queue.enqueue(f'[ "$(cat nasty | wc -l)" -ge 4 ] && exit; exec {NASTY} bare', "--timeout", "1", *RETRIES)

    job = queue.wait(id)

    assert nasty.alive() == []
    *ended, _ = queue.attempts(id)
    assert {attempt.outcome for attempt in ended} == {Outcome.TIMED_OUT}
    assert (job.state, job.failures) == (State.COMPLETED, len(ended))
    assert (ended[-1].finished_at - ended[-1].started_at).total_seconds() >= 2


def test_a_cancel_ends_the_whole_tree_after_the_grace(queue: RealQueue, nasty: Nasty) -> None:
    queue.do("config", "set", "grace", "1")
    queue.start()
    id = nasty.enqueue()
    nasty.wait_until_running(id)

    queue.do("cancel", id)
    job = queue.wait(id)

    assert nasty.alive() == []
    assert (job.state, job.attempt, job.failures, job.crashes) == (State.CANCELLED, 1, 0, 0)


def test_stop_now_ends_the_whole_tree_and_gives_the_job_back(queue: RealQueue, nasty: Nasty) -> None:
    queue.do("config", "set", "grace", "1")
    queue.start()
    id = nasty.enqueue()
    nasty.wait_until_running(id)

    queue.stop("--now")

    assert nasty.alive() == []
    queue.no_process()
    job = queue.job(id)
    assert (job.state, job.failures, job.crashes, job.interruptions) == (State.PENDING, 0, 0, 0)
    assert [attempt.outcome for attempt in queue.attempts(id)] == [Outcome.GIVEN_BACK]


def test_what_a_command_leaves_behind_ends_with_it(queue: RealQueue, nasty: Nasty) -> None:
    queue.start()
    id = queue.enqueue(f"{NASTY} bare & until [ -e gate ]; do sleep 0.02; done")
    nasty.wait_until_running(id)

    open_gate(queue)
    job = queue.wait(id)

    assert nasty.alive() == []
    assert (job.state, job.attempt) == (State.COMPLETED, 1)


def test_a_job_outlives_its_killed_supervisor(queue: RealQueue) -> None:
    (worker,) = queue.start()
    (supervisor,) = queue.supervisors()
    first, second = queue.enqueue(GATED), queue.enqueue(GATED)
    queue.wait_for_lines(f"started.{first}")

    kill(supervisor.pid)
    eventually(lambda: not queue.supervisors())
    open_gate(queue)
    job = queue.wait(first)

    assert (job.state, job.attempt, job.crashes) == (State.COMPLETED, 1, 0)
    queue.no_worker()
    assert queue.attempts(first)[0].worker == worker.id
    assert queue.job(second).state is State.PENDING


def test_the_job_of_another_worker_is_not_touched(queue: RealQueue, nasty: Nasty) -> None:
    queue.start(count=2)
    nasty_id, gated_id = nasty.enqueue(), queue.enqueue(GATED)
    nasty.wait_until_running(nasty_id)
    queue.wait_for_lines(f"started.{gated_id}")

    kill(queue.worker_of(nasty_id).pid)
    nasty.check_second_attempt(nasty_id)
    open_gate(queue)

    job = queue.wait(gated_id)
    assert (job.state, job.attempt, job.crashes) == (State.COMPLETED, 1, 0)


def test_many_rescuers_at_once_hit_neither_each_other_nor_another_home(queue: RealQueue, tmp_path: Path) -> None:
    other = RealQueue(tmp_path, "other", queue.url)
    try:
        other_workers = other.start()
        other_id = other.enqueue(GATED)
        other.wait_for_lines(f"started.{other_id}")
        queue.start(count=3)
        ids = [queue.enqueue(GATED) for _ in range(3)]
        for id in ids:
            queue.wait_for_lines(f"started.{id}")
        for member in (*queue.supervisors(), *queue.workers()):
            kill(member.pid)
        queue.no_worker()

        starts = [queue.spawn("worker", "start", "--count", "2") for _ in range(3)]
        assert [start.wait() for start in starts] == [0, 0, 0]
        rescuers = {worker.id for worker in queue.workers()}
        assert len(rescuers) == 6
        for id in ids:
            queue.wait_for_lines(f"started.{id}", 2)
        open_gate(queue)

        for id in ids:
            job = queue.wait(id)
            assert (job.state, job.attempt, job.crashes) == (State.COMPLETED, 2, 1)
            assert queue.lines(f"ran.{id}") == ["2"]
        assert {worker.id for worker in queue.workers()} == rescuers
        job = other.wait(other_id)
        assert (job.state, job.attempt, job.crashes) == (State.COMPLETED, 1, 0)
        assert other.workers() == other_workers
    finally:
        other.close()


def test_the_job_of_a_stopped_worker_is_not_rescued_and_the_worker_is_shown(queue: RealQueue) -> None:
    queue.start(count=2)
    id = queue.enqueue(GATED)
    queue.wait_for_lines(f"started.{id}")
    worker = queue.worker_of(id)

    queue.suspend(worker.pid)
    let_ticks_pass(queue)

    assert (queue.job(id).state, queue.job(id).attempt) == (State.PROCESSING, 1)
    listed = {shown["id"]: shown for shown in json.loads(queue.do("worker", "list", "--json"))}
    assert {shown["id"]: shown for shown in json.loads(queue.do("status", "--json"))["workers"]}.keys() == listed.keys()
    assert (listed[worker.id]["stopped"], listed[worker.id]["job"]) == (True, id)
    assert any(str(worker.pid) in line and "stopped" in line for line in queue.do("status").splitlines())

    kill(worker.pid, signal.SIGCONT)
    open_gate(queue)
    job = queue.wait(id)
    assert (job.state, job.attempt, job.crashes) == (State.COMPLETED, 1, 0)


def test_a_lock_file_that_was_deleted_is_not_a_free_lock(queue: RealQueue) -> None:
    (worker,) = queue.start()
    id = queue.enqueue(GATED)
    queue.wait_for_lines(f"started.{id}")

    Path(queue.home.workers, f"{worker.id}.lock").unlink()
    queue.start()
    let_ticks_pass(queue)
    assert (queue.job(id).state, queue.job(id).attempt) == (State.PROCESSING, 1)
    open_gate(queue)

    job = queue.wait(id)
    assert (job.state, job.attempt, job.crashes) == (State.COMPLETED, 1, 0)
    eventually(lambda: process.start_time(worker.pid) != worker.started)
    eventually(lambda: len(queue.workers()) == 2)  # another one has taken its place

"""How workers are started and stopped, and what becomes of the jobs that they run."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING

import pytest

from queuectl import roster
from queuectl.cli.supervise import command_line
from queuectl.job import Outcome, State
from tests.support.eventually import eventually
from tests.support.mortal import mortal
from tests.support.processes import FILES_ONLY, gone, kill
from tests.support.startup import begin_with, begin_with_constants

if TYPE_CHECKING:
    from tests.support.gate import Gate
    from tests.support.processes import RealQueue
    from tests.worker.conftest import Shell

WAITS = "echo $$ >> pids; echo ran >> runs; read _ < gate"

SLOW_EXIT = """
import atexit
atexit.register(lambda: open("{gate}").read())
"""
"""With it a supervisor that has said its last word ends only when the gate is opened."""


@pytest.fixture(autouse=True)
def quick(queue: RealQueue) -> None:
    """Let KILL come soon after TERM."""
    queue.environ["QUEUECTL_GRACE"] = "0.3s"


def assert_given_back(queue: RealQueue, id: str) -> None:
    job = queue.job(id)
    assert (job.state, job.attempt) == (State.PENDING, 1)
    assert (job.failures, job.crashes, job.interruptions) == (0, 0, 0)
    assert queue.attempts(id)[0].outcome is Outcome.GIVEN_BACK
    assert all(gone(int(pid)) for pid in queue.lines("pids"))


def foreground(queue: RealQueue, *options: str) -> Popen[str]:
    """Start workers in the foreground and wait until one is there."""
    supervisor = queue.spawn("worker", "start", "--foreground", *options)
    eventually(queue.workers)
    return supervisor


# Starting


def supervisor(queue: RealQueue) -> Popen[str]:
    """Start a supervisor with one worker, as `worker start` does when it has made sure of all that it can."""
    queue.home.create()
    words = command_line(
        queue.home.path, count=1, drain=False, after_stop=0, queues=None, foreground=False, log_format="text"
    )
    return mortal(Popen(words, env=queue.environ, cwd=queue.directory, stdout=PIPE, text=True))


def test_workers_that_come_while_the_queue_is_moved_end_at_once(queue: RealQueue) -> None:
    queue.do("config", "set", "grace", "1s")
    queue.store.gate().begin_leaving("t", "elsewhere")

    with supervisor(queue) as started:
        assert started.stdout is not None
        assert started.stdout.read() == ""  # it never says that its workers may claim
        assert started.wait() == 0

    queue.wait_for_event("is being moved")


def test_a_supervisor_goes_on_when_nobody_waits_for_its_workers_any_more(queue: RealQueue) -> None:
    queue.do("config", "set", "grace", "1s")

    with supervisor(queue) as started:
        assert started.stdout is not None
        started.stdout.close()
        job = queue.wait(queue.enqueue("true"))
        queue.stop()
        assert started.wait() == 0

    assert job.state is State.COMPLETED


def test_starting_again_adds_workers(queue: RealQueue) -> None:
    assert queue.do("worker", "start") == "1 worker runs (1 started)\n"
    assert queue.do("worker", "start", "--count", "2") == "3 workers run (2 started)\n"

    assert len(queue.workers()) == 3
    assert len(queue.supervisors()) == 2


def test_a_job_cannot_start_workers(queue: RealQueue, shell: Shell) -> None:
    shell("queuectl worker start")

    refused = queue.run("run", "-c", "queuectl worker start")

    assert refused.code == 4
    assert refused.err.startswith("queuectl: error: a job cannot start workers")
    assert len(queue.workers()) == 1


def test_a_job_cannot_wait_for_its_own_worker_to_stop(queue: RealQueue, shell: Shell) -> None:
    shell("queuectl worker start")

    refused = queue.run("run", "-c", "queuectl worker stop")

    assert refused.code == 4
    assert refused.err.startswith("queuectl: error: a job cannot wait for its own worker")
    assert len(queue.workers()) == 1


def test_draining_workers_end_when_nothing_is_left_but_what_is_for_later(queue: RealQueue) -> None:
    queue.environ["QUEUECTL_BACKOFF_MAX"] = "0.2s"
    done = [queue.enqueue("true") for _ in range(3)]
    failing = queue.enqueue("false", "--max-retries", "2")
    later = queue.enqueue("true", "--run-at", "+1h")

    queue.do("worker", "start", "--drain", "--count", "2")
    queue.no_worker()

    assert {queue.job(id).state for id in done} == {State.COMPLETED}
    assert queue.job(failing).state is State.DEAD
    assert queue.job(later).state is State.PENDING


@FILES_ONLY
def test_a_worker_of_a_home_holds_no_lease_that_could_end(queue: RealQueue) -> None:
    (worker,) = queue.start(env={"QUEUECTL_LEASE": "4s"})

    job = queue.wait(queue.enqueue("sleep 5"))

    assert (job.state, job.attempt) == (State.COMPLETED, 1)
    assert [member.id for member in queue.workers()] == [worker.id]


def test_draining_an_empty_queue_is_done_at_once(queue: RealQueue) -> None:
    started = queue.do("worker", "start", "--drain", "--count", "4")

    assert re.fullmatch(r"\d workers? runs? \(4 started\)|\d workers run \(4 started\)", started.strip())
    queue.no_worker()


# Stopping


def test_stopping_without_workers_is_no_error(queue: RealQueue) -> None:
    assert queue.run("worker", "stop") == (0, "", "no worker is running\n")


def test_a_stop_waits_for_running_jobs_and_claims_no_more(queue: RealQueue, gate: Gate) -> None:
    (worker,) = queue.start()
    running = queue.enqueue(WAITS)
    queue.wait_for_lines("runs")
    waiting = queue.enqueue("true")

    stop = queue.spawn("worker", "stop")
    assert stop.stdout is not None
    assert stop.stdout.readline() == f"waiting for {running}\n"
    assert stop.poll() is None
    eventually(lambda: roster.is_draining(queue.home, worker.id))  # the word has come through
    gate.open()

    assert stop.communicate()[0] == "1 worker stopped\n"
    assert stop.returncode == 0
    assert queue.job(running).state is State.COMPLETED
    assert queue.job(waiting).state is State.PENDING
    assert not queue.processes()


def test_a_stop_that_may_not_wait_longer_names_what_runs_and_leaves_it_draining(queue: RealQueue, gate: Gate) -> None:
    (worker,) = queue.start()
    running = queue.enqueue(WAITS)
    queue.wait_for_lines("runs")
    waiting = queue.enqueue("true")

    stopped = queue.run("worker", "stop", "--timeout", "0.3s")

    assert stopped.code == 1
    assert f"queuectl: error: still running: {running}\n" in stopped.err
    assert queue.job(running).state is State.PROCESSING
    eventually(lambda: roster.is_draining(queue.home, worker.id))  # the word has come through
    gate.open()
    queue.no_worker()
    assert queue.job(running).state is State.COMPLETED
    assert queue.job(waiting).state is State.PENDING


def test_a_stop_is_over_only_when_the_supervisor_is_gone(queue: RealQueue, gate: Gate) -> None:
    begin_with(queue, SLOW_EXIT.format(gate=queue.directory / "gate"))
    queue.start()
    (supervisor,) = queue.supervisors()

    first = queue.spawn("worker", "stop")
    queue.wait_for_event("supervisor stopped")
    second = queue.run("worker", "stop", "--timeout", "0.3s")

    assert second.code == 1
    assert "still running: the supervisor" in second.err
    assert first.poll() is None
    gate.open()
    assert first.wait() == 0
    assert not supervisor.alive
    assert os.listdir(queue.home.supervisors) == []


@pytest.mark.parametrize("manners", ["", "trap '' TERM; "], ids=["obedient", "stubborn"])
def test_a_stop_now_ends_the_running_jobs_and_gives_them_back_uncounted(
    queue: RealQueue, gate: Gate, manners: str
) -> None:
    queue.start()
    id = queue.enqueue(f"{manners}{WAITS}")
    queue.wait_for_lines("runs")

    queue.stop("--now")

    assert_given_back(queue, id)
    queue.start()
    queue.wait_for_lines("runs", 2)
    gate.open()
    job = queue.wait(id)
    assert (job.state, job.attempt) == (State.COMPLETED, 2)


def test_a_stop_now_shortens_the_grace_of_a_command_that_has_timed_out(queue: RealQueue) -> None:
    del queue.environ["QUEUECTL_GRACE"]
    queue.do("config", "set", "grace", "1h")
    queue.start()
    (supervisor,) = queue.supervisors()
    id = queue.enqueue("trap '' TERM; while :; do sleep 0.05; done", "--timeout", "1s")
    queue.wait_for_event("job timed out")

    queue.do("config", "set", "grace", "0.1s")

    def stopped() -> bool:
        kill(supervisor.pid, signal.SIGQUIT)  # `worker stop --now`, until the worker has the new grace
        return not queue.workers()

    eventually(stopped)
    assert queue.attempts(id)[0].outcome is Outcome.TIMED_OUT


def test_a_stop_reaches_workers_whose_supervisor_was_killed(queue: RealQueue, gate: Gate) -> None:
    queue.start(count=2)
    id = queue.enqueue(WAITS)
    queue.wait_for_lines("runs")
    (supervisor,) = queue.supervisors()
    kill(supervisor.pid)

    stop = queue.spawn("worker", "stop")
    assert stop.stdout is not None
    assert stop.stdout.readline() == f"waiting for {id}\n"
    gate.open()

    stop.communicate()
    assert stop.returncode == 0
    assert queue.job(id).state is State.COMPLETED
    assert not queue.processes()


@pytest.mark.usefixtures("gate")
def test_a_stop_now_reaches_workers_whose_supervisor_was_killed(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue(WAITS)
    queue.wait_for_lines("runs")
    (supervisor,) = queue.supervisors()
    kill(supervisor.pid)

    queue.stop("--now")

    assert_given_back(queue, id)


HELD_BEFORE_A_LOOK = """
import os, time
from queuectl.worker.watch import Watch
def wait(self, seconds, wait=Watch.wait):
    while os.path.exists({hold!r}):
        open("{held}.%d" % os.getpid(), "w").close()
        time.sleep(0.01)
    wait(self, seconds)
Watch.wait = wait
"""
"""A worker that gets no processor before it looks at what has come, while the file `hold` is there."""


@pytest.mark.usefixtures("gate")
def test_a_stop_now_reaches_a_worker_that_hears_of_it_and_of_its_supervisors_end_at_once(queue: RealQueue) -> None:
    hold = queue.directory / "hold"
    begin_with(queue, HELD_BEFORE_A_LOOK.format(hold=str(hold), held=str(queue.directory / "held")))
    (worker,) = queue.start()
    id = queue.enqueue(WAITS)
    queue.wait_for_lines("runs")
    (supervisor,) = queue.supervisors()

    hold.touch()
    eventually((queue.directory / f"held.{worker.pid}").exists)
    kill(supervisor.pid)
    eventually(lambda: gone(supervisor.pid))
    kill(worker.pid, signal.SIGQUIT)
    hold.unlink()

    queue.no_worker()
    assert_given_back(queue, id)


# In the foreground


def test_ctrl_c_in_the_foreground_lets_running_jobs_finish(queue: RealQueue, gate: Gate) -> None:
    supervisor = foreground(queue)
    running = queue.enqueue(WAITS)
    queue.wait_for_lines("runs")
    waiting = queue.enqueue("true")

    os.killpg(supervisor.pid, signal.SIGINT)
    _wait_for_log(supervisor, "worker stopping")
    gate.open()

    supervisor.communicate()
    assert supervisor.returncode == 0
    assert queue.job(running).state is State.COMPLETED
    assert queue.job(waiting).state is State.PENDING


@pytest.mark.usefixtures("gate")
def test_a_second_ctrl_c_in_the_foreground_gives_running_jobs_back(queue: RealQueue) -> None:
    supervisor = foreground(queue)
    id = queue.enqueue(WAITS)
    queue.wait_for_lines("runs")

    os.killpg(supervisor.pid, signal.SIGINT)
    _wait_for_log(supervisor, "worker stopping")
    os.killpg(supervisor.pid, signal.SIGINT)

    supervisor.communicate()
    assert supervisor.returncode == 0
    assert_given_back(queue, id)


@pytest.mark.usefixtures("gate")
def test_a_term_to_supervisor_worker_and_job_at_once_gives_the_job_back(queue: RealQueue) -> None:
    begin_with_constants(queue, {"queuectl.worker.loop.INTERRUPT_WINDOW": 20.0})  # at once, on a busy machine
    supervisor = foreground(queue)
    id = queue.enqueue(WAITS)
    (pid,) = queue.wait_for_lines("pids")

    for member in (int(pid), queue.worker_of(id).pid, supervisor.pid):
        kill(member, signal.SIGTERM)

    supervisor.communicate()
    assert supervisor.returncode == 0
    assert_given_back(queue, id)


def test_workers_in_the_foreground_end_when_the_queue_is_drained(queue: RealQueue) -> None:
    id = queue.enqueue("true")

    drained = queue.run("worker", "start", "--foreground", "--drain")

    assert drained.code == 0
    assert queue.job(id).state is State.COMPLETED


def test_workers_in_the_foreground_wait_for_no_reader_of_what_they_say(queue: RealQueue) -> None:
    supervisor = queue.spawn("worker", "start", "--foreground")
    assert supervisor.stdout is not None
    fcntl.fcntl(supervisor.stdout, fcntl.F_SETPIPE_SZ, select.PIPE_BUF)
    job = '{"command": "false", "max_retries": 0}\n'
    ids = queue.do("enqueue", "--quiet", "--file", "-", stdin=100 * job).split()

    assert {queue.wait(id).state for id in ids} == {State.DEAD}
    assert {queue.job(id).worker for id in ids} == {worker.id for worker in queue.workers()}
    queue.stop()
    assert supervisor.communicate()[0].count("job died") < 100


def _wait_for_log(supervisor: Popen[str], words: str) -> None:
    assert supervisor.stdout is not None
    for line in supervisor.stdout:
        if words in line:
            return
    raise AssertionError(f"{words!r} was never said")


@pytest.mark.usefixtures("gate")
def test_a_stop_wakes_up_a_supervisor_and_a_worker_that_are_stopped(queue: RealQueue) -> None:
    (worker,) = queue.start()
    id = queue.enqueue(WAITS)
    queue.wait_for_lines("runs")
    (supervisor,) = queue.supervisors()
    kill(supervisor.pid, signal.SIGSTOP)
    queue.suspend(worker.pid)

    queue.stop("--now")

    assert_given_back(queue, id)
    assert not queue.processes()


def test_who_drains_is_not_counted_on(queue: RealQueue, gate: Gate) -> None:
    (worker,) = queue.start()
    queue.enqueue(WAITS)
    queue.wait_for_lines("runs")
    assert queue.run("worker", "stop", "--timeout", "0.1s").code == 1
    eventually(lambda: roster.is_draining(queue.home, worker.id))  # the word has come through

    assert "every worker is about to stop" in queue.run("enqueue", "--", "true").err
    assert " draining " in queue.do("worker", "list")
    assert '"draining": true' in queue.do("worker", "list", "--json")

    gate.open()
    queue.no_worker()


def test_workers_are_not_started_with_too_few_files_to_open(queue: RealQueue, shell: Shell) -> None:
    result = shell("ulimit -n 150; queuectl worker start")

    assert result.code == 5
    assert result.err == (
        "queuectl: error: workers need a limit of 256 open files, and it is 150\n  raise it first: ulimit -n 256\n"
    )
    assert not queue.workers()


def test_an_empty_count_is_no_count(queue: RealQueue) -> None:
    assert queue.run("worker", "start", "--count", "").code == 2
    assert not queue.workers()


def test_a_command_that_ended_before_its_worker_heard_of_a_stop_is_not_run_again(queue: RealQueue, gate: Gate) -> None:
    queue.start()
    id = queue.enqueue(WAITS)
    (pid,) = queue.wait_for_lines("pids")
    worker = queue.worker_of(id)
    queue.suspend(worker.pid)
    gate.open()
    eventually(lambda: gone(int(pid)))

    queue.stop("--now")

    job = queue.job(id)
    assert (job.state, job.attempt, job.outcome) == (State.COMPLETED, 1, Outcome.EXITED)

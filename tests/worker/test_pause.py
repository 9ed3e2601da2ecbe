"""Jobs that are paused, resumed and signalled while they run, and cancelled with a grace of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from queuectl.job import Outcome, State
from queuectl.lifecycle import PAUSED
from queuectl.process import run_state
from tests.support.eventually import DEADLINE, eventually
from tests.support.processes import gone, kill

if TYPE_CHECKING:
    from tests.support.gate import Gate
    from tests.support.processes import RealQueue

COUNTS = "while :; do echo $QUEUECTL_ATTEMPT >>{name}; sleep 0.01; done"
TREE = f"""
({COUNTS.format(name="a")}) &
setsid sh -c '{COUNTS.format(name="b")}' &
{COUNTS.format(name="c")}
"""
"""Three processes that count, one of them in a session of its own, and what they start."""

LEAD = 'trap "echo lead >>heard" USR1; echo up >>started; while :; do sleep 0.01; done'
FOLLOW = """sh -c 'trap "echo follow >>heard" USR1; echo up >>started; while :; do sleep 0.01; done' & """


def tree_stops(queue: RealQueue) -> None:
    """Wait until every process of every job is stopped."""

    def still() -> None:
        states = [run_state(pid) for pid in queue.job_processes()]
        assert states
        assert set(states) == {"T"}, states

    eventually(still)


def tree_counts(queue: RealQueue) -> None:
    """Wait until each process of the tree has counted on."""
    for name in "abc":
        queue.wait_for_lines(name, len(queue.lines(name)) + 2)


def pause(queue: RealQueue, id: str) -> None:
    """Pause a job and wait until its worker says that it is."""
    queue.do("pause", id)
    eventually(lambda: queue.job(id).held_by == PAUSED)


def test_every_process_of_a_paused_job_is_stopped_until_it_is_resumed(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue(TREE)
    tree_counts(queue)

    pause(queue, id)

    tree_stops(queue)
    before = [queue.lines(name) for name in "abc"]
    assert queue.job(id).state is State.PROCESSING
    queue.do("resume", id)
    tree_counts(queue)
    assert [lines[: len(then)] for lines, then in zip(map(queue.lines, "abc"), before, strict=True)] == before
    assert queue.job(id).attempt == 1
    assert queue.job(id).held_by is None


def test_a_paused_job_that_is_resumed_comes_to_its_end(queue: RealQueue, gate: Gate) -> None:
    queue.start()
    id = queue.enqueue("echo up >>started; read _ <gate; echo end >>ended")
    queue.wait_for_lines("started")

    pause(queue, id)
    queue.do("resume", id)
    gate.open()

    job = queue.wait(id)
    assert (job.state, job.attempt, job.paused_at) == (State.COMPLETED, 1, None)
    assert queue.lines("ended") == ["end"]


def test_what_somebody_else_lets_go_on_is_stopped_again(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue(TREE)
    tree_counts(queue)
    pause(queue, id)
    tree_stops(queue)
    counted = len(queue.lines("c"))

    def counts_on() -> bool:
        for pid in queue.job_processes():
            kill(pid, signal.SIGCONT)
        return len(queue.lines("c")) > counted

    eventually(counts_on)
    tree_stops(queue)


def test_a_pause_is_shown(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("echo up >>started; exec sleep 1000", "--id", "job1")
    queue.wait_for_lines("started")
    waiting = queue.enqueue("true", "--id", "job2")
    assert json.loads(queue.do("show", id, "--json"))["paused"] is False

    pause(queue, id)
    queue.do("pause", waiting)

    assert "processing, paused" in queue.do("show", id)
    assert "running, paused" in queue.do("show", id)
    assert "pending, paused" in queue.do("show", waiting)
    assert [line.split()[6 - 1] for line in queue.do("list").splitlines()[1:]] == ["paused", "paused"]
    assert json.loads(queue.do("show", id, "--json"))["paused"] is True
    (worker,) = json.loads(queue.do("worker", "list", "--json"))
    assert (worker["job"], worker["paused"]) == (id, True)
    assert "paused: job1, job2\n" in queue.do("status")
    assert [job["id"] for job in json.loads(queue.do("status", "--json"))["paused"]] == [id, waiting]
    queue.do("resume", id, waiting)
    eventually(lambda: "paused" not in queue.do("status"))
    eventually(lambda: not json.loads(queue.do("worker", "list", "--json"))[0]["paused"])


def test_a_paused_waiting_job_starts_only_when_it_is_resumed(queue: RealQueue) -> None:
    paused = queue.enqueue("echo paused >>runs")
    queue.do("pause", paused)
    queue.start()
    other = queue.enqueue("echo other >>runs")
    queue.wait(other)
    assert queue.job(paused).state is State.PENDING

    queue.do("resume", paused)

    assert queue.wait(paused).state is State.COMPLETED
    assert queue.lines("runs") == ["other", "paused"]


# Ends


def test_a_paused_job_that_is_cancelled_is_let_go_on_and_ended(queue: RealQueue) -> None:
    queue.environ["QUEUECTL_GRACE"] = "1h"
    queue.start()
    id = queue.enqueue("trap 'echo told >>told; exit 7' TERM; echo up >>started; while :; do sleep 0.01; done")
    queue.wait_for_lines("started")
    pause(queue, id)

    queue.do("cancel", id)

    job = queue.wait(id)
    assert (job.state, job.outcome, job.exit_code) == (State.CANCELLED, Outcome.CANCELLED, 7)
    assert queue.lines("told") == ["told"]
    assert (job.paused_at, job.held_by) == (None, None)


def test_a_stop_that_cannot_wait_ends_a_paused_job_which_stays_paused(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("echo up >>started; exec sleep 1000")
    queue.wait_for_lines("started")
    pause(queue, id)

    queue.stop("--now")

    job = queue.job(id)
    assert (job.state, job.outcome, job.held_by) == (State.PENDING, Outcome.GIVEN_BACK, PAUSED)
    queue.no_process()
    queue.start()
    queue.wait(queue.enqueue("true"))
    assert queue.job(id).attempt == 1
    queue.do("resume", id)
    queue.wait_for_lines("started", 2)


def test_a_stop_that_waits_names_paused_jobs(queue: RealQueue, gate: Gate) -> None:
    queue.start()
    id = queue.enqueue("echo up >>started; read _ <gate")
    queue.wait_for_lines("started")
    pause(queue, id)

    stopped = queue.run("worker", "stop", "--timeout", "0.3s")

    assert stopped.code == 1
    assert f"waiting for {id} (paused)\n" in stopped.err
    assert f"queuectl: error: still running: {id} (paused)\n" in stopped.err
    queue.do("resume", id)
    gate.open()
    queue.no_worker()
    assert queue.job(id).state is State.COMPLETED


def test_the_processes_of_a_paused_job_end_with_its_worker(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue(TREE)
    tree_counts(queue)
    pause(queue, id)
    tree_stops(queue)
    processes = queue.job_processes()

    kill(queue.worker_of(id).pid)

    job = queue.wait(id, State.PENDING)
    assert all(map(gone, processes))
    assert (job.crashes, job.held_by) == (1, PAUSED)
    queue.do("resume", id)
    tree_counts(queue)
    assert queue.job(id).attempt == 2


def test_the_processes_of_a_paused_job_end_with_all_that_watched_it(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue(TREE)
    tree_counts(queue)
    pause(queue, id)
    tree_stops(queue)
    processes = queue.job_processes()
    for member in (*queue.supervisors(), *queue.workers()):
        kill(member.pid)

    queue.start()

    job = queue.wait(id, State.PENDING)
    assert all(map(gone, processes))
    assert (job.crashes, job.held_by) == (1, PAUSED)


def test_the_next_job_of_a_worker_is_not_paused_because_the_last_one_was(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("echo up >>started; exec sleep 1000")
    queue.wait_for_lines("started")
    pause(queue, id)
    queue.do("signal", id, "KILL")
    queue.wait(id, State.FAILED)

    after = queue.enqueue("echo up >>started; exec sleep 1000")
    queue.wait_for_lines("started", 2)

    (worker,) = json.loads(queue.do("worker", "list", "--json"))
    assert (worker["job"], worker["paused"]) == (after, False)


# Signals


def test_a_signal_reaches_every_process_of_a_job(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue(FOLLOW + LEAD)
    queue.wait_for_lines("started", 2)

    queue.do("signal", id, "USR1")

    assert sorted(queue.wait_for_lines("heard", 2)) == ["follow", "lead"]
    queue.do("signal", id, "SIGUSR1")
    assert sorted(queue.wait_for_lines("heard", 4)) == ["follow", "follow", "lead", "lead"]
    assert queue.job(id).state is State.PROCESSING


def test_each_signal_is_sent_once(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("trap 'echo 1 >>heard' USR1; trap 'echo 2 >>heard' USR2\n" + LEAD.partition(";")[2])
    queue.wait_for_lines("started")

    queue.do("signal", id, "USR1")
    queue.wait_for_lines("heard")
    queue.do("signal", id, "USR2")

    assert queue.wait_for_lines("heard", 2) == ["1", "2"]


def test_a_paused_job_takes_a_signal_when_it_is_resumed(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue(LEAD)
    queue.wait_for_lines("started")
    pause(queue, id)
    running = queue.job(id)

    queue.do("signal", id, "USR1")
    eventually(lambda: (asked := queue.store.requests(running)) is not None and not asked.requests)

    tree_stops(queue)
    assert queue.lines("heard") == []
    queue.do("resume", id)
    assert queue.wait_for_lines("heard") == ["lead"]


def test_a_job_that_a_signal_ends_has_failed(queue: RealQueue) -> None:
    queue.start()
    id = queue.enqueue("echo up >>started; exec sleep 1000", "--max-retries", "0")
    queue.wait_for_lines("started")

    queue.do("signal", id, "KILL")

    job = queue.wait(id)
    assert (job.state, job.outcome, job.signal) == (State.DEAD, Outcome.SIGNALLED, 9)


# The grace of a cancel

STUBBORN = "trap 'echo told >>told' TERM; echo up >>started; while :; do sleep 0.01; done"


def test_a_cancel_without_grace_kills_at_once(queue: RealQueue) -> None:
    queue.environ["QUEUECTL_GRACE"] = "1h"
    queue.start()
    id = queue.enqueue(STUBBORN)
    queue.wait_for_lines("started")

    queue.do("cancel", "--grace", "0", id)

    job = queue.wait(id)
    assert (job.state, job.outcome, job.signal) == (State.CANCELLED, Outcome.CANCELLED, 9)
    queue.stop()
    queue.no_process()


def test_a_later_cancel_can_shorten_the_grace(queue: RealQueue) -> None:
    queue.environ["QUEUECTL_GRACE"] = "1h"
    queue.start()
    id = queue.enqueue(STUBBORN)
    queue.wait_for_lines("started")
    queue.do("cancel", id)
    queue.wait_for_lines("told")

    queue.do("cancel", "--grace", "0", id)

    assert queue.wait(id).signal == 9


def test_a_cancel_can_give_more_grace_than_is_configured(queue: RealQueue, gate: Gate) -> None:
    queue.environ["QUEUECTL_GRACE"] = "0s"
    queue.start()
    id = queue.enqueue("trap 'echo told >>told; read _ <gate; exit 7' TERM; echo up >>started; while :; do :; done")
    queue.wait_for_lines("started")

    queue.do("cancel", "--grace", "1h", id)
    queue.wait_for_lines("told")
    queue.do("cancel", "--grace", "2h", id)
    gate.open()

    job = queue.wait(id)
    assert (job.state, job.outcome, job.exit_code) == (State.CANCELLED, Outcome.CANCELLED, 7)


# Time limits

STANDS_STILL = """
import os
import signal
import tempfile

from queuectl.job import Job, Outcome
from queuectl.joblogs import LogWriter
from queuectl.process import run_state
from queuectl.worker import runner
from queuectl.worker.runner import Run
from tests.support.samples import JOB

now = [100.0]
runner.time.monotonic = lambda: now[0]  # in this process only
devnull = os.open(os.devnull, os.O_RDWR)
log = LogWriter(tempfile.mkdtemp(), 1, 1, 1 << 20)
job = JOB._replace(command="exec sleep 1000", argv=None, cwd="/", policy=JOB.policy._replace(timeout=10.0))
run = Run(job, log, os.environ, devnull, devnull)
assert run.next_deadline == 110.0

for paused in (5.0, 1000.0):
    now[0] += 4.0
    assert run.pause() and run.is_paused
    now[0] += paused
    assert run.next_deadline is None
    assert not run.enforce(now[0], 0.0)
    run.resume()
    assert not run.is_paused

assert run.next_deadline == 100.0 + 1005.0 + 10.0
now[0] += 1.9
assert not run.enforce(now[0], 0.0)
now[0] += 0.2
assert run.enforce(now[0], 3600.0), "its time is over"
assert not run.pause(), "it ends already"
os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOWAIT)
ended = run.on_exit()
assert (ended.outcome, ended.signal) == (Outcome.TIMED_OUT, signal.SIGTERM), ended
print("all is well")
"""


def test_the_time_limit_of_a_paused_job_stands_still() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STANDS_STILL], capture_output=True, encoding="utf-8", timeout=DEADLINE, check=False
    )
    assert (done.stdout, done.stderr) == ("all is well\n", "")

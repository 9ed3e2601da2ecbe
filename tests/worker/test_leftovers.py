"""What a job leaves behind that may not be killed: another user's process, as of a `sudo` in the job."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from queuectl import roster
from queuectl.job import State
from queuectl.worker.descendants import LOCK_DESCRIPTOR
from tests.support.eventually import DEADLINE, eventually
from tests.support.mortal import mortal
from tests.support.processes import gone, kill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.gate import Gate
    from tests.support.processes import RealQueue

LIMITED = ("setpriv", "--bounding-set=-kill,-sys_ptrace", "--inh-caps=-kill,-sys_ptrace")
"""Runs a program as a root that may neither kill nor inspect another user's processes, as no ordinary user may."""

NOBODY = 65534

EVERY = 400
"""Every descriptor that a command has is below it."""

SETPRIV = shutil.which("setpriv")


def leaves(*, closed: int = EVERY) -> str:
    """Return a command that leaves a process of another user, without the run's mark and the descriptors below one.

    Without every descriptor it is what `sudo` leaves.
    """
    script = f"""
import os
os.closerange(3, {closed})
os.execve("{SETPRIV}", "setpriv --reuid {NOBODY} --clear-groups sleep 1000".split(), dict(PATH=os.defpath))
"""
    return f"{sys.executable} -S -c '{script}' </dev/null >/dev/null 2>&1 & echo $! >>left;"


pytestmark = pytest.mark.skipif(
    os.geteuid() != 0
    or subprocess.run([*LIMITED, "true"], capture_output=True, timeout=DEADLINE, check=False).returncode != 0,
    reason="only root can leave processes of another user",
)


class Leftovers:
    """A queue whose workers may not kill what a job leaves behind."""

    def __init__(self, queue: RealQueue) -> None:
        self.queue = queue

    def spawn(self, *argv: str) -> subprocess.Popen[str]:
        """Start `queuectl` as somebody who may not kill the leftovers."""
        return mortal(
            subprocess.Popen(
                [*LIMITED, sys.executable, "-m", "queuectl", *argv],
                env=self.queue.environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        )

    def do(self, *argv: str) -> str:
        with self.spawn(*argv) as program:
            out, err = program.communicate()
        assert program.returncode == 0, err
        return out

    def start(self, count: int = 1) -> None:
        self.do("worker", "start", "--count", str(count))

    def wait(self, count: int = 1) -> list[int]:
        """Wait until there are so many leftovers that have come to rest, and return their pids."""
        pids = [int(pid) for pid in self.queue.wait_for_lines("left", count)]

        def at_rest() -> bool:
            return all(_command_of(pid) == b"sleep\x001000\x00" for pid in pids)

        eventually(at_rest)
        return pids

    def ended(self, id: str) -> bool:
        """Return whether the command of a job has ended, whatever it has left."""
        assignment = roster.read_assignment(self.queue.home, self.queue.worker_of(id).id)
        return assignment is not None and assignment.ended is not None

    def alive(self) -> list[int]:
        return [pid for pid in map(int, self.queue.lines("left")) if not gone(pid)]


def _command_of(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


@pytest.fixture
def leftovers(queue: RealQueue) -> Iterator[Leftovers]:
    found = Leftovers(queue)
    yield found
    for pid in found.alive():
        kill(pid)


def switches(pid: int) -> int:
    """Return how often a process has gone to sleep and come back."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("voluntary_ctxt_switches"))


def let_ticks_pass(queue: RealQueue, seconds: int = 2) -> None:
    """Let the workers look around for some seconds: until they have run a job of the future."""
    assert queue.wait(queue.enqueue("true", "--run-at", f"+{seconds}s")).state is State.COMPLETED


def lose_worker(queue: RealQueue, leftovers: Leftovers, *, closed: int = EVERY) -> str:
    """Let a worker die that leaves a process which cannot be killed; return the id of its job."""
    id = queue.enqueue(f"[ $QUEUECTL_ATTEMPT = 1 ] || exit 0; {leaves(closed=closed)} read _ < gate")
    leftovers.wait()
    kill(queue.worker_of(id).pid)
    return id


@pytest.mark.usefixtures("gate")
def test_a_dead_worker_is_replaced_though_what_it_left_cannot_be_killed(queue: RealQueue, leftovers: Leftovers) -> None:
    leftovers.start()
    id = lose_worker(queue, leftovers)

    assert queue.wait(queue.enqueue("true")).state is State.COMPLETED
    assert queue.job(id).state is State.PROCESSING
    assert leftovers.alive()


@pytest.mark.usefixtures("gate")
@pytest.mark.parametrize("closed", [EVERY, LOCK_DESCRIPTOR], ids=["as sudo", "with lock"])
def test_a_job_runs_again_only_when_what_it_left_is_gone(queue: RealQueue, leftovers: Leftovers, closed: int) -> None:
    leftovers.start(count=2)
    id = lose_worker(queue, leftovers, closed=closed)

    let_ticks_pass(queue)
    assert (queue.job(id).state, queue.job(id).attempt) == (State.PROCESSING, 1)
    for pid in leftovers.alive():
        kill(pid)

    job = queue.wait(id)
    assert (job.state, job.attempt, job.crashes) == (State.COMPLETED, 2, 1)


@pytest.mark.usefixtures("gate")
@pytest.mark.parametrize("closed", [EVERY, LOCK_DESCRIPTOR], ids=["as sudo", "with lock"])
def test_what_cannot_be_killed_costs_next_to_nothing(queue: RealQueue, leftovers: Leftovers, closed: int) -> None:
    leftovers.start()
    lose_worker(queue, leftovers, closed=closed)
    let_ticks_pass(queue)

    members = (*queue.supervisors(), *queue.workers())
    before = {member.pid: switches(member.pid) for member in members}
    began = time.monotonic()
    let_ticks_pass(queue, 3)
    grown = {pid: switches(pid) - before[pid] for pid in before}

    # A look each second, and not one each 5 or 50 ms.
    most = 12 * (time.monotonic() - began)
    assert {pid: count for pid, count in grown.items() if count > most} == {}


@pytest.mark.usefixtures("gate")
def test_the_leftover_of_one_job_does_not_hold_up_the_rescue_of_another(queue: RealQueue, leftovers: Leftovers) -> None:
    leftovers.start(count=2)
    first = lose_worker(queue, leftovers)
    let_ticks_pass(queue)

    second = queue.enqueue("[ $QUEUECTL_ATTEMPT = 1 ] || exit 0; sleep 1000 & echo $! >>pids; read _ < gate")
    (pid,) = queue.wait_for_lines("pids")
    kill(queue.worker_of(second).pid)

    job = queue.wait(second)
    assert (job.state, job.attempt, job.crashes) == (State.COMPLETED, 2, 1)
    assert gone(int(pid))
    assert queue.job(first).state is State.PROCESSING


def assert_shown(leftovers: Leftovers, id: str, left: int) -> None:
    assert f"process {left} (sleep) of user nobody, which cannot be killed\n" in leftovers.do("show", id)
    (shown,) = json.loads(leftovers.do("show", id, "--json"))["leftovers"]
    assert shown == {"pid": left, "user": "nobody", "program": "sleep"}


@pytest.mark.usefixtures("gate")
def test_show_names_what_a_dead_worker_left_and_cannot_be_killed(queue: RealQueue, leftovers: Leftovers) -> None:
    leftovers.start(count=2)
    id = lose_worker(queue, leftovers)
    let_ticks_pass(queue)

    assert_shown(leftovers, id, *leftovers.alive())


def test_show_names_what_a_command_left_and_cannot_be_killed(
    queue: RealQueue, leftovers: Leftovers, gate: Gate
) -> None:
    leftovers.start()
    id = queue.enqueue(f"{leaves()} read _ < gate")
    (left,) = leftovers.wait()
    gate.open()

    assert_shown(leftovers, id, left)
    kill(left)
    job = queue.wait(id)
    assert (job.state, job.attempt) == (State.COMPLETED, 1)
    assert json.loads(leftovers.do("show", id, "--json"))["leftovers"] == []
    assert "kept by" not in leftovers.do("show", id)


@pytest.mark.parametrize("worker", ["alive", "dead"])
def test_a_stop_names_what_it_waits_for_and_cannot_kill(
    queue: RealQueue, leftovers: Leftovers, gate: Gate, worker: str
) -> None:
    leftovers.start()
    if worker == "dead":
        lose_worker(queue, leftovers)
    else:
        id = queue.enqueue(f"{leaves()} read _ < gate")
        leftovers.wait()
        gate.open()
        eventually(lambda: leftovers.ended(id))
    (left,) = leftovers.alive()

    with leftovers.spawn("worker", "stop") as stop:
        assert stop.stderr is not None
        said = stop.stderr.readline()
        kill(left)

    assert said == f"waiting for process {left} (sleep) of user nobody, which cannot be killed\n"
    assert stop.returncode == 0

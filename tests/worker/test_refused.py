"""What the machine refuses, or a setting of a later version says, costs no job and no worker."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

from queuectl.job import State
from tests.support.processes import kill
from tests.support.startup import begin_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.gate import Gate
    from tests.support.processes import RealQueue


@contextmanager
def no_more_files(pid: int) -> Iterator[None]:
    """Let a process have no more files open than now."""
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    most = max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


REFUSED_FORK = """
import errno, os
from queuectl.worker import supervisor
supervisor.LONGEST_PAUSE = 0.1
forks = []
def fork(fork=os.fork):
    forks.append(1)
    if len(forks) == 3:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return fork()
os.fork = fork
"""
"""What a supervisor begins with on a machine that has too many processes when a third worker is to be started."""


def test_a_supervisor_that_cannot_start_a_worker_tries_again(queue: RealQueue) -> None:
    begin_with(queue, REFUSED_FORK)
    first, _ = queue.start(count=2)
    (supervisor,) = queue.supervisors()

    kill(first.pid)
    queue.wait_for_event("machine refused")

    queue.wait_for_workers(2)
    assert queue.supervisors() == [supervisor]


def test_a_job_that_the_machine_has_no_room_for_is_started_later(queue: RealQueue, gate: Gate) -> None:
    (worker,) = queue.start()
    id = queue.enqueue("echo > up; read _ < gate")
    queue.wait_for_lines("up")

    with no_more_files(worker.pid):
        queue.do("enqueue", "--id", "next", "--", "true")
        gate.open()
        queue.wait_for_event("machine refused")

    assert queue.wait(id).attempt == 1
    for job in (queue.wait(id), queue.wait("next")):
        assert (job.state, job.crashes, job.failures) == (State.COMPLETED, 0, 0)
    assert queue.workers() == [worker]


def test_a_setting_that_only_a_later_version_takes_stops_nobody(queue: RealQueue) -> None:
    (worker,) = queue.start()
    queue.store.set_setting("grace", "10 fortnights")
    queue.wait_for_event("setting refused")
    queue.do("config", "set", "grace", "10s")

    assert queue.wait(queue.enqueue("true")).state is State.COMPLETED
    assert queue.workers() == [worker]

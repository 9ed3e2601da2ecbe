"""What a rescue counts, and what it waits for before a job may run again."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from typing import TYPE_CHECKING

from queuectl import roster
from queuectl.job import Outcome, State
from queuectl.process import boot_id
from queuectl.worker import descendants
from queuectl.worker.rescue import rescue_lost
from tests.support.eventually import eventually
from tests.support.factories import WORKER, identity, job, new_job

if TYPE_CHECKING:
    from queuectl.events import Event
    from tests.support.processes import RealQueue

ME = identity("9" * 32)._replace(boot=boot_id())

GONE = identity()._replace(pid=2**22 - 1, boot=boot_id())
"""A worker that nobody is any more."""


def test_a_job_whose_machine_went_down_under_it_counts_an_interruption(queue: RealQueue) -> None:
    # Where there are leases, they tell it: a machine that is copied has the home of another, and not its boot.
    queue.store.register(GONE._replace(boot="the one before", pid=os.getpid()), lease=0.1)
    job(queue.store, State.PROCESSING, new_job("a"), worker=WORKER)

    queue.start(env={"QUEUECTL_LEASE": "4s"})

    rescued = queue.wait("a")
    assert (rescued.state, rescued.attempt) == (State.COMPLETED, 2)
    assert (rescued.interruptions, rescued.crashes, rescued.failures) == (1, 0, 0)
    assert queue.attempts("a")[0].outcome is Outcome.LOST


def test_a_job_is_not_given_back_in_the_same_look_that_found_something_of_it(queue: RealQueue) -> None:
    queue.home.create()
    os.close(roster.enrol(queue.home.workers, roster.Member(WORKER, *GONE[1:4], GONE.version)))
    queue.store.register(GONE, lease=60.0)
    queue.store.enqueue([new_job("a")])
    cookie = secrets.token_hex(16)
    assert queue.store.claim(WORKER, cookie)
    told: list[Event] = []

    with subprocess.Popen(["sleep", "60"], env={"QUEUECTL_RUN": cookie}) as left:
        # The kernel shows the environment of a new program a moment after the program has begun.
        eventually(lambda: left.pid in descendants.marked(cookie, None))
        assert rescue_lost(queue.store, queue.home, ME, told.append)
        assert (queue.job("a").state, told) == (State.PROCESSING, [])
        assert left.wait() == -signal.SIGKILL

    assert rescue_lost(queue.store, queue.home, ME, told.append)
    assert (queue.job("a").state, queue.job("a").crashes) == (State.PENDING, 1)
    assert not rescue_lost(queue.store, queue.home, ME, told.append)

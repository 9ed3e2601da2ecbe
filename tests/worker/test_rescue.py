"""What a rescue counts, and what it waits for before a job may run again."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

from queuectl.job import Outcome, State
from queuectl.process import boot_id
from queuectl.worker.rescue import rescue_lost
from tests.support.factories import COOKIE, WORKER, claimed, identity, job, new_job

if TYPE_CHECKING:
    from queuectl.events import Event
    from tests.support.processes import RealQueue

GONE = identity()._replace(pid=2**22 - 1)
"""A worker that nobody is any more."""


def test_a_job_whose_machine_went_down_under_it_counts_an_interruption(queue: RealQueue) -> None:
    queue.store.register(GONE._replace(boot="the one before", pid=os.getpid()))
    job(queue.store, State.PROCESSING, new_job("a"), worker=WORKER)

    queue.start()

    rescued = queue.wait("a")
    assert (rescued.state, rescued.attempt) == (State.COMPLETED, 2)
    assert (rescued.interruptions, rescued.crashes, rescued.failures) == (1, 0, 0)
    assert queue.attempts("a")[0].outcome is Outcome.LOST


def test_a_job_is_not_given_back_in_the_same_look_that_found_something_of_it(queue: RealQueue) -> None:
    queue.store.register(GONE._replace(boot=boot_id()))
    queue.store.enqueue([new_job("a")])
    claimed(queue.store, "a", worker=WORKER)
    told: list[Event] = []

    with subprocess.Popen(["sleep", "1000"], env={"QUEUECTL_RUN": COOKIE}) as left:
        assert rescue_lost(queue.store, queue.home, "me", told.append)
        assert (queue.job("a").state, told) == (State.PROCESSING, [])
        assert left.wait() == -signal.SIGKILL

    assert rescue_lost(queue.store, queue.home, "me", told.append)
    assert (queue.job("a").state, queue.job("a").crashes) == (State.PENDING, 1)
    assert not rescue_lost(queue.store, queue.home, "me", told.append)

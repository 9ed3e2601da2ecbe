"""What reaches a worker because it is called, in queues whose workers look at nothing by themselves."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from queuectl.job import Outcome, State
from tests.support.eventually import eventually
from tests.support.processes import RealQueue
from tests.support.startup import LOOKING, begin_with, begin_with_constants

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONG = {"QUEUECTL_LEASE": "1h"}
"""A lease that is not renewed while the test runs, which would be one more look."""


@pytest.fixture
def called(queue: RealQueue) -> RealQueue:
    """A queue of either engine with a worker."""
    queue.environ.update(LONG)
    begin_with_constants(queue, LOOKING)
    queue.start()
    return queue


@pytest.fixture
def elsewhere(called: RealQueue, tmp_path: Path) -> Iterator[RealQueue]:
    """The same queue on a machine without workers."""
    other = RealQueue(tmp_path, "elsewhere", called.url, **LONG)
    yield other
    other.close()


ON_A_SERVER = pytest.mark.parametrize("queue", ["postgres"], indirect=True)


def test_a_new_job_reaches_an_idle_worker(called: RealQueue) -> None:
    for id in "abc":
        called.enqueue("true", "--id", id)

        assert called.wait(id).state is State.COMPLETED


def test_a_cancel_reaches_the_worker_of_the_job(called: RealQueue) -> None:
    called.enqueue("echo up >>started; exec sleep 1000", "--id", "a")
    called.wait_for_lines("started")

    called.do("cancel", "a")

    assert called.wait("a").outcome is Outcome.CANCELLED


def test_a_cancel_of_what_is_selected_reaches_the_workers_of_running_jobs(called: RealQueue) -> None:
    called.enqueue("echo up >>started; exec sleep 1000", "--id", "a", "--tag", "run=5")
    called.wait_for_lines("started")
    called.enqueue("true", "--id", "b", "--tag", "run=5")

    called.do("cancel", "--tag", "run=5", "--yes")

    assert called.wait("a").outcome is Outcome.CANCELLED
    assert called.wait("b").outcome is None


def test_a_retry_of_what_is_selected_reaches_an_idle_worker(called: RealQueue) -> None:
    called.enqueue("false", "--id", "a", "--max-retries", "0")
    called.wait("a", State.DEAD)

    called.do("retry", "--state", "dead", "--yes")

    eventually(lambda: (job := called.store.get("a")) is not None and job.attempt == 2)


def test_a_pause_a_signal_and_a_resume_reach_the_worker_of_the_job(called: RealQueue) -> None:
    called.enqueue("trap 'echo heard; exit 0' USR1; echo up >>started; while :; do sleep 0.01; done", "--id", "a")
    called.wait_for_lines("started")

    called.do("pause", "a")
    eventually(lambda: called.job("a").held_by)
    called.do("signal", "a", "USR1")
    called.do("resume", "a")

    assert called.wait("a").state is State.COMPLETED


TELLS_LATE = """
import os, time
from queuectl.store.engine import Engine
tell_paused = Engine.tell_paused
def wait_and_tell(store, job, *, paused):
    open({began!r}, "a").write("began\\n")
    while paused and not os.path.exists({gate!r}):
        time.sleep(0.01)
    tell_paused(store, job, paused=paused)
Engine.tell_paused = wait_and_tell
"""


def test_a_call_that_comes_while_the_worker_asks_the_store_something_is_heard(queue: RealQueue) -> None:
    queue.environ.update(LONG)
    began, gate = queue.directory / "began", queue.directory / "gate"
    constants = "\n".join(f"import {name.rpartition('.')[0]}; {name} = {value!r}" for name, value in LOOKING.items())
    begin_with(queue, f"{constants}\n{TELLS_LATE.format(began=str(began), gate=str(gate))}")
    queue.start()
    queue.enqueue("echo up >>started; while :; do echo on >>count; sleep 0.01; done", "--id", "a")
    queue.wait_for_lines("started")
    queue.do("pause", "a")
    queue.wait_for_lines("began")

    queue.do("resume", "a")
    gate.touch()

    counted = len(queue.lines("count"))
    queue.wait_for_lines("count", counted + 1)


@ON_A_SERVER
def test_who_reads_elsewhere_reaches_the_worker_of_the_job(called: RealQueue, elsewhere: RealQueue) -> None:
    called.enqueue("echo one; exec sleep 1000", "--id", "a")

    with elsewhere.spawn("logs", "-f", "a") as reading:
        assert reading.stdout is not None
        assert reading.stdout.readline() == "one\n"
        called.do("cancel", "a")


@ON_A_SERVER
def test_a_stop_of_the_host_reaches_its_workers(called: RealQueue, elsewhere: RealQueue) -> None:
    elsewhere.do("worker", "stop", "--host", os.uname().nodename)

    called.no_worker()
    eventually(lambda: not called.store.workers())

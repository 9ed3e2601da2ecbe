"""An idle worker is woken by whoever has work for it, and a busy one leaves the wake to the others.

No clock is looked at: only a worker that was woken takes the byte out of the FIFO.
"""

from __future__ import annotations

import os
import signal
import termios
from array import array
from fcntl import ioctl
from typing import TYPE_CHECKING

from queuectl.job import State
from tests.support.eventually import eventually
from tests.support.processes import FILES_ONLY, kill

if TYPE_CHECKING:
    from tests.support.gate import Gate
    from tests.support.processes import RealQueue

pytestmark = FILES_ONLY  # of PostgreSQL: tests/store/test_postgres_workers.py


def wakes(queue: RealQueue) -> int:
    """Return how many wakes nobody has taken."""
    count = array("i", [0])
    fifo = os.open(queue.home.wake, os.O_RDONLY | os.O_NONBLOCK)
    ioctl(fifo, termios.FIONREAD, count)
    os.close(fifo)
    return count[0]


def test_an_idle_worker_takes_the_wake_that_comes_with_a_job(queue: RealQueue) -> None:
    (worker,) = queue.start()
    eventually(lambda: wakes(queue) == 0)
    queue.suspend(worker.pid)
    id = queue.enqueue("true")
    assert wakes(queue) == 1

    kill(worker.pid, signal.SIGCONT)

    queue.wait(id, State.COMPLETED)
    eventually(lambda: wakes(queue) == 0)


def test_many_jobs_bring_at_most_as_many_wakes_as_a_pipe_is_good_for(queue: RealQueue) -> None:
    (worker,) = queue.start()
    queue.suspend(worker.pid)
    queue.do("enqueue", "--file", "-", stdin='{"command": "true"}\n' * 3)
    assert wakes(queue) == 3

    queue.do("enqueue", "--file", "-", stdin='{"command": "true"}\n' * 1000)
    assert 3 < wakes(queue) <= 100


def test_a_busy_worker_leaves_the_wake_to_an_idle_one(queue: RealQueue, gate: Gate) -> None:
    queue.start(count=2)
    busy = queue.enqueue("read _ < gate")
    queue.wait(busy, State.PROCESSING)

    id = queue.enqueue("true")

    queue.wait(id, State.COMPLETED)
    eventually(lambda: wakes(queue) == 0)
    assert queue.job(busy).state is State.PROCESSING
    gate.open()


def test_a_retry_wakes_an_idle_worker(queue: RealQueue) -> None:
    (worker,) = queue.start()
    id = queue.enqueue("true")
    queue.wait(id, State.COMPLETED)
    eventually(lambda: wakes(queue) == 0)
    queue.suspend(worker.pid)

    queue.do("retry", id)

    assert wakes(queue) == 1
    kill(worker.pid, signal.SIGCONT)
    eventually(lambda: queue.job(id).attempt == 2)

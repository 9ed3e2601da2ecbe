"""`worker stop --host`: the workers of a host stop, wherever that is said, and whatever happens to them meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from queuectl.job import State
from tests.support.eventually import eventually
from tests.support.gate import Gate
from tests.support.hosts import best, kind
from tests.support.machines import scene
from tests.support.processes import RealQueue, kill

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.hosts import Host, Kind

__all__ = ["kind"]

HERE = os.uname().nodename

HELD = "echo begun >>begun; read _ <gate"
"""A job that lasts until the gate is opened."""


class Asked:
    """A `worker stop --host` that waits."""

    def __init__(self, queue: RealQueue, host: str, *options: str) -> None:
        """Call it; the workers have heard of it when all that are left are draining."""
        self._process: subprocess.Popen[str] = queue.spawn("worker", "stop", "--host", host, *options)

    def end(self) -> tuple[int, str]:
        """Wait for its end; return its code and what it has said."""
        said, _ = self._process.communicate()
        return self._process.returncode, said


@pytest.fixture
def queue(tmp_path: Path, postgres_url: str) -> Iterator[RealQueue]:
    """A queue on a server, whose workers and commands are on one host."""
    real = RealQueue(tmp_path, url=postgres_url)
    try:
        yield real
    finally:
        real.close()


def wait_for_draining(queue: RealQueue, count: int = 1) -> None:
    """Wait until so many workers of a queue have heard that they are to stop."""
    eventually(lambda: queue.do("worker", "list", env={"QUEUECTL_STORE": ""}).count("draining") == count)


def cut_off(host: Host) -> None:
    """Cut a host off, and wait until it has missed something."""
    host.cut()
    eventually(lambda: host.is_missing_answers)


def test_the_workers_of_a_host_end_with_their_jobs(queue: RealQueue, gate: Gate) -> None:
    queue.start(count=2)
    queue.enqueue(HELD, "--id", "held")
    queue.wait_for_lines("begun")

    asked = Asked(queue, HERE)
    wait_for_draining(queue)
    queue.enqueue("true", "--id", "next")
    gate.open()

    assert asked.end() == (0, f"2 workers stopped on {HERE}\n")
    queue.no_worker()
    assert queue.job("held").state is State.COMPLETED
    assert queue.job("next").state is State.PENDING


@pytest.mark.usefixtures("gate")
def test_jobs_that_are_not_waited_for_are_given_back(queue: RealQueue) -> None:
    queue.start()
    queue.enqueue(HELD, "--id", "held")
    queue.wait_for_lines("begun")
    patient = Asked(queue, HERE)
    wait_for_draining(queue)

    at_once = Asked(queue, HERE, "--now")

    assert at_once.end() == patient.end() == (0, f"1 worker stopped on {HERE}\n")
    queue.no_worker()
    job = queue.job("held")
    assert (job.state, job.attempt, job.failures, job.crashes) == (State.PENDING, 1, 0, 0)


def test_who_waits_no_longer_is_told_what_runs(queue: RealQueue, gate: Gate) -> None:
    queue.start()
    queue.enqueue(HELD, "--id", "held")
    queue.wait_for_lines("begun")

    code, _, said = queue.run("worker", "stop", "--host", HERE, "--timeout", "0s")

    assert code == 1
    assert said.splitlines() == [
        f"queuectl: error: still running on {HERE}: held",
        f"  to end the jobs: queuectl worker stop --now --host {HERE}",
    ]
    gate.open()
    queue.no_worker()
    assert queue.job("held").state is State.COMPLETED


def test_workers_that_are_started_after_it_are_neither_stopped_nor_waited_for(queue: RealQueue, gate: Gate) -> None:
    queue.start()
    queue.enqueue(HELD, "--id", "held")
    queue.wait_for_lines("begun")
    asked = Asked(queue, HERE)
    wait_for_draining(queue)

    started = queue.start()
    gate.open()

    assert asked.end() == (0, f"1 worker stopped on {HERE}\n")
    assert queue.wait(queue.enqueue("true")).state is State.COMPLETED
    assert queue.workers() == started


def test_a_host_without_workers_is_no_error(queue: RealQueue) -> None:
    queue.do("enqueue", "--", "true")

    assert queue.run("worker", "stop", "--host", "nowhere") == (
        0,
        "",
        "no worker is known on nowhere; one that is cut off stops when it is back\n",
    )


@pytest.mark.parametrize("host", ["", " ", "\udcff"])
def test_what_can_be_no_name_of_a_machine_is_bad_input(queue: RealQueue, host: str) -> None:
    queue.do("enqueue", "--", "true")

    code, out, err = queue.run("worker", "stop", "--host", host)

    assert (code, out) == (2, "")
    assert err.startswith("queuectl: error: --host: no machine is called ")
    assert queue.store.last_stop() == 0


def test_nobody_takes_the_place_of_a_worker_that_crashes_while_it_drains(tmp_path: Path) -> None:
    with scene(tmp_path, best()) as (one, _, operator):
        (worker,) = one.queue.start()
        Gate(tmp_path / "gate")
        operator.enqueue(HELD, "--id", "held")
        one.queue.wait_for_lines("begun")
        asked = Asked(operator, one.host.name)
        wait_for_draining(one.queue)

        one.host.cut()  # so that it is the supervisor that knows, and not who would come next and ask
        kill(worker.pid)

        one.queue.no_worker()
        assert asked.end()[0] == 1


def test_a_host_that_falls_silent_is_not_called_stopped_and_claims_nothing_when_it_is_back(
    tmp_path: Path, kind: Kind
) -> None:
    with scene(tmp_path, kind, lease="10s") as (one, _, operator):
        before = one.queue.start(count=2)
        cut_off(one.host)

        code, _, said = operator.run("worker", "stop", "--host", one.host.name)

        assert code == 1
        assert said.splitlines() == [
            f"queuectl: error: 2 workers were not heard of on {one.host.name} until the lease ran out",
            "  if only the connection is cut, nothing more is claimed there, and they end when it is back",
        ]
        eventually(lambda: len(one.queue.workers()) == 2 and not {*one.queue.workers()} & {*before})
        operator.enqueue("true", "--id", "later")
        one.host.heal()
        one.queue.no_worker()
        assert operator.job("later").state is State.PENDING


def test_a_host_of_which_nothing_is_known_any_more_stops_all_the_same(tmp_path: Path) -> None:
    with scene(tmp_path, best()) as (one, _, operator):
        one.queue.start()
        one.host.cut()
        eventually(lambda: not operator.store.workers())

        said = operator.run("worker", "stop", "--host", one.host.name)

        assert said.code == 0
        assert said.err == f"no worker is known on {one.host.name}; one that is cut off stops when it is back\n"
        operator.enqueue("true", "--id", "later")
        one.host.heal()
        one.queue.no_worker()
        assert operator.job("later").state is State.PENDING


def test_a_job_that_ends_while_its_host_is_cut_off_is_the_last_one_there(tmp_path: Path) -> None:
    with scene(tmp_path, best(), lease="40s") as (one, _, operator):
        one.queue.start()
        gate = Gate(tmp_path / "gate")
        operator.enqueue(HELD, "--id", "held")
        one.queue.wait_for_lines("begun")
        operator.enqueue("true", "--id", "next")

        one.host.cut()
        asked = Asked(operator, one.host.name)
        eventually(lambda: operator.store.workers()[0].stopping)
        gate.open()
        eventually(lambda: one.host.is_missing_answers)
        one.host.heal()

        assert asked.end() == (0, f"1 worker stopped on {one.host.name}\n")
        assert operator.job("held").state is State.COMPLETED
        assert operator.job("next").state is State.PENDING
        one.queue.no_worker()

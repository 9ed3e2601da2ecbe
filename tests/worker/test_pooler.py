"""A queue whose PostgreSQL server is reached through PgBouncer, as in many places it only can be."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from queuectl.errors import Conflict
from queuectl.events import PoolerFound
from queuectl.job import Outcome, State
from tests.support.eventually import eventually
from tests.support.factories import new_job
from tests.support.founding import use
from tests.support.gate import Gate
from tests.support.pgbouncer import Pooler, program
from tests.support.postgres import Server, binaries
from tests.support.processes import RealQueue
from tests.support.startup import LOOKING, begin_with_constants
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.pgbouncer import Mode

found = cache(program)

ENOUGH = {"session": 20, "transaction": 3}
"""Connections to the server: in a session each client keeps one; for transactions fewer than workers do."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of the newest version, shared by the tests of the module."""
    with Server(max(binaries().items())[1]) as server:
        yield server


BOTH_MODES = pytest.mark.parametrize("mode", ["session", "transaction"], indirect=True)
"""A test with this mark runs with a pooler in each mode; any other in the one that shares more."""


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> Mode:
    """How the pooler works."""
    chosen: Mode = getattr(request, "param", "transaction")
    return chosen


@pytest.fixture
def pooler(server: Server, mode: Mode) -> Iterator[Pooler]:
    """A pooler before the server."""
    path = found()
    if path is None:
        pytest.skip("there is no PgBouncer, and it cannot be installed")
    with Pooler(path, server.url("postgres"), mode, connections=ENOUGH[mode]) as pooler:
        yield pooler


@pytest.fixture
def queue(tmp_path: Path, server: Server, pooler: Pooler) -> Iterator[RealQueue]:
    """A queue of its own, whose programs go through the pooler, while the test looks directly."""
    url = server.create_database("queue")
    real = RealQueue(tmp_path, url=url, QUEUECTL_STORE=pooler.url("queue"))
    try:
        yield real
    finally:
        real.close()
        server.drop_database("queue")


def log_of(queue: RealQueue) -> str:
    with open(queue.home.worker_log, encoding="utf-8") as log:
        return log.read()


@BOTH_MODES
def test_the_founding_commands_work(queue: RealQueue) -> None:
    use(queue)
    assert "Traceback" not in log_of(queue)


def test_workers_share_the_jobs_without_a_loss(queue: RealQueue) -> None:
    lines = "".join(f'{{"id": "j{number}", "command": "echo {number} >>done"}}\n' for number in range(200))

    queue.start(count=6)
    queue.do("enqueue", "--file", "-", stdin=lines)

    eventually(lambda: queue.store.counts()["default"][State.COMPLETED] == 200)
    assert sorted(map(int, queue.lines("done"))) == list(range(200))
    assert "lost" not in log_of(queue)


def test_many_jobs_are_added_all_or_none(queue: RealQueue, pooler: Pooler) -> None:
    store = opened(pooler.url("queue"))
    assert list(store.enqueue([new_job("a"), new_job("b")])) == ["a", "b"]
    with pytest.raises(Conflict):
        store.enqueue([new_job("c"), new_job("b"), new_job("d")])
    assert list(store.enqueue([new_job("c"), new_job("d")])) == ["c", "d"]
    store.close()
    assert queue.do("list", "-q").split() == ["d", "c", "b", "a"]


@BOTH_MODES
def test_a_cancel_reaches_a_running_job(queue: RealQueue) -> None:
    queue.start()
    queue.enqueue("echo up >>started; exec sleep 1000", "--id", "a")
    queue.wait_for_lines("started")

    queue.do("cancel", "a")

    assert queue.wait("a").outcome is Outcome.CANCELLED


def test_a_busy_worker_that_nobody_can_call_looks_for_a_cancel_more_often_than_for_all_else(queue: RealQueue) -> None:
    queue.environ["QUEUECTL_LEASE"] = "1h"
    begin_with_constants(queue, LOOKING)
    queue.enqueue("echo up >>started; exec sleep 1000", "--id", "a")
    queue.start()
    queue.wait_for_lines("started")

    queue.do("cancel", "a")

    assert queue.wait("a").outcome is Outcome.CANCELLED


def test_who_starts_workers_is_told_once_what_a_pooler_means(queue: RealQueue) -> None:
    started = queue.run("worker", "start", "--count", "3")
    queue.stop()

    told = PoolerFound()
    assert started.out == "3 workers run (3 started)\n"
    assert started.err == f"the store is reached through a pooler: {told.meaning}\n  {told.advice}\n"
    (line,) = [line for line in log_of(queue).splitlines() if "pooler found" in line]
    assert line.endswith(f'pooler found meaning="{told.meaning}" advice="{told.advice}"')
    assert re.search(r"Z WARN supervisor\[\d+\] ", line)


def test_a_pooler_that_is_away_for_a_while_costs_no_job_anything(queue: RealQueue, pooler: Pooler) -> None:
    started = queue.start(count=2)
    gate = Gate(queue.directory / "gate")
    queue.enqueue("echo begun >>a; read _ <gate; echo ended >>a", "--id", "a")
    queue.wait_for_lines("a")

    pooler.stop()
    gate.open()
    queue.wait_for_event("store lost")
    assert queue.run("list").code == 5
    pooler.start()

    assert queue.wait("a").attempt == 1
    queue.wait_for_event("store back")
    assert queue.workers() == started
    assert queue.lines("a") == ["begun", "ended"]


def test_a_restart_of_the_server_behind_a_pooler_costs_no_job_anything(queue: RealQueue, server: Server) -> None:
    started = queue.start(count=2)
    lines = "".join(f'{{"id": "j{number}", "command": "echo {number} >>done"}}\n' for number in range(100))
    queue.do("enqueue", "--file", "-", stdin=lines)
    queue.wait_for_lines("done", 10)

    server.restart("immediate")

    eventually(lambda: queue.store.counts()["default"][State.COMPLETED] == 100)
    assert sorted(map(int, queue.lines("done"))) == list(range(100))
    assert queue.workers() == started
    assert "Traceback" not in log_of(queue)

"""A store that cannot be written for a while costs neither a job, nor a result, nor a worker."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import apsw
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from queuectl.job import Outcome, State
from tests.support.eventually import eventually
from tests.support.processes import FILES_ONLY, gone, kill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.support.gate import Gate
    from tests.support.processes import RealQueue

    Loss = Callable[[RealQueue], AbstractContextManager[None]]


@contextmanager
def write_lock_held(queue: RealQueue) -> Iterator[None]:
    """Be a writer that does not come to an end."""
    lock = os.open(queue.home.write_lock, os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def database_locked(queue: RealQueue) -> Iterator[None]:
    """Be another program that writes into the database, past queuectl's own lock."""
    database = apsw.Connection(queue.home.database)
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        database.execute("ROLLBACK")
        database.close()


@contextmanager
def disk_full(queue: RealQueue, size: int = 4096) -> Iterator[None]:
    """Let no file of a worker grow beyond a size, as on a disk that is full."""
    before = {worker.pid: resource.prlimit(worker.pid, resource.RLIMIT_FSIZE) for worker in queue.workers()}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def read_only(queue: RealQueue) -> Iterator[None]:
    """Be a server on which nobody may write, as after the promotion of another one."""
    with psycopg.connect(str(queue.url), autocommit=True) as server:
        name = Identifier(server.info.dbname)
        server.execute(SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        close_connections(queue, server)
        try:
            yield
        finally:
            server.execute(SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
            close_connections(queue, server)


def close_connections(queue: RealQueue, server: psycopg.Connection) -> None:
    """Let everybody connect anew, this process as well."""
    queue.close_store()
    server.execute("""
        SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
    """)


def losses(*losses: Loss) -> pytest.MarkDecorator:
    """Run a test with each loss, on the engine that knows it."""
    cases = [("postgres" if loss is read_only else "sqlite", loss) for loss in losses]
    return pytest.mark.parametrize(("queue", "loss"), cases, indirect=["queue"])


@losses(write_lock_held, database_locked, disk_full, read_only)
@pytest.mark.parametrize(("code", "state"), [(0, State.COMPLETED), (3, State.DEAD)])
def test_the_result_of_a_job_that_ended_without_a_store_is_recorded_when_it_is_back(
    queue: RealQueue, gate: Gate, loss: Loss, code: int, state: State
) -> None:
    (worker,) = queue.start()
    id = queue.enqueue(f"echo ran >> runs; read _ < gate; exit {code}", "--max-retries", "0")
    queue.wait_for_lines("runs")

    with loss(queue):
        gate.open()
        queue.wait_for_event("store lost")
        assert queue.job(id).state is State.PROCESSING

    job = queue.wait(id, state)
    assert (job.outcome, job.exit_code, job.attempt, job.crashes) == (Outcome.EXITED, code, 1, 0)
    assert queue.lines("runs") == ["ran"]
    queue.wait_for_event("store back")
    assert queue.workers() == [worker]


@FILES_ONLY
def test_a_disk_on_which_nothing_at_all_can_be_written_costs_no_worker(queue: RealQueue, gate: Gate) -> None:
    (worker,) = queue.start()
    id = queue.enqueue("echo $$ > pid; read _ < gate; echo output")
    (pid,) = queue.wait_for_lines("pid")

    with disk_full(queue, 0):
        gate.open()
        eventually(lambda: not os.path.exists(f"/proc/{pid}"))

    job = queue.wait(id, State.COMPLETED)
    assert (job.outcome, job.exit_code, job.attempt, job.crashes) == (Outcome.EXITED, 0, 1, 0)
    assert queue.workers() == [worker]


@losses(write_lock_held, database_locked, disk_full, read_only)
def test_a_store_that_is_lost_at_a_claim_is_asked_again(queue: RealQueue, loss: Loss) -> None:
    (worker,) = queue.start()
    queue.suspend(worker.pid)
    id = queue.enqueue("true")

    with loss(queue):
        kill(worker.pid, signal.SIGCONT)
        queue.wait_for_event("store lost")
        assert queue.job(id).state is State.PENDING

    job = queue.wait(id, State.COMPLETED)
    assert (job.attempt, job.crashes) == (1, 0)
    assert queue.workers() == [worker]


@losses(write_lock_held, database_locked, read_only)
def test_a_job_goes_on_and_can_be_read_while_the_store_is_lost(queue: RealQueue, gate: Gate, loss: Loss) -> None:
    queue.start()
    # `until`: the second read may meet the end of the first gate's line.
    id = queue.enqueue("echo up >> started; read _ < gate; echo on; until read _ < gate; do :; done")
    queue.wait_for_lines("started")

    with loss(queue):
        gate.open()
        eventually(lambda: queue.do("logs", id) == "on\n")
        assert queue.do("status")

    gate.open()
    assert queue.wait(id).state is State.COMPLETED


@losses(write_lock_held, read_only)
def test_a_time_limit_is_enforced_while_the_store_is_lost(queue: RealQueue, loss: Loss) -> None:
    queue.start()
    id = queue.enqueue("echo $$ > pid; exec sleep 1000", "--timeout", "3s", "--max-retries", "0")
    (pid,) = queue.wait_for_lines("pid")

    with loss(queue):
        eventually(lambda: not os.path.exists(f"/proc/{pid}"))

    assert queue.wait(id, State.DEAD).outcome is Outcome.TIMED_OUT


@losses(write_lock_held, read_only)
def test_a_stop_now_works_while_the_store_is_lost_and_counts_nothing(queue: RealQueue, gate: Gate, loss: Loss) -> None:
    queue.start()
    id = queue.enqueue("echo $$ >> pids; read _ < gate")
    (pid,) = queue.wait_for_lines("pids")

    with loss(queue):
        queue.stop("--now")
        assert gone(int(pid))

    queue.start()
    gate.open()
    job = queue.wait(id, State.COMPLETED)
    assert (job.attempt, job.failures, job.crashes) == (2, 0, 0)
    assert queue.attempts(id)[0].outcome is Outcome.GIVEN_BACK


@losses(write_lock_held, read_only)
def test_workers_that_are_started_while_the_store_is_lost_work_once_it_is_back(queue: RealQueue, loss: Loss) -> None:
    id = queue.enqueue("true")
    with loss(queue):
        start = queue.spawn("worker", "start")
        eventually(queue.supervisors)
        eventually(queue.workers)
        assert start.poll() is None

    assert start.communicate()[0] == "1 worker runs (1 started)\n"
    assert queue.wait(id).state is State.COMPLETED


@losses(write_lock_held, read_only)
def test_who_starts_workers_that_cannot_claim_for_long_is_told_once(queue: RealQueue, loss: Loss) -> None:
    queue.enqueue("true")
    (queue.directory / "sitecustomize.py").write_text("from queuectl.cli import worker\nworker.SAY_AFTER = 0\n")
    with loss(queue):
        start = queue.spawn(
            "worker", "start", env={"PYTHONPATH": f"{queue.directory}:{queue.environ.get('PYTHONPATH', '')}"}
        )
        assert start.stdout is not None
        told = start.stdout.readline()
        assert start.poll() is None

    assert told == f"not all workers can claim yet, still waiting; why is in {queue.home.worker_log}\n"
    assert start.communicate()[0] == "1 worker runs (1 started)\n"


@losses(write_lock_held, database_locked, read_only)
def test_workers_that_wait_for_a_lost_store_can_be_stopped(queue: RealQueue, loss: Loss) -> None:
    queue.do("config", "set", "grace", "1s")
    with loss(queue):
        start = queue.spawn("worker", "start")
        eventually(queue.workers)
        queue.stop()
        assert start.wait() != 0

    assert not queue.processes()

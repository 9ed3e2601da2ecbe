"""The lease of a worker: its holder ends before the store lets it end, though the machine sleeps meanwhile."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest

from queuectl.config import SHORTEST_LEASE
from queuectl.job import State
from queuectl.store.base import LEASE_ENDS_AFTER
from queuectl.store.postgres.engine import PostgresStore
from queuectl.worker import leasing, supervisor
from queuectl.worker.channel import Deadline
from tests.support.eventually import eventually
from tests.support.factories import WORKER, identity
from tests.support.processes import RealQueue, gone
from tests.support.startup import begin_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    """A store as workers have it."""
    store = PostgresStore(postgres_url, for_worker=True)
    yield store
    store.close()


LEASE = """
SELECT extract(epoch FROM lease_until - clock_timestamp()), extract(epoch FROM rescue_at - lease_until)
FROM queuectl.workers
"""


def lease_of_the_worker(url: str) -> tuple[float, float]:
    """Return for how many seconds its lease lasts, by the server's clock, and how many later others take its job."""
    with psycopg.connect(url) as connection:
        ((left, later),) = connection.execute(LEASE)
    return float(left), float(later)


def test_a_worker_ends_before_its_lease_and_that_before_others_take_its_job(
    store: PostgresStore, postgres_url: str
) -> None:
    lease = 3600.0
    told = Deadline()
    held = leasing.Leasing(store, WORKER, told.set)

    def ends_in_order() -> None:
        holder = told.get() - leasing.now()
        left, later = lease_of_the_worker(postgres_url)
        assert 0 < holder < left
        assert later > 0

    held.begin(lease, partial(store.register, identity(), lease))
    ends_in_order()
    assert held.renew(2 * lease).kept
    ends_in_order()
    assert told.get() - leasing.now() > lease, "as renewed"


def test_the_shortest_lease_leaves_the_supervisor_time_to_end_a_worker(store: PostgresStore, postgres_url: str) -> None:
    store.register(identity(), SHORTEST_LEASE)

    _, later = lease_of_the_worker(postgres_url)

    assert SHORTEST_LEASE * (1 - LEASE_ENDS_AFTER) + later >= 2 * supervisor.TICK


SUSPENDED = """
import time
def clock_gettime(clock, of=time.clock_gettime):
    asleep = float(open({file!r}).read()) if clock == time.CLOCK_BOOTTIME else 0.0
    return of(clock) + asleep
time.clock_gettime = clock_gettime
"""
"""What supervisors and workers begin with on a machine that was suspended for as many seconds as a file says.

Only CLOCK_BOOTTIME goes on meanwhile.
"""


def test_a_job_ends_when_a_machine_wakes_that_slept_for_longer_than_its_lease(
    tmp_path: Path, postgres_url: str
) -> None:
    asleep = tmp_path / "asleep"
    asleep.write_text("1000000")  # since it was started: no other clock may be mixed in
    queue = RealQueue(tmp_path, url=postgres_url, QUEUECTL_LEASE="1h")
    begin_with(queue, SUSPENDED.format(file=str(asleep)))
    try:
        (worker,) = queue.start()
        queue.enqueue("[ -e first ] && exit; touch first; sleep 1000", "--id", "a")
        eventually((tmp_path / "first").exists)
        queue.suspend(worker.pid)  # it might be faster, and renew

        (tmp_path / "longer").write_text("1003600")
        (tmp_path / "longer").rename(asleep)

        eventually(lambda: gone(worker.pid))
        job = queue.wait("a")
        assert (job.state, job.attempt) == (State.COMPLETED, 2)
        assert (job.crashes, job.interruptions) == (0, 0)
        queue.wait_for_event("lease lost")
    finally:
        queue.close()

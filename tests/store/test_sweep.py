"""Logs whose jobs the store has forgotten without saying which are swept away, and no others; on every engine."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from queuectl import joblogs, maintenance
from queuectl.config import settings
from queuectl.job import State
from queuectl.joblogs import LogWriter
from queuectl.maintenance import Pruner, Sweeper
from tests.support.factories import job

if TYPE_CHECKING:
    from queuectl.job import Job
    from queuectl.paths import Home
    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore


@pytest.fixture
def logs(store: Store, home: Home) -> str:
    return home.job_logs(store.id)


def printed(logs: str, seq: int, *, attempts: int = 1, minutes_ago: float = 60) -> None:
    """Leave logs of a job, as its worker did."""
    for attempt in range(1, attempts + 1):
        log = LogWriter(logs, seq, attempt, 1 << 20)
        log.write("stdout", b"hello\n")
        log.close()
    for path in Path(logs, "jobs", str(seq // 1000)).glob(f"{seq}.*"):
        os.utime(path, times=(time.time() - 60 * minutes_ago,) * 2)


def logged(logs: str) -> list[int]:
    return sorted(seq for batch in joblogs.jobs_logged(logs) for seq in batch)


def sweep(store: Store, home: Home) -> None:
    """Sweep until the end."""
    sweeper = Sweeper(store, home)
    for _ in range(10):
        sweeper.sweep(time.monotonic())


def forgotten_job(store: Store, logs: str) -> Job:
    """Return a job that the store has forgotten, whose logs were left."""
    gone = job(store, State.CANCELLED)
    printed(logs, gone.seq, attempts=2)
    for _ in store.clear():
        pass
    return gone


def test_logs_of_forgotten_jobs_go_and_those_of_others_stay(store: Store, home: Home, logs: str) -> None:
    forgotten_job(store, logs)
    kept = [job(store, state).seq for state in (State.COMPLETED, State.DEAD, State.PROCESSING, State.PENDING)]
    for seq in kept:
        printed(logs, seq)
    for seq in (2500, 2501, 10_000_000):
        printed(logs, seq)

    sweep(store, home)

    assert logged(logs) == kept
    assert os.listdir(Path(logs, "jobs")) == ["0"]


def test_retention_takes_every_name_of_a_log(store: Store, home: Home, logs: str) -> None:
    done = job(store, State.COMPLETED, now=datetime.now(UTC) - timedelta(days=9))
    printed(logs, done.seq, attempts=2)
    joblogs.link(logs, home.job_logs("f" * 32))
    pruner = Pruner(store, home)
    for number in range(4):
        pruner.prune(settings({}, {}), 1000.0 + number * maintenance.EVERY)

    assert store.get(done.id) is None
    assert logged(logs) == logged(home.job_logs("f" * 32)) == []


def test_a_log_that_was_just_written_to_stays_even_when_its_job_is_not_known(
    store: Store, home: Home, logs: str
) -> None:
    printed(logs, 7, minutes_ago=1)
    printed(logs, 8, minutes_ago=10)
    printed(logs, 9, attempts=2, minutes_ago=10)
    os.utime(Path(logs, "jobs", "0", "9.2.log"))

    sweep(store, home)

    assert logged(logs) == [7, 9]
    assert joblogs.attempts_logged(logs, 9) == [1, 2]


def test_a_worker_sweeps_at_its_first_round_and_once_an_hour(store: Store, home: Home, logs: str) -> None:
    pruner = Pruner(store, home)
    forgotten_job(store, logs)
    now = 1000.0
    for _ in range(3):
        pruner.prune(settings({}, {}), now)
    assert logged(logs) == []

    printed(logs, 12345)
    pruner.prune(settings({}, {}), now + maintenance.SWEEP_EVERY - 1)
    pruner.prune(settings({}, {}), now + maintenance.SWEEP_EVERY - 1)
    assert logged(logs) == [12345]
    for _ in range(3):
        pruner.prune(settings({}, {}), now + maintenance.SWEEP_EVERY)
    assert logged(logs) == []


def test_one_process_of_a_home_at_a_time_sweeps(store: Store, open_store: OpenStore, home: Home, logs: str) -> None:
    for seq in (1, 1000, 2000):
        printed(logs, seq)
    one, other = Sweeper(store, home), Sweeper(open_store(), home)

    one.sweep(0.0)
    other.sweep(0.0)
    assert logged(logs) == [1000, 2000]

    for _ in range(3):
        one.sweep(1.0)
    assert logged(logs) == []
    printed(logs, 1)
    other.sweep(maintenance.SWEEP_EVERY)
    assert logged(logs) == []


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_logs_of_the_queue_in_the_same_home_stay(store: Store, home: Home) -> None:
    printed(home.logs, 5)

    sweep(store, home)

    assert logged(home.logs) == [5]

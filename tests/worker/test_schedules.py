"""Workers make the jobs of schedules, idle or busy, killed or not: nobody else is needed for it."""

from __future__ import annotations

import os
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from queuectl import config
from queuectl.job import State
from queuectl.paths import Home
from queuectl.schedule.catchup import CatchUp
from queuectl.schedule.record import NewSchedule, Outcome, Overlap
from queuectl.store.sqlite.engine import SqliteStore
from queuectl.worker.ticking import Ticking
from tests.support.eventually import eventually
from tests.support.factories import WORKER, claimed
from tests.support.processes import kill

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    import pytest

    from queuectl.job import Job
    from tests.support.gate import Gate
    from tests.support.processes import RealQueue


def add(queue: RealQueue, command: str, times: str = "every 1s", *, ago: float = 0.0, **given: object) -> None:
    """Add a schedule, as if it had been added so many seconds ago, and wake whom `schedule add` wakes."""
    job = f'{{"command": "{command}", "cwd": "{queue.directory}"}}'
    schedule = NewSchedule("often", times, "UTC", job, caller_env={"PATH": queue.environ["PATH"]})
    now = queue.store.now() - timedelta(seconds=ago)
    queue.store.schedules().add([schedule._replace(**given)], now)  # type: ignore[arg-type]
    queue.store.wake_idle()


def made(queue: RealQueue) -> list[Job]:
    """Return the jobs of the schedule, oldest first."""
    return sorted((job for job in queue.store.list() if job.flow.schedule == "often"), key=lambda job: job.seq)


def wait_for(queue: RealQueue, count: int, state: State | None = None) -> list[Job]:
    """Wait until the schedule has made so many jobs that have come to a state."""

    def enough() -> list[Job]:
        jobs = [job for job in made(queue) if state in (None, job.state)]
        assert len(jobs) >= count, made(queue)
        return jobs

    return eventually(enough)


def ticks(queue: RealQueue) -> list[datetime | None]:
    return [job.flow.tick for job in made(queue)]


def test_idle_workers_make_each_tick_one_job_when_it_comes(queue: RealQueue) -> None:
    queue.start(count=3)
    add(queue, "echo $QUEUECTL_SCHEDULE $QUEUECTL_TICK >>seen")

    jobs = wait_for(queue, 4, State.COMPLETED)

    assert len(set(ticks(queue))) == len(ticks(queue))
    for job in jobs:
        assert job.flow.tick is not None
        assert job.created_at >= job.flow.tick
    told = {f"often {job.flow.tick.isoformat().replace('+00:00', 'Z')}" for job in jobs if job.flow.tick}
    assert told <= set(queue.lines("seen"))


def test_an_idle_worker_wakes_for_the_tick_itself(queue: RealQueue) -> None:
    """Its looks, one a second, are put off here for longer than the test lasts."""
    (queue.directory / "sitecustomize.py").write_text("import queuectl.worker.loop as loop; loop.TICK = 300.0\n")
    path = f"{queue.directory}{os.pathsep}{queue.environ.get('PYTHONPATH', '')}"
    workers = queue.start(env={"PYTHONPATH": path})
    add(queue, "true", overlap=Overlap.QUEUE)

    wait_for(queue, 3, State.COMPLETED)

    assert queue.workers() == workers, "one that is silent is replaced, and its successor looks when it begins"


def test_whoever_ends_a_job_for_a_tick_tells_its_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(str(tmp_path / "home"))
    home.create()
    store = SqliteStore(home)
    told: list[str] = []
    monkeypatch.setattr(store, "wake_worker", told.append)
    schedule = NewSchedule("often", "every 1s", "UTC", '{"command": "true"}', overlap=Overlap.REPLACE)
    store.schedules().add([schedule], store.now() - timedelta(seconds=1.5))
    ticking = Ticking(store, lambda _: None)
    settings = config.settings({}, {})
    assert ticking.make_due(settings, time.time()) == 1
    claimed(store, now=store.now())

    eventually(lambda: ticking.make_due(settings, time.time()) > 0)

    assert told[:1] == [WORKER]
    store.close()


def test_a_tick_does_not_wait_for_a_worker_that_is_free(queue: RealQueue, gate: Gate) -> None:
    queue.start()
    busy = queue.enqueue("read _ < gate")
    queue.wait(busy, State.PROCESSING)
    add(queue, "true", overlap=Overlap.QUEUE)

    if queue.url is None:  # on a server a worker that is busy learns of a new schedule later
        wait_for(queue, 2)
    gate.open()

    assert all(job.state in (State.PENDING, State.PROCESSING, State.COMPLETED) for job in wait_for(queue, 3))


def test_workers_that_start_make_up_for_what_was_missed(queue: RealQueue) -> None:
    add(queue, "true", "every 2h", ago=5 * 3600, catch_up=CatchUp.ALL, overlap=Overlap.QUEUE)

    queue.start(count=2)

    jobs = wait_for(queue, 2, State.COMPLETED)
    assert [queue.store.now() - tick > timedelta(minutes=59) for tick in ticks(queue) if tick] == [True, True]
    assert len(jobs) == 2


def test_what_was_missed_is_said_in_the_log(queue: RealQueue) -> None:
    add(queue, "true", "every 2h", ago=3 * 3600, catch_up=CatchUp.NONE)

    queue.start()

    queue.wait_for_event("tick missed schedule=often")
    assert [tick.outcome for tick in queue.store.schedules().ticks("often")] == [Outcome.MISSED]
    assert made(queue) == []


def test_a_tick_that_replaces_ends_the_command_of_the_one_before(queue: RealQueue) -> None:
    queue.start(count=2)
    add(queue, "sleep 600", overlap=Overlap.REPLACE)

    (first, *_) = wait_for(queue, 1, State.CANCELLED)

    assert first.attempt <= 1
    wait_for(queue, 3)


def test_a_tick_is_skipped_while_the_command_runs(queue: RealQueue) -> None:
    queue.start(count=2)
    add(queue, "sleep 600")
    (running,) = wait_for(queue, 1, State.PROCESSING)

    def skipped() -> None:
        outcomes = Counter(tick.outcome for tick in queue.store.schedules().ticks("often"))
        assert outcomes[Outcome.SKIPPED] >= 2, outcomes

    eventually(skipped)
    assert made(queue) == [running]


def test_whoever_is_killed_no_tick_makes_two_jobs(queue: RealQueue) -> None:
    queue.start(count=3)
    add(queue, "true", overlap=Overlap.QUEUE)
    for count in range(1, 6):
        wait_for(queue, count)
        for worker in queue.workers():
            kill(worker.pid)
    seen = len(made(queue))

    wait_for(queue, seen + 2, State.COMPLETED)

    found = [tick for tick in ticks(queue) if tick is not None]
    assert max(Counter(found).values()) == 1
    assert found == [found[0] + timedelta(seconds=n) for n in range(len(found))]  # and none was lost

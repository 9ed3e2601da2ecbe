"""Power fails after every step that real programs do to the disk; `make power` looks at more of them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from queuectl.job import FINISHED, State
from tests.crash import power
from tests.crash.promises import Recording, Session, finished, record, use
from tests.support.children import PRELUDE
from tests.support.eventually import eventually
from tests.support.mortal import mortal
from tests.support.processes import RealQueue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.crash.recorder import Weakness

RUN_WITHOUT_A_FLUSH = f"""
{PRELUDE}
from tests.support.eventually import eventually

home.create()
store = SqliteStore(home, sync_every=3600)
job = eventually(lambda: store.claim(WORKER, COOKIE))
store.finish(job, WELL)
os._exit(0)
"""
"""A worker that runs one job and is gone before it has put anything on disk."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Everything that can be asked of a queue, and workers at work."""
    return record(tmp_path_factory.mktemp("recording"))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = Session(tmp_path)
    try:
        yield session
    finally:
        session.queue.close()


def after_all_of(recording: Recording) -> power.Cut:
    """Return the cut after the last step, which loses everything that was not synced."""
    return power.Cut(len(recording.steps), 0, 0)


def test_what_was_acknowledged_survives_a_loss_of_power_after_any_step(recording: Recording) -> None:
    report = power.fail(recording, power.every_cut(recording, seed=1))

    assert report.broken == {}
    assert report.cuts == 2 * (1 + len(recording.steps))


def test_workers_bring_to_an_end_what_a_loss_of_power_left(recording: Recording, tmp_path: Path) -> None:
    told = [step.path.partition(": ")[2] if step.what == "told" else "" for step in recording.steps]
    cancelled = told.index("cancel runs0") + 1
    image = power.left_by(recording, power.Cut(cancelled, 0, 0))
    image.write(recording.disk, str(tmp_path))
    queue = RealQueue(tmp_path, recording.home.removeprefix(f"{recording.disk}/"))
    try:
        queue.do("worker", "start", "--foreground", "--drain")

        states = {job.id: job.state for job in queue.store.list()}
        assert states.pop("late") is State.PENDING
        assert states["runs0"] is State.CANCELLED
        assert set(states.values()) <= FINISHED
    finally:
        queue.close()


def test_the_end_of_a_run_reaches_the_disk_though_nothing_else_happens(session: Session) -> None:
    session.queue.start()
    id = session.queue.enqueue("true")

    def on_disk() -> None:
        recording = session.recording()
        with power.store_left_by(recording, after_all_of(recording)) as store:
            job = store.get(id)
            assert job is not None
            assert job.state is State.COMPLETED

    eventually(on_disk)


@pytest.mark.parametrize("words", [("wait", "job"), ("run", "--id", "job", "-c", "true")], ids=["wait", "run"])
def test_the_end_of_a_job_is_on_disk_before_it_is_reported(session: Session, words: tuple[str, ...]) -> None:
    queue = session.queue
    if words[0] == "wait":
        queue.enqueue("true", "--id", "job")
    with mortal(subprocess.Popen([sys.executable, "-c", RUN_WITHOUT_A_FLUSH, queue.home.path], env=queue.environ)):
        queue.do(*words)

    recording = session.recording()
    with power.store_left_by(recording, after_all_of(recording)) as store:
        assert finished("job")(store)


@pytest.mark.parametrize("weakness", ["commits", "directories"])
def test_a_promise_that_is_broken_on_purpose_is_noticed(tmp_path: Path, weakness: Weakness) -> None:
    recording = record(tmp_path, use, weakness)

    report = power.fail(recording, power.every_cut(recording, seed=1))

    assert report.broken.keys() >= {f"not kept: {name}" for name in recording.promises}

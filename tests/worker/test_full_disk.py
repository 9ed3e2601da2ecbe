"""A disk on which not even an empty file can be made: what a rescue needs is not there, and it waits."""

from __future__ import annotations

import os
import subprocess
from itertools import count
from typing import TYPE_CHECKING

import pytest

from queuectl.job import State
from tests.support.eventually import DEADLINE, eventually
from tests.support.processes import RealQueue, kill
from tests.support.stores import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = 60
"""Files that the small disk has room for."""


@pytest.fixture(params=ENGINES)
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RealQueue]:
    """A queue on a disk of its own that has room for few files."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"nr_inodes={FILES}", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, timeout=DEADLINE, check=False).returncode != 0:
        pytest.skip("only root can mount a small disk")
    queue = RealQueue(disk, url=request.getfixturevalue("postgres_url") if request.param == "postgres" else None)

    def unmounted() -> None:  # a process that was killed lets go of its files a moment after it has lost all else
        assert subprocess.run(["umount", disk], timeout=DEADLINE, check=False).returncode == 0

    try:
        yield queue
    finally:
        queue.close()
        eventually(unmounted)


def fill(directory: Path) -> list[Path]:
    """Make files until the disk has room for no more, and return them."""
    made: list[Path] = []
    for number in count():
        path = directory / f"filler{number}"
        try:
            path.touch()
        except OSError:
            return made
        made.append(path)
    raise AssertionError


def test_a_rescue_that_cannot_make_its_lock_waits_for_room(small: RealQueue) -> None:
    small.start(count=2)
    filler = fill(small.directory)
    id = small.enqueue("[ $QUEUECTL_ATTEMPT = 1 ] || exit 0; sleep 1000")
    lost = small.worker_of(id)
    assert not os.path.exists(small.home.rescue_lock)

    kill(lost.pid)
    assert small.wait(small.enqueue("true", "--run-at", "+3s")).state is State.COMPLETED
    assert (small.job(id).state, small.job(id).attempt) == (State.PROCESSING, 1)
    for path in filler:
        path.unlink()

    job = small.wait(id)
    assert (job.state, job.attempt, job.crashes) == (State.COMPLETED, 2, 1)
    assert os.path.exists(small.home.rescue_lock)


def test_workers_that_start_on_a_full_disk_work_once_there_is_room(small: RealQueue) -> None:
    small.start()
    [member] = small.workers()
    filler = fill(small.directory)

    kill(member.pid)
    small.wait_for_event("store lost")
    for path in filler:
        path.unlink()

    assert small.wait(small.enqueue("true")).state is State.COMPLETED


def test_workers_that_wait_for_room_can_be_stopped(small: RealQueue) -> None:
    small.start()
    [member] = small.workers()
    filler = fill(small.directory)
    kill(member.pid)
    small.wait_for_event("store lost")

    small.stop()

    assert not small.processes()
    for path in filler:
        path.unlink()

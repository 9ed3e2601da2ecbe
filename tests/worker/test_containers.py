"""Workers in containers: they have the kernel in common, and do not see each other's processes."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from queuectl.job import State
from tests.support.eventually import DEADLINE
from tests.support.processes import RealQueue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
"""Words before a command that is to see no processes but its own."""


@pytest.fixture
def image(tmp_path: Path, postgres_url: str) -> Iterator[RealQueue]:
    """A queue whose home may be in several containers."""
    if (
        shutil.which("unshare") is None
        or subprocess.run([*CONTAINER, "true"], capture_output=True, timeout=DEADLINE, check=False).returncode
    ):
        pytest.skip("no namespaces of processes are permitted here")
    image = RealQueue(tmp_path, "image", postgres_url)
    image.home.create()
    image.home.identity()
    yield image
    image.close()


def start(queue: RealQueue) -> None:
    """Start a worker in a container of its own, and return when it has forgotten others that are gone."""
    queue.prefix = CONTAINER
    supervisor = queue.spawn("worker", "start", "--foreground")
    queue.prefix = ()
    assert supervisor.stdout is not None
    assert any("worker started" in line for line in supervisor.stdout)


def copied(image: RealQueue, name: str) -> RealQueue:
    shutil.copytree(image.home.path, image.directory / name)
    return RealQueue(image.directory, name, image.url)


def test_containers_of_one_image_do_not_take_each_others_jobs(image: RealQueue) -> None:
    one, two = copied(image, "one"), copied(image, "two")
    try:
        start(one)
        one.do("enqueue", "--id", "a", "-c", "echo up >>started; exec sleep 1000")
        one.wait_for_lines("started")

        start(two)
        one.do("run", "--", "true")  # by the other one, which has looked for lost jobs before

        job = one.job("a")
        assert (job.state, job.attempt) == (State.PROCESSING, 1)
    finally:
        two.close()
        one.close()


def test_a_worker_in_another_container_with_the_same_home_keeps_its_lease(image: RealQueue) -> None:
    start(image)
    (first,) = image.store.workers()

    start(image)

    there = [worker.identity for worker in image.store.workers()]
    assert first.identity in there
    assert len(there) == 2


def test_a_machine_may_have_any_name(image: RealQueue) -> None:
    named = "printf 'a\\377' >/proc/sys/kernel/hostname && exec \"$@\""
    image.prefix = ("unshare", "--uts", "sh", "-c", named, "-")

    image.start()

    assert [worker.identity.host for worker in image.store.workers()] == ["a\N{REPLACEMENT CHARACTER}"]
    assert "HOST" not in image.do("worker", "list")

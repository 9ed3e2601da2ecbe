"""Dependencies, arrays and batches, with real workers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from queuectl.job import State

if TYPE_CHECKING:
    from tests.support.gate import Gate
    from tests.support.processes import RealQueue


def test_a_chain_runs_in_its_order_on_several_workers(queue: RealQueue) -> None:
    last = queue.enqueue("echo 0 >> order")
    for number in range(1, 6):
        last = queue.enqueue(f"echo {number} >> order", "--after", last)

    queue.start(count=3)
    queue.wait(last, State.COMPLETED)

    assert queue.lines("order") == list("012345")


def test_a_worker_that_sleeps_hears_that_its_job_has_no_parent_any_more(queue: RealQueue, gate: Gate) -> None:
    parent = queue.enqueue("read _ < gate")
    both = "echo here >> ran; until [ $(wc -l < ran) = 2 ]; do sleep 0.05; done"
    children = [queue.enqueue(both, "--after", parent) for _ in range(2)]
    queue.start(count=2)

    gate.open()

    for child in children:  # each ends only beside the other
        queue.wait(child, State.COMPLETED)


def test_a_parent_that_dies_takes_its_children_along_and_brings_them_back(queue: RealQueue) -> None:
    parent = queue.enqueue("test -e repaired", "--max-retries", "0")
    child = queue.enqueue("echo ran >> child", "--after", parent)
    otherwise = queue.enqueue("echo told >> alarm", "--after", f"fail:{parent}")
    queue.start()
    queue.wait(parent, State.DEAD)
    queue.wait(child, State.CANCELLED)
    queue.wait(otherwise, State.COMPLETED)

    (queue.directory / "repaired").touch()
    queue.do("retry", parent)

    queue.wait(child, State.COMPLETED)
    assert (queue.lines("child"), queue.lines("alarm")) == (["ran"], ["told"])


def test_an_array_knows_its_indexes_and_ends_in_what_follows_it(queue: RealQueue) -> None:
    queue.start(count=2)
    command = "echo $QUEUECTL_BATCH $QUEUECTL_ARRAY_INDEX >> ran"
    queue.do("enqueue", "--id", "arr", "--array", "1-5", "--then", "wc -l < ran > then", "-c", command)

    then = next(job["id"] for job in json.loads(queue.do("list", "--json")) if job["batch_role"] == "then")
    queue.wait(then, State.COMPLETED)

    assert sorted(queue.lines("ran")) == [f"arr {n}" for n in range(1, 6)]
    assert queue.lines("then") == ["5"]

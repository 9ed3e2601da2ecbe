"""Workers that serve some queues, and limits, with real processes."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

from queuectl.job import State
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.support.processes import RealQueue


def test_a_worker_runs_the_jobs_of_its_queues_alone(queue: RealQueue) -> None:
    queue.start("--queue", "mail")
    other = queue.enqueue("true", "--queue", "reports")
    mine = [queue.enqueue("true", "--queue", "mail") for _ in range(3)]

    for id in mine:
        queue.wait(id, State.COMPLETED)
    assert queue.job(other).state is State.PENDING
    (worker,) = json.loads(queue.do("worker", "list", "--json"))
    assert worker["queues"] == "mail"

    queue.start()
    queue.wait(other, State.COMPLETED)


def test_jobs_of_the_first_queue_go_before_those_of_the_second(queue: RealQueue) -> None:
    for n in range(3):
        queue.enqueue(f"echo low-{n} >> order", "--queue", "low", "--priority", "9")
        queue.enqueue(f"echo high-{n} >> order", "--queue", "high")

    queue.do("worker", "start", "--foreground", "--drain", "--queue", "high,low")

    order = (queue.directory / "order").read_text().split()
    assert order == [f"{name}-{n}" for name in ("high", "low") for n in range(3)]


def test_queues_with_weights_take_turns(queue: RealQueue) -> None:
    lines = [{"command": f"echo {name} >> order", "queue": name} for name in "ab" for _ in range(6)]
    queue.do("enqueue", "--file", "-", stdin="\n".join(map(json.dumps, lines)))

    queue.do("worker", "start", "--foreground", "--drain", "--queue", "a:3,b:1")

    order = (queue.directory / "order").read_text().split()
    assert order[:8] == list("aabaaaba")
    assert sorted(order) == list("aaaaaabbbbbb")


def test_who_drains_some_queues_ends_although_others_have_jobs(queue: RealQueue) -> None:
    left = queue.enqueue("true", "--queue", "other")
    done = queue.enqueue("true", "--queue", "mine")

    queue.do("worker", "start", "--foreground", "--drain", "--queue", "mine")

    assert [queue.job(id).state for id in (done, left)] == [State.COMPLETED, State.PENDING]


def test_a_sleeping_worker_is_woken_although_others_serve_another_queue(queue: RealQueue) -> None:
    queue.start("--queue", "a", count=3)
    queue.start("--queue", "b")

    for _ in range(5):
        queue.wait(queue.enqueue("true", "--queue", "b"), State.COMPLETED)


def test_who_enqueues_what_nobody_serves_is_told(queue: RealQueue) -> None:
    queue.start("--queue", "mail:2,gpu:1")

    assert queue.run("enqueue", "--queue", "gpu", "--", "true").err == ""
    told = queue.run("enqueue", "--queue", "reports", "--", "true").err
    assert told == "no worker serves queue reports; start one: queuectl worker start --queue reports\n"


def test_no_more_run_at_once_than_the_queue_allows_and_all_do_in_the_end(queue: RealQueue) -> None:
    queue.do("queue", "set", "few", "--concurrency", "2")
    queue.start(count=4)
    jobs = [queue.enqueue("until [ -e go ]; do sleep 0.02; done", "--queue", "few") for _ in range(4)]
    other = queue.enqueue("true")
    queue.wait(other, State.COMPLETED)

    eventually(lambda: sum(queue.job(id).held_by is not None for id in jobs) == 2)
    assert sum(queue.job(id).state is State.PROCESSING for id in jobs) == 2

    (queue.directory / "go").touch()
    for id in jobs:
        queue.wait(id, State.COMPLETED)


def test_a_resumed_queue_goes_on_at_once(queue: RealQueue) -> None:
    queue.start(count=2)
    queue.do("queue", "pause", "mail")
    jobs = [queue.enqueue("true", "--queue", "mail") for _ in range(3)]
    eventually(lambda: all(queue.job(id).held_by == "queue:mail" for id in jobs))

    queue.do("queue", "resume", "mail")

    for id in jobs:
        queue.wait(id, State.COMPLETED)


def test_a_pause_that_ends_by_itself_wakes_a_sleeping_worker(queue: RealQueue) -> None:
    queue.start()
    queue.do("queue", "pause", "mail", "--for", "0.5s")

    queue.wait(queue.enqueue("true", "--queue", "mail"), State.COMPLETED)


def test_a_rate_lets_jobs_start_one_after_the_other(queue: RealQueue) -> None:
    queue.do("queue", "set", "slow", "--rate", "1/0.3s")
    queue.start(count=2)
    jobs = [queue.enqueue("true", "--queue", "slow") for _ in range(4)]
    for id in jobs:
        queue.wait(id, State.COMPLETED)

    starts = sorted(job.started_at for job in map(queue.job, jobs) if job.started_at is not None)
    assert len(starts) == 4
    assert all((later - start).total_seconds() >= 0.3 for start, later in itertools.pairwise(starts))


def test_jobs_of_a_key_run_one_after_the_other_whichever_worker_has_them(queue: RealQueue) -> None:
    command = "mkdir inside && rmdir inside"  # it fails when another one is inside
    lines = [{"command": command, "key": "k", "max_retries": 0} for _ in range(12)]
    ids = queue.do("enqueue", "--file", "-", stdin="\n".join(map(json.dumps, lines))).split()

    queue.do("worker", "start", "--foreground", "--drain", "--count", "4")

    assert {queue.job(id).state for id in ids} == {State.COMPLETED}

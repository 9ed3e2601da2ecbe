"""Limits under several processes, some of which are killed: never more at once, never more in a time, nothing stuck."""

from __future__ import annotations

import signal
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from queuectl.job import State
from queuectl.lifecycle import Loss
from queuectl.rules import Limits, NewPause, Rate
from tests.support import children
from tests.support.factories import new_job

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from subprocess import Popen

    from queuectl.job import Attempt, Job
    from queuectl.store.base import Store

WORKER = """
import random
from tests.support.stores import opened

store = opened(sys.argv[1], sync_every=1.0)
name, ways = sys.argv[2], [WELL, WELL, WELL, BADLY]
running = []
say("ready")
sys.stdin.readline()
while running or store.unfinished():
    if len(running) < 3 and (job := store.claim(name, COOKIE)) is not None:
        running.append(job)
        say(job.id)
    elif running:
        job = running.pop(random.randrange(len(running)))
        _, job = store.finish_and_claim(job, random.choice(ways), COOKIE)
        if job is not None:
            running.append(job)
            say(job.id)
store.close()
"""
"""A process that has three jobs at a time, of which some fail, until none is left."""


def workers(place: str, number: int) -> list[Popen[str]]:
    """Start processes that begin at the same moment."""
    programs = [children.start(WORKER, place, name) for name in "abcdefgh"[:number]]
    for program in programs:
        children.heard(program, "ready")
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("\n")
        program.stdin.flush()
    return programs


def end(programs: Iterable[Popen[str]]) -> None:
    for program in programs:
        said, _ = program.communicate(timeout=120)
        assert (program.returncode, "Traceback" in said) == (0, False), said[-2000:]


def runs(store: Store, jobs: Iterable[Job]) -> list[Attempt]:
    return [run for job in jobs for run in store.attempts(job.seq)]


def most_at_once(runs: Iterable[Attempt]) -> int:
    """Return how many of some runs there were at once, at most. One that begins as another ends is not beside it."""
    changes = [(run.started_at, 1) for run in runs] + [(run.finished_at, -1) for run in runs]
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def by_key(store: Store) -> dict[str, list[Job]]:
    found: dict[str, list[Job]] = defaultdict(list)
    for job in store.list():
        if job.flow.key is not None:
            found[job.flow.key].append(job)
    return found


def check(store: Store, limits: dict[str, int], *, all_ended: bool = True) -> None:
    """Compare what has run at once with what may have."""
    jobs = list(store.list())
    if all_ended:
        assert {job.state for job in jobs} <= {State.COMPLETED, State.DEAD}
    assert {job.held_by for job in jobs} == {None}
    for queue, limit in limits.items():
        of_queue = runs(store, [job for job in jobs if job.queue == queue])
        assert len(of_queue) > limit
        assert most_at_once(of_queue) <= limit, queue
    for key, keyed in by_key(store).items():
        assert most_at_once(runs(store, keyed)) <= int(key.partition("/")[2]), key


def mixed(number: int, *, max_retries: int = 0) -> list[object]:
    """Return jobs of queues and keys with several limits, and plain ones."""
    return [
        new_job(
            f"j-{n}",
            queue=("one", "two", "free", "free")[n % 4],
            key=None if n % 3 == 0 else f"k{n % 5}/{1 + n % 5 % 2}",
            limit=1 + n % 5 % 2,
            priority=n % 7,
            max_retries=max_retries,
        )
        for n in range(number)
    ]


def test_no_limit_is_ever_exceeded_and_no_job_is_forgotten(place: str, store: Store) -> None:
    store.limit_queue("one", Limits(concurrency=1))
    store.limit_queue("two", Limits(concurrency=2))
    store.enqueue(mixed(400))  # type: ignore[arg-type]

    end(workers(place, 4))

    check(store, {"one": 1, "two": 2})


def test_a_rate_holds_over_several_processes(place: str, store: Store) -> None:
    store.limit_queue("slow", Limits(rate=Rate(20, 0.5)))
    store.enqueue(new_job(queue="slow", max_retries=0) for _ in range(70))

    end(workers(place, 4))

    starts = sorted(run.started_at for run in runs(store, store.list()))
    assert len(starts) == 70
    spans: list[tuple[datetime, datetime]] = list(zip(starts, starts[20:], strict=False))
    assert min((last - first).total_seconds() for first, last in spans) >= 0.5
    assert starts == sorted(starts)
    assert all(first <= later for first, later in pairwise(starts))


def test_the_death_of_a_process_neither_holds_a_place_nor_gives_one_twice(place: str, store: Store) -> None:
    store.limit_queue("one", Limits(concurrency=1))
    store.limit_queue("two", Limits(concurrency=2))
    store.enqueue(mixed(300))  # type: ignore[arg-type]
    programs = workers(place, 4)
    for turn in range(6):
        victim = programs[turn % 3]
        assert victim.stdout is not None
        for _ in range(3):
            victim.stdout.readline()
        victim.send_signal(signal.SIGKILL)
        victim.communicate()
        for running in store.running():
            if running.job.worker == "abc"[turn % 3]:
                store.rescue(running.job, Loss.CRASHED)
        programs[turn % 3] = again(place, "abc"[turn % 3])

    end(programs)

    check(store, {"one": 1, "two": 2})


def again(place: str, name: str) -> Popen[str]:
    program = children.start(WORKER, place, name)
    children.heard(program, "ready")
    assert program.stdin is not None
    program.stdin.write("\n")
    program.stdin.flush()
    return program


def test_limits_that_change_while_jobs_run_leave_none_behind(place: str, store: Store) -> None:
    store.enqueue(mixed(400))  # type: ignore[arg-type]
    programs = workers(place, 3)
    for turn in range(40):
        store.limit_queue("one", Limits(concurrency=1 + turn % 3))
        store.pause_queue("two", NewPause("ann@here"))
        store.limit_queue("free", Limits(rate=Rate(1000, 1.0)))
        store.resume_queue("two")
    store.forget_rule("free")

    end(programs)

    check(store, {})

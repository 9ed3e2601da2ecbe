"""The steady state of a worker's store, each job finished as the next is claimed, with a million jobs around."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from fill import fill
from pairs import compare
from results import Line, at_least

from queuectl.cli.app import open_worker_store
from queuectl.job import NO_FLOW, Ended, NewJob, Outcome, Policy
from queuectl.rules import Limits, NewPause, Rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench import Bench
    from pairs import Pairs

    from queuectl.paths import Home
    from queuectl.store.base import Store

POLICY = Policy()
WELL = Ended(Outcome.EXITED, exit_code=0, duration=0.001)


def measure(bench: Bench) -> Iterator[Line]:
    """Measure each crowd of jobs against 1,000 that wait and nothing else."""
    many = bench.amount(1_000_000, 2000)
    few = bench.amount(1000, 100)
    calls = bench.amount(500, 50)
    crowds = {
        f"{many:,} waiting": {"waiting": many},
        f"{few:,} waiting and {many:,} scheduled for later": {"waiting": few, "scheduled": many},
        f"{few:,} waiting and {many:,} in history": {"waiting": few, "finished": many},
    }
    with bench.home() as home:
        base = _Claimer(home, {"waiting": few})
        for name, crowd in crowds.items():
            pairs = _compare(bench, calls, base, crowd)
            floor, ours = pairs.medians
            yield Line(
                "claim",
                f"finish and next claim, {name}",
                f"{ours:,.0f}/s",
                f"{few:,} waiting: {floor:,.0f}/s",
                pairs.ratio,
                "x",
                at_least(0.8),
                pairs.spread,
            )
        base.close()
    yield _under_rules(bench, many, calls)


def _under_rules(bench: Bench, many: int, calls: int) -> Line:
    """Measure claims where every queue has a limit, a rate or a pause, and every job a key, against plain ones."""
    with bench.home() as home:
        plain = _Claimer(home, {"waiting": many})
        pairs = _compare(bench, calls, plain, {"ruled": many})
        plain.close()
    floor, ours = pairs.medians
    return Line(
        "claim",
        f"finish and next claim, {many:,} waiting in 1,000 queues with limits, rates and pauses, 10,000 keys",
        f"{ours:,.0f}/s",
        f"{many:,} waiting, plain: {floor:,.0f}/s",
        pairs.ratio,
        "x",
        at_least(0.5),
        pairs.spread,
    )


def _compare(bench: Bench, calls: int, base: _Claimer, crowd: dict[str, int]) -> Pairs:
    with bench.home() as home:
        claimer = _Claimer(home, crowd)
        pairs = compare(3 * bench.rounds, lambda: base.rate(calls), lambda: claimer.rate(calls))
        claimer.close()
    return pairs


class _Claimer:
    """A worker that runs nothing, on a queue that stays as full as it was."""

    def __init__(self, home: Home, crowd: dict[str, int]) -> None:
        fill(home, **crowd)
        os.sync()  # or the write-back of the fill is measured too
        self._store: Store = open_worker_store(home, None)
        self._ruled = "ruled" in crowd
        if self._ruled:
            _set_rules(self._store)
        self._enqueued = 0
        self.rate(10)  # the first pages have to be read once

    def rate(self, calls: int) -> float:
        """Return the claims a second of so many; they were enqueued before, so that as many wait as at first."""
        self._store.enqueue(self._new(self._enqueued + n) for n in range(calls + 1))
        self._enqueued += calls + 1
        job = self._store.claim("w", "c" * 32)
        began = time.perf_counter()
        for _ in range(calls):
            if job is None:
                raise SystemExit("there was nothing to claim")
            _, job = self._store.finish_and_claim(job, WELL, "c" * 32)
        seconds = time.perf_counter() - began
        if job is not None:
            self._store.finish(job, WELL)
        return calls / seconds

    def _new(self, number: int) -> NewJob:
        new = NewJob(f"more-{number}", POLICY, command="true")
        if not self._ruled:
            return new
        flow = NO_FLOW._replace(key=f"k{number * 7919 % 10000}", key_limit=1 + number % 2)
        return new._replace(queue=f"q{number % 1000}", flow=flow)

    def close(self) -> None:
        self._store.close()


def _set_rules(store: Store) -> None:
    """Pause each tenth of the queues that `fill` makes, and limit the others."""
    for number in range(1000):
        if number % 10 == 0:
            store.pause_queue(f"q{number}", NewPause("benchmark"))
        else:
            limits = Limits(rate=Rate(1000, 1.0)) if number % 3 == 0 else Limits(concurrency=2)
            store.limit_queue(f"q{number}", limits)

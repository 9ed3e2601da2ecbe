"""What a user looks at, as processes, with a million jobs and with a thousand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fill import fill
from pairs import compare
from processes import run
from results import Line, at_most

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench import Bench

    from queuectl.paths import Home

VERBS = ("list", "list --state pending", "list --state completed", "status", "metrics")


def measure(bench: Bench) -> Iterator[Line]:
    """Measure the tables for people, on queues of which half is history and a quarter each waits for now and later."""
    many = bench.amount(1_000_000, 2000)
    few = bench.amount(1000, 100)
    with bench.home() as small, bench.home() as large:
        _fill(small, few)
        _fill(large, many)
        os.sync()
        for verb in VERBS:
            pairs = compare(4 * bench.rounds, _seconds(bench, small, verb), _seconds(bench, large, verb))
            floor, ours = pairs.medians
            yield Line(
                "reading",
                f"`{verb}` as a process, {many:,} jobs",
                f"{1000 * ours:.0f} ms",
                f"{few:,} jobs: {1000 * floor:.0f} ms",
                pairs.ratio,
                "x",
                at_most(2.0),
                pairs.spread,
            )


def _seconds(bench: Bench, home: Home, verb: str) -> Callable[[], float]:
    """Return what measures a command on a home."""
    words, environ = [bench.program.script, *verb.split()], bench.program.environ(home)
    return lambda: run(words, environ).seconds


def _fill(home: Home, jobs: int) -> None:
    fill(home, waiting=jobs // 4, scheduled=jobs // 4, finished=jobs // 2)

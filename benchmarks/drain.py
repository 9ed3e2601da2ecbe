"""A drain of shell jobs, against xargs: how fast, and for how much CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pairs import Pairs, alternate
from processes import run
from results import Line, at_least, at_most

from queuectl.job import State
from queuectl.store.sqlite.engine import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench import Bench

    from queuectl.paths import Home


class Drain(NamedTuple):
    """What a drain gave."""

    steady: float
    """Jobs a second between the first that was finished and the last."""
    whole: float
    """Jobs a second from the start of the first process to the end of the last."""
    cpu: float
    """Seconds of CPU a job, of all processes from their start to their end."""


def measure(bench: Bench) -> Iterator[Line]:
    """Measure `true`, two at a time. xargs starts in a millisecond, so that its two rates are one."""
    jobs = bench.amount(2000, 20)
    plain = bench.directory / "true.list"
    plain.write_text("true\n" * jobs, encoding="utf-8")
    lines = bench.directory / "true.jsonl"
    lines.write_text('{"command": "true"}\n' * jobs, encoding="utf-8")
    program = bench.program

    def floor() -> Drain:
        with bench.home() as home:
            cost = run(["xargs", "-P2", "-n1", "sh", "-c"], program.environ(home), str(plain))
        return Drain(jobs / cost.seconds, jobs / cost.seconds, cost.cpu / jobs)

    def ours() -> Drain:
        with bench.home() as home:
            environ = program.environ(home)
            run([program.script, "enqueue", "--file", "-"], environ, str(lines))
            words = [program.script, "worker", "start", "--foreground", "--count", "2", "--drain"]
            cost = run(words, environ)
            return Drain(_steady_rate(home, jobs), jobs / cost.seconds, cost.cpu / jobs)

    floors, own = alternate(bench.rounds, floor, ours)
    for what, figures, budget in (
        ("first to last finished job", "steady", at_least(0.85)),
        ("start and end of supervisor and workers included", "whole", None),
    ):
        pairs = Pairs([getattr(drain, figures) for drain in floors], [getattr(drain, figures) for drain in own])
        raw_rate, rate = pairs.medians
        yield Line(
            "drain",
            f"drain of {jobs:,} shell jobs `true`, 2 workers: {what}",
            f"{rate:,.0f}/s",
            f"`xargs -P2 -n1 sh -c`: {raw_rate:,.0f}/s",
            pairs.ratio,
            "x",
            budget,
            pairs.spread,
        )
    pairs = Pairs([drain.cpu for drain in floors], [drain.cpu for drain in own])
    yield Line(
        "drain",
        "CPU of such a job, all processes, their start included",
        f"{1000 * pairs.medians[1]:.2f} ms",
        f"`xargs -P2 -n1 sh -c`: {1000 * pairs.medians[0]:.2f} ms",
        pairs.ratio,
        "x",
        at_most(1.375),  # 1.1 ms on a machine on which xargs takes 0.8
        pairs.spread,
    )


def _steady_rate(home: Home, jobs: int) -> float:
    """Return the rate between the first result and the last; every result has to be there."""
    store = SqliteStore(home)
    ends = sorted(
        job.finished_at.timestamp() for job in store.list(State.COMPLETED) if job.finished_at and job.exit_code == 0
    )
    store.close()
    if len(ends) != jobs:
        raise SystemExit(f"{jobs - len(ends)} of {jobs} jobs have no result")
    return (jobs - 1) / (ends[-1] - ends[0])

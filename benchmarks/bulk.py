"""Bulk enqueue as a process, against executemany of the smallest durable job table; and its memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pairs import compare
from processes import peak_while_printing, run
from raw import RawTable
from results import Line, at_least, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench import Bench

WORDS = ("enqueue", "--file", "-")


def measure(bench: Bench) -> Iterator[Line]:
    """Measure the rate, start-up of the process included, and the peak of memory at three sizes."""
    count = bench.amount(100_000, 1000)
    lines = _job_lines(bench, count)

    def floor() -> float:
        table = RawTable(bench.directory)
        began = time.perf_counter()
        table.insert_many(count)
        seconds = time.perf_counter() - began
        table.close()
        return count / seconds

    def ours() -> float:
        with bench.home() as home:
            return count / run([bench.program.script, *WORDS], bench.program.environ(home), lines).seconds

    pairs = compare(bench.rounds, floor, ours)
    raw_rate, rate = pairs.medians
    yield Line(
        "bulk",
        f"bulk enqueue of {count:,}, `enqueue --file -` as a process",
        f"{rate:,.0f}/s",
        f"apsw executemany of (id, command, state, priority, created), one transaction: {raw_rate:,.0f}/s",
        pairs.ratio,
        "x",
        at_least(0.3),
        pairs.spread,
    )
    yield _memory(bench)


def _memory(bench: Bench) -> Line:
    sizes = (10_000, 20_000, 30_000) if bench.quick else (10_000, 100_000, 300_000)
    peaks = []
    for size in sizes:
        with bench.home() as home:
            words = [bench.program.script, *WORDS]
            peaks.append(peak_while_printing(words, bench.program.environ(home), _job_lines(bench, size)))
    return Line(
        "bulk",
        f"its peak of memory, {sizes[-1]:,} jobs",
        ", ".join(f"{peak:.1f}" for peak in peaks[1:]) + f" MiB at {sizes[1]:,}, {sizes[2]:,}",
        f"itself at {sizes[0]:,} jobs: {peaks[0]:.1f} MiB",
        peaks[-1] / peaks[0],
        "x",
        at_most(1.1),
    )


def _job_lines(bench: Bench, count: int) -> str:
    """Return the path of a file with so many jobs, one a line."""
    path = bench.directory / f"{count}.jsonl"
    path.write_text('{"command": "true"}\n' * count, encoding="utf-8")
    return str(path)

"""Bulk enqueue as a process, against executemany of the smallest durable job table; and its memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import apsw
from pairs import Pairs, alternate
from processes import peak_while_printing, run
from raw import RawTable
from results import Line, at_least, at_most

from queuectl.store.sqlite.queries import statement

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

    floors, own = alternate(bench.rounds, lambda: (floor(), _same_rows(bench, count)), ours)
    pairs = Pairs([smallest for smallest, _ in floors], own)
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
    pairs = Pairs([same for _, same in floors], own)
    yield Line(
        "bulk",
        "the same, against its own rows",
        f"{rate:,.0f}/s",
        f"apsw executemany of all its columns into its own tables, ids and indexes: {pairs.medians[0]:,.0f}/s",
        pairs.ratio,
        "x",
        None,
        pairs.spread,
    )
    yield _memory(bench)


def _same_rows(bench: Bench, count: int) -> float:
    """Return how many rows a second go into the tables of a queue, when nothing is read, checked or counted."""
    now, flow = time.time_ns() // 1000, (None,) * 11
    rows = (
        (
            *(f"{number:013}", "default", 0, "true", None, 3, None, 1, "/", b"", b"", None, None, 0),
            *flow,
            now,
            "pending",
        )
        for number in range(count)
    )
    with bench.home() as home:
        database = apsw.Connection(home.database)
        database.execute("PRAGMA synchronous = FULL")
        database.execute(statement("keep_terms"), (2.0, 3600.0, 0.0, 3, 0o22, b"PATH=/usr/bin:/bin\0"))
        began = time.perf_counter()
        with database:
            database.executemany(statement("enqueue"), rows)
        seconds = time.perf_counter() - began
        database.close()
    return count / seconds


def _memory(bench: Bench) -> Line:
    # Below 30,000 the page caches of the two databases are not full.
    sizes = (30_000, 40_000, 50_000) if bench.quick else (30_000, 100_000, 300_000)
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

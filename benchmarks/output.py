"""A job that prints a gigabyte, against `cat` of the same from a pipe into a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pairs import compare
from processes import MIB, peak_memory, run
from results import Line, at_least, at_most

from queuectl.config import KEYS, settings
from queuectl.joblogs import files
from queuectl.store.sqlite.engine import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench import Bench

    from queuectl.paths import Home

LINE = "The quick brown fox jumps over the lazy dog and goes on to the end of a line so long"
"""With its end 85 bytes: what a program logs, rather than the 2 bytes of a bare `yes`."""


def measure(bench: Bench) -> Iterator[Line]:
    """Measure the whole job, on a worker that has run a job of a tenth of the output before."""
    size = bench.amount(1_000_000_000, 30_000_000)
    target = bench.directory / "cat.out"
    logs: list[int] = []
    with bench.home() as home, bench.workers(home, 1) as (_, worker):
        environ = bench.program.environ(home)

        def floor() -> float:
            seconds = run(["sh", "-c", f"{_producer(size)} | cat >'{target}'"], environ).seconds
            os.unlink(target)
            return size / seconds / 1e6

        def ours() -> float:
            seconds, log = _run_job(bench, home, size)
            logs.append(log)
            return size / seconds / 1e6

        _run_job(bench, home, size // 10)
        before = peak_memory(worker)
        pairs = compare(bench.rounds, floor, ours)
        after = peak_memory(worker)
    raw_rate, rate = pairs.medians
    cap = settings({}, {}).log_cap
    yield Line(
        "output",
        f"{size / 1e6:,.0f} MB of job output",
        f"{rate:,.0f} MB/s",
        f"`cat` from a pipe into a file: {raw_rate:,.0f} MB/s",
        pairs.ratio,
        "x",
        at_least(0.3),
        pairs.spread,
    )
    yield Line(
        "output",
        f"peak of the worker's memory after {len(logs)} such jobs",
        f"{after:.1f} MiB",
        f"after one of {size / 1e7:,.0f} MB: {before:.1f} MiB",
        after / before,
        "x",
        at_most(1.1),
    )
    yield Line(
        "output",
        "largest log of such a job",
        f"{max(logs) / MIB:.2f} MiB",
        f"log_cap: {KEYS['log_cap'].default}",
        max(logs) / cap,
        "x",
        at_most(1.0),
    )


def _producer(size: int) -> str:
    return f"yes '{LINE}' | head -c {size}"


def _run_job(bench: Bench, home: Home, size: int) -> tuple[float, int]:
    """Run a job that prints so many bytes; return the seconds from claim to record, and the bytes of its log."""
    id = f"print-{size}-{os.urandom(4).hex()}"
    bench.program.do(home, "enqueue", "--id", id, "--command", _producer(size))
    bench.program.do(home, "wait", id)
    store = SqliteStore(home)
    job = store.get(id)
    store.close()
    if job is None or job.started_at is None or job.finished_at is None:
        raise SystemExit(f"job {id} has not completed")
    return (job.finished_at - job.started_at).total_seconds(), files.size(home.logs, job.seq, 1)

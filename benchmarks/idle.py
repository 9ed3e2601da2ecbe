"""Workers that have nothing to do: their CPU, their writes, their memory."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from processes import cpu_so_far, shared_memory, written_so_far
from results import Line, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench import Bench

    from queuectl.paths import Home

WORKERS = 4
MORE = 5

PEERS = "no floor; peers are in the text"


def measure(bench: Bench) -> Iterator[Line]:
    """Measure workers that have each run something, some seconds later."""
    seconds = bench.amount(20, 1)
    settle = bench.amount(3, 1)
    with bench.home() as home, bench.workers(home, WORKERS) as pids:
        _run_something(bench, home, WORKERS)
        time.sleep(settle)
        files = _files(home)
        cpu, written = sum(map(cpu_so_far, pids)), sum(map(written_so_far, pids))
        time.sleep(seconds)
        cpu, written = sum(map(cpu_so_far, pids)) - cpu, sum(map(written_so_far, pids)) - written
        changed = [name for name, found in _files(home).items() if files.get(name) != found]
        memory = shared_memory(pids)
    yield Line(
        "idle",
        f"CPU of a supervisor and {WORKERS} idle workers, {seconds} s",
        f"{1000 * cpu:.1f} ms",
        PEERS,
        100 * cpu / seconds,
        "% of a core",
        at_most(0.5),
    )
    yield Line(
        "idle",
        "what they write meanwhile",
        f"files changed: {', '.join(changed) or 'none'}",
        PEERS,
        written if written or not changed else len(changed),
        "bytes",
        at_most(0),
    )
    yield Line("idle", "their memory (PSS)", f"{memory:.1f} MiB", PEERS, memory, "MiB", at_most(35))
    with bench.home() as home, bench.workers(home, WORKERS + MORE) as pids:
        _run_something(bench, home, WORKERS + MORE)
        time.sleep(settle)
        larger = shared_memory(pids)
    yield Line(
        "idle",
        f"memory of each further worker, {MORE} more",
        f"{larger:.1f} MiB in all",
        f"{WORKERS} workers: {memory:.1f} MiB",
        (larger - memory) / MORE,
        "MiB",
        at_most(5),
    )


def _run_something(bench: Bench, home: Home, workers: int) -> None:
    """Let every worker run a job: as many at once as there are workers."""
    ids = [f"j{number}" for number in range(workers)]
    for id in ids:
        bench.program.do(home, "enqueue", "--id", id, "--command", "echo hi; sleep 0.5")
    bench.program.do(home, "wait", *ids)


def _files(home: Home) -> dict[str, tuple[int, int]]:
    """Return size and time of the last change of every file of a home. Opens none: that would drop SQLite's locks."""
    found = {}
    for directory, _, names in os.walk(home.path):
        for name in names:
            stat = os.stat(os.path.join(directory, name))
            found[name] = (stat.st_size, stat.st_mtime_ns)
    return found

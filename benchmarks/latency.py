"""From the call of enqueue to the start of the command on an idle worker, against a direct spawn."""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

from pairs import alternate, percentile
from results import Line, at_most

from queuectl.queue import Queue
from queuectl.request import JobRequest
from queuectl.store.sqlite.engine import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bench import Bench

WORKERS = 2

DEADLINE = 30


def measure(bench: Bench) -> Iterator[Line]:
    """Measure jobs that come one by one, in gaps that no interval of a poll could meet.

    Command and spawn alike stamp with `date`, so that what `sh` and `date` cost is in both.
    """
    stamps = bench.directory / "stamps"
    command = f"date +%s%N >>'{stamps}'"
    with bench.home() as home, bench.workers(home, WORKERS):
        store = SqliteStore(home)
        queue = Queue(store, os.environ)
        floors, own = alternate(
            bench.amount(40 * bench.rounds, 2),
            lambda: _latency(stamps, lambda: _spawn(command)),
            lambda: _latency(stamps, lambda: queue.enqueue(JobRequest(command=command))),
        )
        store.close()
    for name, share, limit in (("p50", 0.5, 2.0), ("p99", 0.99, 8.0)):
        floor, ours = percentile(floors, share), percentile(own, share)
        yield Line(
            "latency",
            f"call of enqueue to start of the command, idle worker, {name} of {len(own)}",
            f"{ours:.2f} ms",
            f"posix_spawn of the same command: {floor:.2f} ms",
            ours - floor,
            "ms more",
            at_most(limit),
        )


def _spawn(command: str) -> None:
    pid = os.posix_spawn("/bin/sh", ("sh", "-c", command), os.environ)
    os.waitpid(pid, 0)


def _latency(stamps: Path, start: Callable[[], object]) -> float:
    """Return the milliseconds from before a call to the stamp of the command that it starts."""
    stamps.write_bytes(b"")
    time.sleep(random.uniform(0.02, 0.12))  # noqa: S311  guards nothing
    began = time.time_ns()
    start()
    deadline = time.monotonic() + DEADLINE
    while not (text := stamps.read_text(encoding="ascii")).endswith("\n"):
        if time.monotonic() > deadline:
            raise SystemExit(f"a command has not started within {DEADLINE} s")
        time.sleep(0.01)
    return (int(text) - began) / 1e6

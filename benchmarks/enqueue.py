"""One durable enqueue in process, against one insert of the smallest durable job table."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from pairs import compare
from raw import RawTable
from results import Line, at_least

from queuectl.queue import Queue
from queuectl.request import JobRequest
from queuectl.store.sqlite.engine import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench import Bench

REQUEST = JobRequest(command="true")


def measure(bench: Bench) -> Iterator[Line]:
    """Measure slices of calls, many short ones: the disk is what varies most."""
    calls = bench.amount(100, 5)
    table = RawTable(bench.directory)
    with bench.home() as home:
        store = SqliteStore(home)
        queue = Queue(store, os.environ)
        pairs = compare(
            6 * bench.rounds,
            lambda: _rate(calls, table.insert),
            lambda: _rate(calls, lambda: queue.enqueue(REQUEST)),
        )
        store.close()
    table.close()
    floor, ours = pairs.medians
    yield Line(
        "enqueue",
        "enqueue, one durable call in process",
        f"{ours:,.0f}/s",
        f"one apsw insert transaction, synchronous=FULL, 5 columns and one index: {floor:,.0f}/s",
        pairs.ratio,
        "x",
        at_least(0.8),
        pairs.spread,
    )


def _rate(calls: int, call: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return calls / (time.perf_counter() - began)

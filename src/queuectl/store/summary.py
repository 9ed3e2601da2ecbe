"""Owns what a histogram of durations says in seven figures. Pure; for every engine."""

from __future__ import annotations

from queuectl import histogram
from queuectl.store.base import Durations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def summary(lines: Sequence[Sequence[int]]) -> Durations | None:
    """Summarise histogram lines of (bucket, n, total, shortest, longest), in microseconds; None when there are none."""
    if not lines:
        return None
    buckets: dict[int, int] = {}
    for number, n, *_ in lines:
        buckets[number] = buckets.get(number, 0) + n
    count = sum(buckets.values())
    shortest, longest = min(line[3] for line in lines), max(line[4] for line in lines)
    p50, p95, p99 = (min(max(histogram.percentile(buckets, share), shortest), longest) for share in (0.5, 0.95, 0.99))
    mean = sum(line[2] for line in lines) / count
    return Durations(count, *(figure / 1e6 for figure in (mean, shortest, longest, p50, p95, p99)))

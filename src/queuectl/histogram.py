"""Owns the logarithmic histogram in which the durations of runs are kept: bucket numbers and percentiles. Pure.

A duration is placed in bucket ceil(log_gamma(us)), and read back as 2 * gamma**i / (gamma + 1), which is at
most 5 % off (DDSketch: Masson, Rim, Lee, VLDB 2019, section 2).
"""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

ERROR = 0.05
GAMMA = (1 + ERROR) / (1 - ERROR)
_LOG_GAMMA = math.log(GAMMA)


def bucket(microseconds: int) -> int:
    """Return the number of the bucket that a duration belongs to; everything up to 1 us is bucket 0."""
    if microseconds <= 1:
        return 0
    return math.ceil(math.log(microseconds) / _LOG_GAMMA)


def percentile(buckets: Mapping[int, int], share: float) -> float:
    """Return the duration in microseconds that `share` (0 to 1) of the runs do not exceed.

    `buckets` maps bucket numbers to how many runs are in each; at least one run is there.
    """
    rank = max(1, math.ceil(share * sum(buckets.values())))
    seen = 0
    for number in sorted(buckets):
        seen += buckets[number]
        if seen >= rank:
            return 2 * GAMMA**number / (GAMMA + 1)
    raise ValueError("no runs in the histogram")

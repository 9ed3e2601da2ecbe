"""Owns how two things are compared on a machine that is never quite quiet.

The floor runs right before queuectl, again and again: A B A B. A ratio is taken between neighbours, so that what
slows the machine slows both, and the median of the ratios is the result.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


class Pairs(NamedTuple):
    """Figures of the floor and of queuectl, neighbours at the same index."""

    floor: Sequence[float]
    ours: Sequence[float]

    @property
    def ratio(self) -> float:
        """Median of the ratios, queuectl by floor."""
        return median(self._ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """The least and the greatest ratio."""
        return min(self._ratios), max(self._ratios)

    @property
    def medians(self) -> tuple[float, float]:
        """The median of the floor and that of queuectl."""
        return median(self.floor), median(self.ours)

    @property
    def _ratios(self) -> list[float]:
        return [ours / floor for floor, ours in zip(self.floor, self.ours, strict=True)]


def alternate(rounds: int, floor: Callable[[], T], ours: Callable[[], T]) -> tuple[list[T], list[T]]:
    """Measure the floor and queuectl by turns; return what each gave."""
    floors: list[T] = []
    own: list[T] = []
    for _ in range(rounds):
        floors.append(floor())
        own.append(ours())
    return floors, own


def compare(rounds: int, floor: Callable[[], float], ours: Callable[[], float]) -> Pairs:
    """Measure the floor and queuectl by turns, one figure each."""
    return Pairs(*alternate(rounds, floor, ours))


def percentile(figures: Sequence[float], share: float) -> float:
    """Return the figure that `share` (0 to 1) of the figures do not exceed."""
    ordered = sorted(figures)
    return ordered[round(share * (len(ordered) - 1))]

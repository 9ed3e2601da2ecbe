"""Owns the words of a result: a line of the table, its budget, and the ways to show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HEAD = ("What", "queuectl", "Floor", "Result", "Budget", "Kept")


class Budget(NamedTuple):
    """What a figure has to keep."""

    limit: float
    at_least: bool

    def kept(self, value: float) -> bool:
        """Return whether a figure keeps it."""
        return value >= self.limit if self.at_least else value <= self.limit


def at_least(limit: float) -> Budget:
    """Return the budget of a figure that should be large."""
    return Budget(limit, at_least=True)


def at_most(limit: float) -> Budget:
    """Return the budget of a figure that should be small."""
    return Budget(limit, at_least=False)


class Line(NamedTuple):
    """One line of the table."""

    row: str
    """Name of the row to which it belongs: what is given to `run.py` to measure it again."""
    what: str
    ours: str
    floor: str
    """What queuectl is held against, and its figure."""
    value: float
    """The figure that the budget is about."""
    unit: str
    budget: Budget | None = None
    spread: tuple[float, float] | None = None
    """Least and greatest of the figures whose median is `value`."""

    @property
    def kept(self) -> bool | None:
        """Whether the budget is kept; None without one."""
        return None if self.budget is None else self.budget.kept(self.value)

    def cells(self) -> tuple[str, ...]:
        """Return the line as it stands in the table, below `HEAD`."""
        result = f"{_number(self.value)} {self.unit}"
        if self.spread is not None:
            result += f" ({_number(self.spread[0])} to {_number(self.spread[1])})"
        budget = ""
        if self.budget is not None:
            budget = f"{'≥' if self.budget.at_least else '≤'} {_number(self.budget.limit)} {self.unit}"
        kept = {None: "", True: "yes", False: "**no**"}[self.kept]
        return (self.what, self.ours, self.floor, result, budget, kept)


def markdown(rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, `HEAD` included."""
    lines = [HEAD, ("---",) * len(HEAD), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def fields(line: Line) -> dict[str, object]:
    """Return a line for a program."""
    budget = None if line.budget is None else line.budget._asdict()
    return {**line._asdict(), "budget": budget, "kept": line.kept}


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"

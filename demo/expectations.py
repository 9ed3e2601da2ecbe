"""What has to be and what is, side by side: the table at the end, which decides the exit code."""

from __future__ import annotations

from typing import NamedTuple


class Expectation(NamedTuple):
    """One thing that has to be so."""

    what: str
    expected: object
    found: object

    @property
    def holds(self) -> bool:
        """Whether it is so."""
        return self.expected == self.found


def table(expectations: list[Expectation]) -> list[str]:
    """Return a line for each expectation, and one that sums them up."""
    rows = [(expectation.what, _shown(expectation.found), _verdict(expectation)) for expectation in expectations]
    first, second = (max(map(len, column)) for column in list(zip(*rows, strict=True))[:2])
    wrong = sum(not expectation.holds for expectation in expectations)
    count = len(expectations)
    sum_up = f"{wrong} of {count} NOT as expected" if wrong else f"all {count} as expected"
    return [*(f"{what:{first}}  {found:{second}}  {verdict}" for what, found, verdict in rows), "", sum_up]


def _verdict(expectation: Expectation) -> str:
    return "as expected" if expectation.holds else f"NOT as expected: {_shown(expectation.expected)}"


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)

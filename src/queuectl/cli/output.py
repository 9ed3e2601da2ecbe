"""Owns how a command speaks: data on stdout as a table, JSON or ids; messages on stderr.

Must not know jobs: it is given rows, and JSON values that `wire` made.
"""

from __future__ import annotations

import sys

from queuectl.cli import terminal
from queuectl.cli.terminal import columns_of, fitting
from queuectl.quoting import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from queuectl.errors import QueuectlError

GAP = "  "
LEAST = 13
"""Columns that each column of a table keeps on a narrow terminal: a generated id is so long."""


class Output:
    """The two streams of a command, as its options ask for them."""

    def __init__(self, format: str, when_colour: str, environ: Mapping[str, str], *, quiet: bool) -> None:
        self.format = format
        """table, json or jsonl."""
        self.quiet = quiet
        """Whether only ids are wanted, and no messages."""
        self.json = format != "table"
        self.columns = terminal.width_of(sys.stdout, environ)
        """Width of the terminal; None when stdout is none."""
        self.coloured = terminal.wants_colour(when_colour, sys.stdout, environ)

    def line(self, text: str) -> None:
        """Write one line of data."""
        sys.stdout.write(f"{text}\n")

    def say(self, text: str) -> None:
        """Write a message, unless messages are not wanted."""
        if not self.quiet:
            sys.stdout.flush()
            sys.stderr.write(f"{terminal.safe(text)}\n")
            sys.stderr.flush()

    def complain(self, error: QueuectlError) -> None:
        """Write what is wrong, and what to do."""
        sys.stdout.flush()
        sys.stderr.write(render_error(error, json=self.json))
        sys.stderr.flush()

    def value(self, value: object) -> None:
        """Write one JSON value."""
        from queuectl.wire import dumps  # noqa: PLC0415  not every command needs JSON

        self.line(dumps(value))

    def values(self, values: Iterable[object]) -> None:
        """Write a JSON array, or a line for each value; nothing is gathered in memory."""
        from queuectl.wire import dumps  # noqa: PLC0415

        if self.format == "jsonl":
            for value in values:
                self.line(dumps(value))
            return
        before = "["
        for value in values:
            sys.stdout.write(f"{before}{dumps(value)}")
            before = ",\n "
        self.line("[]" if before == "[" else "]")

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[str]], *, right: str = "", state: str = "") -> None:
        """Write rows below titles, cut to the terminal, the last column first; `right` names columns of numbers."""
        widths = _widths(titles, rows)
        last = None
        if self.columns is not None:
            *widths[:-1], last = _shared(widths, self.columns)
        to_right = [title in right.split() for title in titles]
        for number, row in enumerate((titles, *rows)):
            cells = [
                _pad(cut(cell, width), width, right=aligned)
                for cell, width, aligned in zip(row[:-1], widths, to_right, strict=False)
            ]
            cells.append(_pad(cut(row[-1], last), widths[-1] if to_right[-1] else 0, right=True))
            if self.columns is not None:
                cells = _fit(cells, self.columns)
            if self.coloured and state and number and (at := titles.index(state)) < len(cells):
                cells[at] = terminal.paint(row[at], cells[at])
            self.line(GAP.join(cells).rstrip())

    def whole_table(self, titles: Sequence[str], rows: Sequence[Sequence[str]], *, right: str = "") -> None:
        """Write a table of which no column may be missing: where it does not fit, a line for each value of a row."""
        if self.columns is None or _least(_widths(titles, rows)) <= self.columns:
            self.table(titles, rows, right=right)
            return
        width = max(map(columns_of, titles))
        for number, row in enumerate(rows):
            if number:
                self.line("")
            for title, cell in zip(titles, row, strict=True):
                self.line(f"{_pad(title, width, right=False)}{GAP}{cell}")


def _widths(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(columns_of, column)) for column in zip(titles, *rows, strict=True)]


def _least(widths: Sequence[int]) -> int:
    """Return the columns that a table takes when only its last column is cut."""
    return sum(width + len(GAP) for width in widths[:-1]) + min(widths[-1], LEAST)


def _shared(widths: Sequence[int], columns: int) -> list[int]:
    """Return the widths with which a table fits, if it can: long columns give way, at most half is any but the last."""
    most = max(LEAST, columns // 2)
    while most > LEAST and _least([*(min(width, most) for width in widths[:-1]), widths[-1]]) > columns:
        most -= 1
    given = [min(width, most) for width in widths[:-1]]
    return [*given, max(LEAST, columns - sum(width + len(GAP) for width in given))]


def _pad(cell: str, width: int, *, right: bool) -> str:
    blanks = " " * (width - columns_of(cell))
    return blanks + cell if right else cell + blanks


def _fit(cells: list[str], columns: int) -> list[str]:
    """Cut a line that is still too long from its end, cell by cell, so that no escape is cut."""
    kept = []
    for cell in cells:
        if columns <= 0:
            break
        kept.append(cell if columns_of(cell) <= columns else cut(cell.rstrip(), columns))
        columns -= columns_of(cell) + len(GAP)
    return kept


def cut(text: str, width: int | None) -> str:
    """Shorten text to a width, the last character an ellipsis where something is missing."""
    if width is None or columns_of(text) <= width:
        return text
    ellipsis = "…" if (sys.stdout.encoding or "").lower().startswith("utf") else "~"
    return fitting(text, width - 1) + ellipsis


def render_error(error: QueuectlError, *, json: bool) -> str:
    """Return the line, or with a hint the two lines, that a user gets for an error."""
    if json:
        from queuectl.wire import dumps, error_fields  # noqa: PLC0415

        return f"{dumps(error_fields(error))}\n"
    hint = f"\n  {shortened(terminal.safe(error.hint))}" if error.hint else ""
    return f"queuectl: error: {shortened(terminal.safe(error.message))}{hint}\n"

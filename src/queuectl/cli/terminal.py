"""Owns what reaches a terminal: which stream is one, how wide, in colour or not, and text made harmless for it.

Must not know what is shown.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

COLOURS = {
    "completed": "32",
    "processing": "36",
    "failed": "33",
    "dead": "31",
    "cancelled": "2",
    "blocked": "2",
}
"""SGR codes of the words for states; pending stays plain."""


def safe(text: str, keep: str = "") -> str:
    """Return text in which nothing moves a cursor, hides or reorders: unprintable characters become escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def columns_of(text: str) -> int:
    """Return the columns that printable text takes: two for each wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # noqa: PLC0415  0.4 ms, for text beyond ASCII

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def fitting(text: str, columns: int) -> str:
    """Return the beginning of a text that takes at most so many columns."""
    if columns_of(text) <= columns:
        return text
    kept = text[: max(0, columns)]
    while columns_of(kept) > columns:
        kept = kept[:-1]
    return kept


def width_of(stream: TextIO, environ: Mapping[str, str]) -> int | None:
    """Return the columns of a terminal (COLUMNS wins); None when the stream is none."""
    if not stream.isatty():
        return None
    columns = environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and 0 < int(columns) < 10_000:
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


def wants_colour(when: str, stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether to colour; `when` is auto, always or never."""
    if when != "auto":
        return when == "always"
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def paint(state: str, text: str) -> str:
    """Return text in the colour of a state."""
    code = COLOURS.get(state)
    return f"\x1b[{code}m{text}\x1b[0m" if code else text

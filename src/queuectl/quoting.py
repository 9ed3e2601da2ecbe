"""Owns how something that a user wrote is shown inside a message: short, in double quotes, on one line.

Whatever a message is made of, `shortened` keeps it to a length that can be read.
"""

from __future__ import annotations

LONGEST = 60
"""Characters of it that are shown."""
LONGEST_LINE = 300
"""Characters of a message or a piece of advice."""


def quoted(text: str) -> str:
    """Return text in double quotes, cut if it is long, with control characters and surrogates escaped."""
    shown = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
    return f'"{repr(shown)[1:-1]}"'


def shortened(line: str) -> str:
    """Return a line whose middle is left out if it is longer than `LONGEST_LINE`."""
    half = (LONGEST_LINE - 3) // 2
    return line if len(line) <= LONGEST_LINE else f"{line[:half]}...{line[-half:]}"

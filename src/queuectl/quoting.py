"""Owns how something that a user wrote is shown inside a message: short, in double quotes, on one line."""

from __future__ import annotations

LONGEST = 60
"""Characters of it that are shown."""


def quoted(text: str) -> str:
    """Return text in double quotes, cut if it is long, with control characters and surrogates escaped."""
    shown = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
    return f'"{repr(shown)[1:-1]}"'

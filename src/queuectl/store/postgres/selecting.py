"""Owns what a `Selection` is as values of the statements of this engine, whose condition is in queries/parts."""

from __future__ import annotations

import json
import re

from queuectl.selection import ANYTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from queuectl.selection import Selection

BLANK = "\\000"
"""How encode(..., 'escape') writes the NUL after a word."""


def values(selection: Selection) -> dict[str, Any]:
    """Return the values for `{selected}`, and for `scheduled`."""
    like = selection.command_like
    return {
        "queues": list(selection.queues) or None,
        "tags": json.dumps(selection.tags) if selection.tags else None,
        "batch": selection.batch,
        "command": None if like is None else _pattern(like),
        "words": None if like is None else _pattern(_escaped(like)),
        "older_than": selection.older_than,
        "scheduled": selection.scheduled,
        "paused": selection.paused,
    }


def _pattern(like: str) -> str:
    """Return a pattern of LIKE for a piece of a command; ~ is what escapes in it."""
    literal = re.sub("([~%_])", r"~\1", like)
    return f"%{literal.replace(ANYTHING, '%')}%"


def _escaped(text: str) -> str:
    """Return text as the condition sees it in the words of a program: as encode writes bytes, but NULs as blanks."""
    written = "".join(
        r"\\" if byte == ord("\\") else chr(byte) if byte < 0x80 else f"\\{byte:03o}" for byte in text.encode()
    )
    return written.replace(BLANK, " ")

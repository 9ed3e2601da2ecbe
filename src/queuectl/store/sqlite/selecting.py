"""Owns what a `Selection` is as values of the statements of this engine, whose condition is in queries/parts."""

from __future__ import annotations

import json

from queuectl.selection import ANYTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from queuectl.selection import Selection


def values(selection: Selection, now: int) -> dict[str, Any]:
    """Return the values for `{selected}`, and for `scheduled`."""
    age = selection.older_than
    return {
        "queues": json.dumps(selection.queues) if selection.queues else None,
        "tags": json.dumps(selection.tags) if selection.tags else None,
        "batch": selection.batch,
        "command": None if selection.command_like is None else _pattern(selection.command_like),
        "before": None if age is None else now - round(age * 1e6),
        "scheduled": selection.scheduled,
        "paused": selection.paused,
        "now": now,
    }


def _pattern(like: str) -> str:
    """Return a pattern of GLOB for a piece of a command."""
    pieces = (piece.replace("[", "[[]").replace("?", "[?]") for piece in like.split(ANYTHING))
    return f"*{'*'.join(pieces)}*"

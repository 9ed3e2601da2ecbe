"""Owns the text format of COPY. Pure."""

from __future__ import annotations

from datetime import datetime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

Value = str | bytes | float | datetime | None

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def line(values: Iterable[Value]) -> bytes:
    """Return a row."""
    return "\t".join(map(_field, values)).encode() + b"\n"


def _field(value: Value) -> str:
    match value:
        case None:
            return r"\N"
        case str():
            return value.translate(_ESCAPES)
        case bytes():
            return rf"\\x{value.hex()}"
        case datetime():
            return value.isoformat()
        case _:
            return repr(value)

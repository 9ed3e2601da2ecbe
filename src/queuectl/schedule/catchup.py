"""Owns the word for what becomes of ticks that nobody has seen in time; apart from `due.py`, which needs `datetime`."""

from __future__ import annotations

from enum import StrEnum


class CatchUp(StrEnum):
    """What becomes of ticks that came while no worker was there."""

    NONE = "none"
    ONE = "one"
    ALL = "all"

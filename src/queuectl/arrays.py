"""Owns how an array of jobs is written: `1-100`, `0-30:5`, `1-100%4`. Pure."""

from __future__ import annotations

import re

from queuectl.errors import InvalidInput
from queuectl.quoting import quoted
from queuectl.record import Record

LARGEST = 100_000
"""Jobs of an array."""
HIGHEST = 10**9
"""Index."""

FORM = "write FIRST-LAST, FIRST-LAST:STEP, and %N for N at once: 1-100, 0-30:5, 1-100%4"


class Array(Record):
    """The indexes of an array's jobs, and how many of these may run at once."""

    indexes: range
    at_once: int | None = None
    """None: as many as there are workers."""


def parse_array(text: str) -> Array:
    """Read an array.

    Raises:
        InvalidInput: it is none, is empty, or has more than 100,000 jobs.
    """
    found = re.fullmatch(r"([0-9]{1,10})-([0-9]{1,10})(?::([0-9]{1,10}))?(?:%([0-9]{1,10}))?", text, re.ASCII)
    if found is None:
        raise InvalidInput(f"{quoted(text)} is no array", FORM)
    first, last, step, at_once = (None if number is None else int(number) for number in found.groups())
    assert first is not None  # noqa: S101  the groups that are not optional
    assert last is not None  # noqa: S101
    if step == 0 or at_once == 0:
        raise InvalidInput(f"{quoted(text)} is no array: a step and a number at once are at least 1", FORM)
    indexes = range(first, last + 1, step or 1)
    if not indexes:
        raise InvalidInput(f"the array {quoted(text)} has no jobs: {last} is less than {first}", FORM)
    if len(indexes) > LARGEST:
        raise InvalidInput(f"the array {quoted(text)} has {len(indexes):,} jobs; at most {LARGEST:,} are allowed")
    if indexes[-1] > HIGHEST:
        raise InvalidInput(f"the array {quoted(text)} has indexes above {HIGHEST:,}")
    return Array(indexes, at_once)

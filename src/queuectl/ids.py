"""Owns the ids that queuectl gives to jobs whose user named none: short, sortable by time, made without the store."""

from __future__ import annotations

import os
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: digits and letters without i, l, o, u; sorts as it counts."""

LENGTH = 13
SHIFTS = range(5 * (LENGTH - 1), 5, -5)
"""By how much a number is shifted for each digit but the last two."""
RANDOM_BITS = 24
EPOCH_MS = 1_577_836_800_000
"""2020-01-01 UTC; 41 bits of milliseconds after it last until 2089."""


class IdMaker:
    """Makes ids that grow: milliseconds, then a random start that counts on within one process."""

    __slots__ = ("_high", "_last", "_prefix")

    def __init__(self) -> None:
        self._last = -1
        self._high = -1
        self._prefix = ""
        """All digits but the last two, as of `_high`: they stay the same for some hundred ids."""

    def new(self) -> str:
        """Return an id that is larger than every one before it."""
        milliseconds = time.time_ns() // 1_000_000 - EPOCH_MS
        earliest = max(milliseconds, 0) << RANDOM_BITS  # a clock without a battery may wake up in 1970
        if earliest > self._last:
            self._last = earliest | int.from_bytes(os.urandom(RANDOM_BITS // 8))
        else:
            self._last += 1
        number = self._last
        if number >> 10 != self._high:
            self._high = number >> 10
            self._prefix = "".join([ALPHABET[number >> shift & 31] for shift in SHIFTS])
        return f"{self._prefix}{ALPHABET[number >> 5 & 31]}{ALPHABET[number & 31]}"

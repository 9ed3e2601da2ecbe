"""Owns what can be set for a queue, over all workers: how much of it runs at once and starts in a time, and its pause.

Pure: how these are written, and nothing of how they are kept.
"""

from __future__ import annotations

from queuectl.durations import LONGEST, UNITS, format_duration, parse_duration
from queuectl.errors import InvalidInput
from queuectl.quoting import quoted
from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

MOST = 1_000_000
"""Jobs that a limit may allow: the last starts are kept, as many as a rate allows."""

UNLIMITED = "none"

RATE_FORMS = "examples: 10/m, 5/s, 100/1h30m; none for no limit"


class Rate(Record):
    """At most so many starts within any such length of time."""

    number: int
    seconds: float

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.number}/{written_period(self.seconds)}"


class Pause(Record):
    """A queue of which nothing starts."""

    at: datetime
    by: str
    """Who paused it, and on which machine."""
    reason: str | None
    until: datetime | None
    """When it ends by itself."""


class NewPause(Record):
    """A pause that is about to begin."""

    by: str
    reason: str | None = None
    seconds: float | None = None
    """After which it ends by itself."""


class Rule(Record):
    """What is set for a queue."""

    queue: str
    concurrency: int | None = None
    """At most so many of its jobs run at once."""
    rate: Rate | None = None
    pause: Pause | None = None


class Keep:
    """The type of `KEEP`."""


KEEP = Keep()
"""Instead of a limit: the one that is set stays."""


class Limits(Record):
    """Limits to be set; None takes one away."""

    concurrency: int | Keep | None = KEEP
    rate: Rate | Keep | None = KEEP


def parse_concurrency(text: str) -> int | None:
    """Read how many jobs may run at once, `none` for any number.

    Raises:
        InvalidInput: no such number.
    """
    if text == UNLIMITED:
        return None
    return parse_count(text, "a number of jobs that may run at once")


def parse_count(text: str, what: str) -> int:
    """Read how many jobs something lets start. Raises as `parse_concurrency` does."""
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= MOST):
        raise InvalidInput(f"{quoted(text)} is not {what}", f"1 to {MOST}; to stop a queue: queuectl queue pause NAME")
    return int(text)


def parse_rate(text: str) -> Rate | None:
    """Read how many jobs may start in a time: 10/m, 100/30s; `none` for any number.

    Raises:
        InvalidInput: another form, or a time of nothing.
    """
    if text == UNLIMITED:
        return None
    number, slash, period = text.partition("/")
    try:
        count = parse_count(number, "a number of starts")
        seconds = float(UNITS[period]) if period in UNITS else parse_duration(period)
    except InvalidInput:
        raise InvalidInput(f"{quoted(text)} is not a rate", RATE_FORMS) from None
    if not slash or not 0.001 <= seconds <= LONGEST:
        raise InvalidInput(f"{quoted(text)} is not a rate", RATE_FORMS)
    return Rate(count, seconds)


def written_period(seconds: float) -> str:
    """Return a length of time as a rate has it: that of one unit is the unit."""
    return next((unit for unit, length in UNITS.items() if length == seconds), format_duration(seconds))

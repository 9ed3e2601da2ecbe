"""Owns how the times of a schedule are written: five fields, `@daily` and its kin, or `every 90s`. Pure."""

from __future__ import annotations

from datetime import timedelta

from queuectl.durations import format_duration, parse_duration
from queuectl.errors import InvalidInput
from queuectl.quoting import quoted
from queuectl.record import Record
from queuectl.schedule.cron import Cron, never
from queuectl.schedule.zones import zone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Protocol
else:
    Protocol = object

SHORTCUTS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

SHORTEST = 1.0
"""Seconds between two ticks of an interval: workers look once a second."""


class Times(Protocol):
    """When a schedule ticks. All instants are in UTC."""

    def after(self, instant: datetime) -> datetime | None:
        """Return the first tick after an instant; None when there will be none."""

    def latest(self, first: datetime, last: datetime) -> datetime | None:
        """Return the last tick of those from `first` to `last`, both included; None when there is none."""

    def explain(self) -> str:
        """Return what was written, in English."""


class Interval(Record):
    """A tick after every so many seconds, counted from a start that is none itself."""

    every: timedelta
    start: datetime

    def after(self, instant: datetime) -> datetime | None:
        """See `Times.after`."""
        passed = max((instant - self.start) // self.every, 0)
        return self.start + self.every * (passed + 1)

    def latest(self, first: datetime, last: datetime) -> datetime | None:
        """See `Times.latest`."""
        tick = self.start + self.every * ((last - self.start) // self.every)
        return tick if first <= tick and self.start < tick else None

    def explain(self) -> str:
        """See `Times.explain`."""
        return f"Every {format_duration(self.every.total_seconds())}"


def has_zone(text: str) -> bool:
    """Return whether such times are those of a time zone: an interval has none."""
    return text.split()[:1] != ["every"]


def parse_when(text: str, zone_name: str, start: datetime) -> Times:
    """Read when a schedule ticks; `start` is from when an interval counts.

    Raises:
        InvalidInput: another form, no such zone, or a time that never comes.
    """
    words = text.split()
    if not has_zone(text):
        return Interval(timedelta(seconds=_interval(text, words)), start.replace(microsecond=0))
    if text.startswith("@"):
        fields = SHORTCUTS.get(text.strip().lower())
        if fields is None:
            raise _no_shortcut(text)
    else:
        fields = text
    cron = Cron(fields, zone(zone_name))
    if cron.after(start) is None:
        raise never(text)
    return cron


def _interval(text: str, words: list[str]) -> float:
    try:
        (_, length) = words
        seconds = parse_duration(length)
    except (ValueError, InvalidInput):
        raise InvalidInput(f"{quoted(text)} is not a time for a schedule", "examples: every 90s, every 1h30m") from None
    if seconds < SHORTEST:
        raise InvalidInput(f"{quoted(text)} is too often", "a schedule ticks at most once a second")
    return seconds


def _no_shortcut(text: str) -> InvalidInput:
    from difflib import get_close_matches  # noqa: PLC0415  costs 5 ms, needed only here

    if text.strip().lower() == "@reboot":
        return InvalidInput("@reboot is not a time", "a start of the machine is for systemd: docs/operating.md")
    near = get_close_matches(text.strip().lower()[:64], SHORTCUTS, n=1, cutoff=0.6)
    return InvalidInput(
        f"{quoted(text)} is not a time for a schedule",
        f"did you mean: {near[0]}" if near else f"accepted: {', '.join(SHORTCUTS)}",
    )

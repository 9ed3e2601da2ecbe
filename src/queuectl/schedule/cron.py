"""Owns the walk of a cron expression over the clocks of a time zone, both changes of which it heeds. Pure.

cronsim reads the five fields and knows which days they mean. It walks by itself, too, but not rightly where clocks
change by half an hour: docs/decisions/0021-cronsim-reads-and-the-walk-is-ours.md.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, time, timedelta

from cronsim import CronSim, CronSimError

from queuectl.errors import InvalidInput
from queuectl.quoting import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
HOUR, DAY = 60, 24 * 60
"""Minutes."""

HORIZON = timedelta(days=50 * 366)
"""How far ahead a tick is looked for. A 29th of February falls on a given weekday every 40 years at the latest."""

LONGEST = 200
"""Characters of an expression."""

FIELDS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day of month": "1 to 31, L, LW",
    "month": "1 to 12, JAN to DEC",
    "day of week": "0 to 7, SUN to SAT, 5L, MON#1",
}
"""What each field takes, beside *, lists, ranges and steps."""


class Cron:
    """The ticks of a cron expression in a time zone."""

    def __init__(self, text: str, zone: ZoneInfo) -> None:
        """Read an expression of five fields.

        Raises:
            InvalidInput: it is none; the message names the field.
        """
        fields = text.split() if len(text) <= LONGEST else []
        if len(fields) != len(FIELDS):
            raise InvalidInput(
                f"{quoted(text)} is not a time for a schedule",
                'five fields: minute, hour, day of month, month, day of week; also @daily, "every 90s"',
            )
        self._zone = zone
        self._cron = _read(fields)
        self._times = [time(hour, minute) for hour in sorted(self._cron.hours) for minute in sorted(self._cron.minutes)]
        self._fixed = not fields[0].startswith("*") and not fields[1].startswith("*")
        """Whether it names times of the day; if not it goes by what the clock shows, hour after hour."""

    def after(self, instant: datetime) -> datetime | None:
        """Return the first tick after an instant, in UTC; None when none comes within 50 years."""
        return self._named_time_after(instant) if self._fixed else self._shown_time_after(instant)

    def latest(self, first: datetime, last: datetime) -> datetime | None:
        """Return the last tick of those from `first` to `last`, both included; None when there is none."""
        reach, found = timedelta(hours=1), None
        while found is None:
            start = max(first, last - reach)
            tick = self.after(start - timedelta(microseconds=1))
            while tick is not None and tick <= last:
                found, tick = tick, self.after(tick)
            if start == first:
                break
            reach *= 24
        return found

    def explain(self) -> str:
        """Return what the expression says, in English."""
        return self._cron.explain()

    # Times of the day: each once, in the first of two hours of the same name, or when a gap has ended

    def _named_time_after(self, instant: datetime) -> datetime | None:
        shown = instant.astimezone(self._zone)
        day, last = shown.date(), (instant + HORIZON).date()
        times = self._times[bisect_right(self._times, shown.time()) :]
        while day <= last:
            if day.month in self._cron.months and self._cron.match_day(day):
                for at in times:
                    tick = self._instant(datetime.combine(day, at))
                    if tick > instant:  # in the second of two hours the times of the first are over
                        return tick
            day += timedelta(days=1)
            times = self._times
        return None

    def _instant(self, shown: datetime) -> datetime:
        """Return when the clocks show a time first; when they jump over it, when they have."""
        tick = shown.replace(tzinfo=self._zone).astimezone(UTC)
        if self._local(tick) == shown:
            return tick
        # By the offset before the jump it comes after it, and by the one after the jump before it (PEP 495).
        tick = shown.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        while self._local(tick) < shown:
            tick += MINUTE
        return tick

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(self._zone).replace(tzinfo=None)

    # What the clocks show: whenever it matches, in both of two hours of the same name, and never in a gap

    def _shown_time_after(self, instant: datetime) -> datetime | None:
        cron = self._cron
        moment = instant.replace(second=0, microsecond=0) + MINUTE
        last = instant + HORIZON
        while moment <= last:
            shown = moment.astimezone(self._zone)
            if shown.month not in cron.months or not cron.match_day(shown.date()):
                moment = self._ahead(moment, shown, DAY)
            elif shown.hour not in cron.hours:
                moment = self._ahead(moment, shown, HOUR)
            elif shown.minute not in cron.minutes:
                moment += MINUTE
            else:
                return moment
        return None

    def _ahead(self, moment: datetime, shown: datetime, unit: int) -> datetime:
        """Return the end of this hour or day; where the clocks change before it, a moment on the way there."""
        later = moment + MINUTE * (unit - (shown.hour * 60 + shown.minute) % unit)
        if later.astimezone(self._zone).utcoffset() == shown.utcoffset():
            return later
        return self._ahead(moment, shown, HOUR) if unit > HOUR else moment + MINUTE


def _read(fields: list[str]) -> CronSim:
    try:
        return CronSim(" ".join(fields), datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError:
        for (name, takes), text, alone in zip(FIELDS.items(), fields, _each_alone(fields), strict=True):
            try:
                CronSim(alone, datetime(2000, 1, 1, tzinfo=UTC))
            except CronSimError:
                raise InvalidInput(f"{name} {quoted(text)} is not allowed", f"accepted: {takes}") from None
        raise never(" ".join(fields)) from None  # each by itself is right: a day that none of these months has


def _each_alone(fields: list[str]) -> Iterator[str]:
    """Yield, for each field, the expression that has it between stars."""
    for index, text in enumerate(fields):
        yield " ".join([*("*",) * index, text, *("*",) * (len(fields) - index - 1)])


def never(text: str) -> InvalidInput:
    """Return what is said of an expression that no day matches."""
    return InvalidInput(f"{quoted(text)} never comes", "no month of these has such a day")

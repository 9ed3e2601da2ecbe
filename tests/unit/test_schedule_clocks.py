"""When schedules tick where clocks change: against a walk that looks at every minute, and by name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from queuectl.schedule.cron import Cron

MINUTE = timedelta(minutes=1)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
AROUND = timedelta(hours=30)
"""On either side of a change of the clocks."""


@cache
def changes(name: str) -> tuple[datetime, ...]:
    """Return the hours in which the clocks of a zone change, in 20 years."""
    zone, hour, found = ZoneInfo(name), datetime(2020, 1, 1, tzinfo=UTC), []
    while hour.year < 2040:
        following = hour + timedelta(hours=1)
        if following.astimezone(zone).utcoffset() != hour.astimezone(zone).utcoffset():
            found.append(hour)
        hour = following
    assert len(found) == 40
    return tuple(found)


class Minute(NamedTuple):
    """A minute, and what the clocks of a zone show in it."""

    at: datetime
    shown: datetime
    skipped: tuple[datetime, ...]
    """What they have jumped over since the minute before."""
    again: bool
    """Whether they have shown it before."""


@cache
def minutes(name: str) -> tuple[tuple[Minute, ...], ...]:
    """Return every minute around each change."""
    zone, runs = ZoneInfo(name), []
    for change in changes(name):
        run: list[Minute] = []
        seen: set[datetime] = set()
        for i in range(int(2 * AROUND / MINUTE) + 1):
            at = change - AROUND + MINUTE * i
            shown = at.astimezone(zone).replace(tzinfo=None)
            before = run[-1].shown if run else shown
            skipped = tuple(before + MINUTE * n for n in range(1, int((shown - before) / MINUTE)))
            run.append(Minute(at, shown, skipped, shown in seen))
            seen.add(shown)
        runs.append(tuple(run))
    return tuple(runs)


def matches(field: str, least: int, most: int) -> set[int]:
    """Read a field anew: stars, numbers, ranges, steps and lists."""
    found: set[int] = set()
    for part in field.split(","):
        body, _, step = part.partition("/")
        first, _, last = body.partition("-")
        if body == "*":
            start, end = least, most
        else:
            start = int(first)
            end = int(last) if last else most if step else start
        found.update(range(start, end + 1, int(step or 1)))
    return found


def by_every_minute(expression: str, run: tuple[Minute, ...]) -> list[datetime]:
    """Return the ticks in a run of minutes, as the rules of decision 21 say it, without the code that is tested."""
    minute, hour, day, month, weekday = expression.split()
    minute_set, hour_set = matches(minute, 0, 59), matches(hour, 0, 23)
    days, months, weekdays = matches(day, 1, 31), matches(month, 1, 12), {n % 7 for n in matches(weekday, 0, 7)}

    @cache
    def on(at: date) -> bool:
        of_month, of_week = at.day in days, at.isoweekday() % 7 in weekdays
        both = day.startswith("*") or weekday.startswith("*")
        return at.month in months and ((of_month and of_week) if both else (of_month or of_week))

    def wanted(at: datetime) -> bool:
        return at.minute in minute_set and at.hour in hour_set and on(at.date())

    if minute.startswith("*") or hour.startswith("*"):
        return [one.at for one in run if wanted(one.shown)]
    return [
        one.at
        for one in run
        if (not one.again and wanted(one.shown)) or (one.skipped and any(map(wanted, one.skipped)))
    ]


def walked(cron: Cron, first: datetime, last: datetime) -> list[datetime]:
    ticks = []
    tick = cron.after(first - MINUTE / 60)
    while tick is not None and tick <= last:
        ticks.append(tick)
        tick = cron.after(tick)
    return ticks


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    one = st.integers(least, most)
    single = one.map(str)
    spans = st.tuples(one, one).map(lambda pair: f"{min(pair)}-{max(pair)}")
    wide = st.tuples(one, one).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: f"{pair[0]}-{pair[1]}")
    steps = st.tuples(wide, st.integers(1, 30)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    starred = st.one_of(st.just("*"), st.integers(1, 30).map(lambda step: f"*/{step}"))
    parts = st.lists(st.one_of(single, single, spans, steps), min_size=1, max_size=3).map(",".join)
    return st.one_of(parts, parts, starred)


expressions = st.tuples(
    numbers(0, 59),
    st.one_of(numbers(0, 23), st.sampled_from(["1", "2", "3", "0", "1-3", "*/2"])),
    st.one_of(st.just("*"), numbers(1, 28)),
    st.one_of(st.just("*"), st.sampled_from(["3,10", "4,11", "*/2"])),
    st.one_of(st.just("*"), numbers(0, 7)),
).map(" ".join)

every_change = settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", ZONES)
@every_change
@example("30 2 * * *")
@example("0,30 2 * * *")
@example("15 1-3 * * *")
@example("*/10 3 * * *")
@example("*/15 * * * *")
@example("* 0 * * *")
@example("30 * * * *")
@example("0 */2 * * 0")
@example("0 2 8-14 * 0")
@given(expressions)
def test_ticks_are_those_of_a_walk_over_every_minute(name: str, expression: str) -> None:
    cron = Cron(expression, ZoneInfo(name))
    for run in minutes(name):
        assert walked(cron, run[0].at, run[-1].at) == by_every_minute(expression, run)


@pytest.mark.parametrize("name", [*ZONES, "America/Havana", "Asia/Gaza"])
@settings(every_change, max_examples=60)
@given(expression=expressions, moments=st.lists(st.integers(0, 3600 * 24 * 400), min_size=5, max_size=5))
def test_a_tick_does_not_depend_on_from_where_it_is_looked_for(name: str, expression: str, moments: list[int]) -> None:
    cron = Cron(expression, ZoneInfo(name))
    for seconds in moments:
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        tick = cron.after(moment)
        if tick is None or tick - moment > timedelta(days=400):
            continue
        assert tick > moment
        assert tick.second == tick.microsecond == 0
        assert cron.after(tick - (tick - moment) / 3) == tick
        assert cron.after(tick - timedelta(microseconds=1)) == tick
        assert cron.latest(moment, tick) == tick


@pytest.mark.parametrize(
    ("zone", "expression", "date", "ticks"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-29", ["03:00+02:00"]),
        ("Europe/Berlin", "0,30 2 * * *", "2026-03-29", ["03:00+02:00"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-25", ["02:30+02:00"]),
        ("Europe/Berlin", "30 * * * *", "2026-10-25", ["01:30+02:00", "02:30+02:00", "02:30+01:00", "03:30+01:00"]),
        ("Europe/Berlin", "*/30 1-3 * * *", "2026-03-29", ["01:00+01:00", "01:30+01:00", "03:00+02:00", "03:30+02:00"]),
        ("America/New_York", "30 2 * * *", "2026-03-08", ["03:00-04:00"]),
        ("America/New_York", "30 1 * * *", "2026-11-01", ["01:30-04:00"]),
        ("America/New_York", "30 * * * *", "2026-11-01", ["01:30-04:00", "01:30-05:00", "02:30-05:00", "03:30-05:00"]),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-04", ["02:30+11:00"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-05", ["01:45+11:00"]),
        ("Australia/Lord_Howe", "*/45 1 * * *", "2026-04-05", ["01:00+11:00", "01:45+11:00", "01:45+10:30"]),
        ("Australia/Lord_Howe", "0 * * * *", "2026-10-04", ["01:00+10:30", "03:00+11:00"]),
    ],
)
def test_both_changes_of_the_clocks(zone: str, expression: str, date: str, ticks: list[str]) -> None:
    here = ZoneInfo(zone)
    first = datetime.fromisoformat(f"{date}T00:59").replace(tzinfo=here)
    last = datetime.fromisoformat(f"{date}T03:45").replace(tzinfo=here)
    found = walked(Cron(expression, here), first.astimezone(UTC), last.astimezone(UTC))
    assert [tick.astimezone(here).isoformat("T", "minutes")[11:] for tick in found] == ticks


def test_in_the_second_of_two_hours_the_times_of_the_first_are_over() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    second = datetime(2026, 10, 25, 2, 15, tzinfo=berlin, fold=1).astimezone(UTC)
    tick = Cron("30 2 * * *", berlin).after(second)
    assert tick is not None
    assert tick.astimezone(berlin).isoformat() == "2026-10-26T02:30:00+01:00"


def test_a_day_that_a_zone_never_had_is_made_up_for_when_the_next_begins() -> None:
    apia = ZoneInfo("Pacific/Apia")
    before = datetime(2011, 12, 29, 13, tzinfo=apia).astimezone(UTC)
    tick = Cron("0 12 30 * *", apia).after(before)
    assert tick is not None
    assert tick.astimezone(apia).isoformat() == "2011-12-31T00:00:00+14:00"


def test_midnight_may_be_in_a_gap() -> None:
    havana = ZoneInfo("America/Havana")
    ticks = walked(
        Cron("0 0 * * *", havana), datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 3, 9, 12, tzinfo=UTC)
    )
    assert [tick.astimezone(havana).isoformat()[:16] for tick in ticks] == ["2026-03-08T01:00", "2026-03-09T00:00"]

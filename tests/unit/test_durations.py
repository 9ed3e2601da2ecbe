"""How people write lengths of time, sizes and instants."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.durations import LONGEST, SIZES, format_duration, parse_duration, parse_instant, parse_size, parse_time
from queuectl.errors import InvalidInput
from tests.support.samples import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

digits_and_units = st.text("0123456789.wdhms+-: TZ", max_size=30)


@pytest.fixture
def zone() -> Iterator[Callable[[str], None]]:
    """Move this process to a time zone, as TZ does."""
    before = os.environ.get("TZ")

    def move(name: str) -> None:
        os.environ["TZ"] = name
        time.tzset()

    yield move
    if before is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("30", 30),
        ("007", 7),
        ("1.5", 1.5),
        ("30s", 30),
        ("0.5s", 0.5),
        ("5m", 300),
        ("1.5h", 5400),
        ("1h30m", 5400),
        ("1h30.5m", 5430),
        ("1h1s", 3601),
        ("2d", 172800),
        ("1w", 604800),
        ("1w1d1h1m1.25s", 694861.25),
        ("1m30.1s", 90.1),
        ("0.000000001", 1e-9),
        ("3660d", LONGEST),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        ".",
        ".5",
        "1.",
        "1.s",
        "-5",
        "+5",
        " 5",
        "5 ",
        "5\n",
        "1 h",
        "1_000",
        "1e3",
        "inf",
        "nan",
        "٣",
        "٣s",
        "²",
        "P1Y",
        "10 parsecs",
        "1H",
        "1y",
        "5ms",
        "30m1h",
        "1h1h",
        "1h30",
        "1.5h30m",
        "1.2.3",
        "1,5",
        "0.0000000001",
        "1\0",
        "\ud800",
        "9" * 5000,
    ],
)
def test_anything_else_is_no_duration_and_the_forms_are_shown(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"is not a duration$") as error:
        parse_duration(text)
    assert error.value.hint == "examples: 30, 30s, 5m, 1h30m, 2d"


@pytest.mark.parametrize("text", ["3660d0.1s", "3661d", "10000000000d", "9" * 18])
def test_no_duration_is_longer_than_ten_years(text: str) -> None:
    with pytest.raises(InvalidInput, match="is longer than 10 years"):
        parse_duration(text)


def test_a_message_never_repeats_more_than_a_line_of_its_input() -> None:
    with pytest.raises(InvalidInput) as error:
        parse_duration("x\n" * 100_000)
    assert len(error.value.message) < 150
    assert error.value.message.isprintable()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (10, "10s"),
        (0.25, "0.25s"),
        (60, "1m"),
        (90.1, "1m30.1s"),
        (60.5, "1m0.5s"),
        (5400, "1h30m"),
        (3600.0, "1h"),
        (604800, "7d"),
        (86401, "1d1s"),
        (1e-9, "0.000000001s"),
        (LONGEST, "3660d"),
    ],
)
def test_a_duration_is_written_in_its_shortest_exact_form(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.floats(0, LONGEST).map(lambda seconds: round(seconds, 9)))
def test_a_written_duration_reads_back_as_itself(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.text() | digits_and_units)
def test_any_text_is_a_duration_or_invalid_input(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except InvalidInput:
        return
    assert 0 <= seconds <= LONGEST
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("65536", 65536),
        ("65536B", 65536),
        ("64KiB", 65536),
        ("10MiB", 10 << 20),
        ("1GiB", 1 << 30),
        ("64GiB", 64 << 30),
    ],
)
def test_a_size_is_read_in_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "B", "KiB", "10M", "10MB", "10mib", "10 MiB", "1.5MiB", "-1", "+70000", "1e6", "٣MiB", "1_0MiB", "1" * 5000],
)
def test_anything_else_is_no_size_and_the_forms_are_shown(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"is not a size$") as error:
        parse_size(text)
    assert error.value.hint == "examples: 64KiB, 10MiB, 1GiB"


@pytest.mark.parametrize("text", ["0", "1000", "65535", "63KiB", "65GiB", "68719476737", "9" * 18])
def test_a_size_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a size from 64KiB to 64GiB"):
        parse_size(text)


@given(st.integers(SIZES[0], SIZES[-1]))
def test_a_written_size_reads_back_as_itself(size: int) -> None:
    assert parse_size(f"{size}") == parse_size(f"{size}B") == size
    assert parse_size(f"{size // 1024}KiB") == size // 1024 * 1024


@given(st.text() | st.text("0123456789.KMGiB"))
def test_any_text_is_a_size_or_invalid_input(text: str) -> None:
    with suppress(InvalidInput):
        assert parse_size(text) in SIZES


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-12-01T10:00:00Z", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01t10:00:00z", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01 10:00:00Z", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01T10:00Z", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01T10:00:00+01:00", datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("2026-12-01T00:00:00-05:30", datetime(2026, 12, 1, 5, 30, tzinfo=UTC)),
        ("2026-12-01T10:00:00.5Z", datetime(2026, 12, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-12-01T10:00:00.123456789Z", datetime(2026, 12, 1, 10, 0, 0, 123_456, tzinfo=UTC)),
        ("2028-02-29T00:00Z", datetime(2028, 2, 29, tzinfo=UTC)),
        ("2001-01-01T00:00Z", datetime(2001, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_utc(text: str, instant: datetime) -> None:
    read = parse_instant(text, NOW)
    assert read == instant
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "+5",
        "+ 5m",
        "++5m",
        "-5m",
        "now+",
        "now",
        "tomorrow 3pm",
        "20260101",
        "20260101T100000Z",
        "2026-01-01",
        "2026-W01-1",
        "2026-W01-1T10:00",
        "2026-001T10:00",
        "2026-12-01T10",
        "2026-12-01T10Z",
        "2026-12-01T1000Z",
        "2026-12-01X10:00Z",
        "2026-12-01T24:00",
        "2026-12-31T23:59:60Z",
        "2026-12-01T10:60Z",
        "2026-12-01T10:00:00,5Z",
        "2026-12-01T10:00:00.Z",
        "2026-12-01T10:00:00.1234567890Z",
        "2026-12-01T10:00.5Z",
        "2026-12-01T10:00:00+0100",
        "2026-12-01T10:00:00+01",
        "2026-12-01T10:00:00+24:00",
        "2026-12-01T10:00:00 Z",
        " 2026-12-01T10:00:00Z",
        "2026-12-01T10:00:00Z\n",
        "2026-1-1T10:00Z",
        "٢٠٢٦-12-01T10:00Z",
        "1798711200",
        "\ud800",
    ],
)
def test_anything_else_is_no_time_and_the_forms_are_shown(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"is not a time$|is not a duration$") as error:
        parse_time(text, NOW)
    assert error.value.hint is not None


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00Z",
        "2027-02-29T00:00Z",
        "2026-13-01T00:00Z",
        "2026-00-01T00:00Z",
        "0000-01-01T00:00Z",
        "0001-01-01T00:00+10:00",
        "9999-12-31T23:59-01:00",
    ],
)
def test_a_date_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"is not a time: ."):
        parse_instant(text, NOW)


@pytest.mark.parametrize("text", ["2036-12-31T00:00Z", "9999-01-01T00:00Z"])
def test_an_instant_more_than_ten_years_ahead_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is more than 10 years ahead"):
        parse_instant(text, NOW)


@pytest.mark.parametrize(
    ("text", "seconds"), [("+10m", 600), ("+0s", 0), ("+1w2d", 9 * 86400), ("+0.5s", 0.5), ("+3660d", LONGEST)]
)
def test_a_relative_time_is_a_length_of_time(text: str, seconds: float) -> None:
    assert parse_time(text, NOW) == seconds


def test_a_relative_time_more_than_ten_years_ahead_is_refused() -> None:
    with pytest.raises(InvalidInput, match="is longer than 10 years"):
        parse_time("+10000000000d", NOW)


@pytest.mark.parametrize(
    ("name", "text", "hour"),
    [
        ("Europe/Berlin", "2026-12-01T10:00", 9),
        ("Europe/Berlin", "2026-07-01 10:00:00", 8),
        ("UTC", "2026-07-01T10:00:00.000000", 10),
        ("EST5EDT", "2026-12-01T10:00", 15),
    ],
)
def test_a_time_without_a_zone_is_local(zone: Callable[[str], None], name: str, text: str, hour: int) -> None:
    zone(name)
    read = parse_instant(text, NOW)
    assert (read.hour, read.tzinfo) == (hour, UTC)


@pytest.mark.parametrize(
    ("name", "text", "jump", "offset"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "from 02:00 CET to 03:00 CEST", "+01:00"),
        ("Europe/Berlin", "2026-03-29T02:00", "from 02:00 CET to 03:00 CEST", "+01:00"),
        ("Europe/Berlin", "2026-03-29T02:59:59.999999", "from 02:00 CET to 03:00 CEST", "+01:00"),
        ("America/New_York", "2026-03-08T02:30", "from 02:00 EST to 03:00 EDT", "-05:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:10", "from 02:00 .* to 02:30 ", "+10:30"),
        ("Pacific/Apia", "2011-12-30T12:00", "from 00:00 .* to 00:00 ", "-10:00"),
    ],
)
def test_a_local_time_that_the_clock_jumps_over_is_refused(
    zone: Callable[[str], None], name: str, text: str, jump: str, offset: str
) -> None:
    zone(name)
    with pytest.raises(InvalidInput, match=f"does not exist: the clock jumps {jump}") as error:
        parse_instant(text, NOW)
    assert (error.value.hint or "").endswith(offset)


@pytest.mark.parametrize("text", ["2026-03-29T01:59:59", "2026-03-29T03:00"])
def test_the_times_around_the_jump_exist(zone: Callable[[str], None], text: str) -> None:
    zone("Europe/Berlin")
    assert parse_instant(text, NOW) in {
        datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 29, 1, tzinfo=UTC),
    }


def test_of_a_local_time_that_comes_twice_the_first_is_meant(zone: Callable[[str], None]) -> None:
    zone("Europe/Berlin")
    assert parse_instant("2026-10-25T02:30", NOW) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_a_local_time_at_the_end_of_the_calendar_is_invalid_input(zone: Callable[[str], None], text: str) -> None:
    for name in ("Asia/Tokyo", "America/New_York"):
        zone(name)
        with suppress(InvalidInput):
            parse_instant(text, NOW)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2035, 12, 31)),  # noqa: DTZ001  hypothesis wants naive bounds
    st.integers(-23 * 60, 23 * 60),
    st.sampled_from("Tt "),
)
def test_a_written_instant_reads_back_as_itself(written: datetime, minutes: int, separator: str) -> None:
    instant = written.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_time(instant.isoformat(separator), NOW) == instant


@given(
    st.text()
    | digits_and_units
    | digits_and_units.map("+{}".format)
    | st.from_regex(r"[0-9]{4}-[0-1][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9].*")
)
def test_any_text_is_a_time_or_invalid_input(text: str) -> None:
    try:
        time = parse_time(text, NOW)
    except InvalidInput as error:
        assert error.message.isprintable()  # noqa: PT017  a time is fine, too
    else:
        if isinstance(time, float):
            assert 0 <= time <= LONGEST
        else:
            assert time - NOW <= timedelta(seconds=LONGEST)
            assert time.utcoffset() == timedelta(0)

"""What schedules are written as, which ticks are due, and what is read of a crontab."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl.errors import InvalidInput
from queuectl.schedule import zones
from queuectl.schedule.catchup import CatchUp
from queuectl.schedule.crontab import Entry, Refused, read_crontab
from queuectl.schedule.due import AT_ONCE, Due, due, offset
from queuectl.schedule.when import SHORTCUTS, parse_when
from tests.support.samples import NOW

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
EVERY_MINUTE = parse_when("* * * * *", "UTC", NOON)
DAILY = parse_when("0 12 * * *", "UTC", NOON)


def refusal(text: str, zone: str = "UTC") -> str:
    with pytest.raises(InvalidInput) as refused:
        parse_when(text, zone, NOW)
    return f"{refused.value.message} | {refused.value.hint}"


# How it is written


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("60 * * * *", 'minute "60" is not allowed | accepted: 0 to 59'),
        ("* 24 * * *", 'hour "24" is not allowed | accepted: 0 to 23'),
        ("* * 32 * *", 'day of month "32" is not allowed'),
        ("* * * 13 *", 'month "13" is not allowed'),
        ("* * * * 8", 'day of week "8" is not allowed'),
        ("* * * * MON-", 'day of week "MON-" is not allowed'),
        ("*/0 * * * *", 'minute "*/0" is not allowed'),
        ("5-1 * * * *", 'minute "5-1" is not allowed'),
        ("1,,2 * * * *", 'minute "1,,2" is not allowed'),
        ("? * * * *", 'minute "?" is not allowed'),
        ("* * W * *", 'day of month "W" is not allowed'),
        ("* * * * FRI#6", 'day of week "FRI#6" is not allowed'),
        ("* * * *", '"* * * *" is not a time for a schedule | five fields:'),
        ("0 * * * * *", '"0 * * * * *" is not a time for a schedule | five fields:'),
        ("", '"" is not a time for a schedule'),
        ("1," * 150 + "1 * * * *", "is not a time for a schedule"),
        ("0 0 30 2 *", '"0 0 30 2 *" never comes | no month of these has such a day'),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("* * */20 * 1L", "never comes"),
        ("@dayly", "did you mean: @daily"),
        ("@never", "is not a time for a schedule | accepted: @yearly"),
        ("@reboot", "@reboot is not a time"),
        ("every", "examples: every 90s"),
        ("every 5 minutes", "examples: every 90s"),
        ("every 0.5s", "a schedule ticks at most once a second"),
        ("every 0", "a schedule ticks at most once a second"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_the_name_of_its_field(text: str, said: str) -> None:
    assert said in refusal(text)


@given(st.text("0123456789*/-,#LWMONFEBevry @?.\0é", max_size=40))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        times = parse_when(text, "UTC", NOW)
    except InvalidInput:
        return
    assert times.after(NOW)


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("0 0 29 2 *", ["2028-02-29", "2032-02-29"]),
        ("0 0 13 * 5", ["2026-11-27", "2026-12-04", "2026-12-11", "2026-12-13"]),
        ("0 0 */13 * 5", ["2026-11-27", "2027-01-01", "2027-05-14"]),
        ("0 0 L * *", ["2026-11-30", "2026-12-31"]),
        ("0 0 LW * *", ["2026-11-30", "2026-12-31", "2027-01-29"]),
        ("0 0 * * MON#1", ["2026-12-07", "2027-01-04"]),
        ("0 0 * * 7", ["2026-11-29", "2026-12-06"]),
        ("0 0 * * sun", ["2026-11-29", "2026-12-06"]),
    ],
)
def test_days_are_those_of_cron(text: str, ticks: list[str]) -> None:
    times, found, tick = parse_when(text, "UTC", NOON), [], NOON
    for _ in ticks:
        following = times.after(tick)
        assert following is not None
        tick = following
        found.append(str(tick.date()))
    assert found == ticks


@pytest.mark.parametrize("name", SHORTCUTS)
def test_names_of_times_stand_for_expressions(name: str) -> None:
    assert parse_when(name.upper(), "UTC", NOW).after(NOW) == parse_when(SHORTCUTS[name], "UTC", NOW).after(NOW)


def test_an_interval_counts_from_its_start_whatever_the_clocks_do() -> None:
    times = parse_when("every 90s", "Europe/Berlin", NOON)
    assert times.after(NOON - MINUTE) == times.after(NOON) == NOON + timedelta(seconds=90)
    assert times.after(NOON + timedelta(seconds=90)) == NOON + timedelta(seconds=180)
    assert times.latest(NOON, NOON + timedelta(seconds=200)) == NOON + timedelta(seconds=180)
    assert times.latest(NOON, NOON + timedelta(seconds=89)) is None
    assert times.explain() == "Every 1m30s"


def test_times_are_explained() -> None:
    assert DAILY.explain() == "At 12:00 every day"


# Time zones


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Europe/Berln", "did you mean: Europe/Berlin"),
        ("europe/berlin", "did you mean: Europe/Berlin"),
        ("Berlin", "did you mean: Europe/Berlin"),
        ("New York", "did you mean: America/New_York"),
        ("Europe", "examples: UTC"),
        ("../../etc/passwd", "examples: UTC"),
        ("right/UTC", ""),
        ("localtime", ""),
        ("", "examples: UTC"),
        ("a\0b", "examples: UTC"),
        ("x" * 300, "examples: UTC"),
    ],
)
def test_a_zone_that_is_none_is_refused_with_one_that_may_be_meant(name: str, said: str) -> None:
    with pytest.raises(InvalidInput, match="no time zone") as refused:
        zones.zone(name)
    assert said in str(refused.value.hint)


def test_the_zone_of_this_machine_is_known_by_its_name(tmp_path: Path) -> None:
    link = tmp_path / "localtime"
    assert zones.local_name({}, str(link)) == "UTC"
    link.symlink_to("/usr/share/zoneinfo/Asia/Tokyo")
    (tmp_path / "zoneinfo" / "Asia").mkdir(parents=True)
    (tmp_path / "zoneinfo" / "Asia" / "Tokyo").touch()
    link.unlink()
    link.symlink_to(tmp_path / "zoneinfo" / "Asia" / "Tokyo")
    assert zones.local_name({}, str(link)) == "Asia/Tokyo"
    assert zones.local_name({"TZ": ":Europe/Berlin"}, str(link)) == "Europe/Berlin"
    assert zones.local_name({"TZ": ""}, str(link)) == "UTC"


def test_a_zone_without_a_name_has_to_be_said(tmp_path: Path) -> None:
    file = tmp_path / "localtime"
    file.touch()
    note = tmp_path / "timezone"
    with pytest.raises(InvalidInput, match="the time zone of this machine has no name") as refused:
        zones.local_name({}, str(file), str(note))
    assert str(refused.value.hint).startswith("say it: --tz")
    note.write_text("Europe/Berlin\n")
    assert zones.local_name({}, str(file), str(note)) == "Europe/Berlin"
    with pytest.raises(InvalidInput, match="the time zone of this shell has no name"):
        zones.local_name({"TZ": "CET-1CEST"}, str(file))


# Which ticks are due


def test_nothing_is_due_before_the_next_tick() -> None:
    assert due(DAILY, NOON, NOON - MINUTE, CatchUp.ONE, None) == Due((), None, NOON)


@pytest.mark.parametrize("catch_up", CatchUp)
def test_a_tick_that_is_on_time_makes_a_job(catch_up: CatchUp) -> None:
    following = NOON + timedelta(days=1)
    for late in (timedelta(0), timedelta(seconds=59)):
        assert due(DAILY, NOON, NOON + late, catch_up, None) == Due((NOON,), None, following)


def test_a_tick_that_comes_while_workers_sleep_between_two_looks_is_on_time() -> None:
    times = parse_when("every 10s", "UTC", NOON)
    first = NOON + timedelta(seconds=10)
    found = due(times, first, NOON + timedelta(seconds=35), CatchUp.NONE, None)
    assert [tick.second for tick in found.ticks] == [10, 20, 30]
    assert found.next_tick == NOON + timedelta(seconds=40)


def test_missed_ticks_make_no_job_or_one_or_one_each() -> None:
    now = NOON + timedelta(days=3, hours=1)
    days = [NOON + timedelta(days=n) for n in range(5)]
    assert due(DAILY, NOON, now, CatchUp.NONE, None) == Due((), NOON, days[4])
    assert due(DAILY, NOON, now, CatchUp.ONE, None) == Due((days[3],), NOON, days[4])
    assert due(DAILY, NOON, now, CatchUp.ALL, None) == Due(tuple(days[:4]), None, days[4])


def test_of_a_schedule_that_ticks_often_one_job_stands_for_all_that_were_missed() -> None:
    now = NOON + timedelta(days=3, seconds=40)
    assert due(EVERY_MINUTE, NOON, now, CatchUp.ONE, None).ticks == (NOON + timedelta(days=3),)


def test_a_tick_that_is_too_late_is_not_made_up_for() -> None:
    now = NOON + timedelta(days=3, hours=1)
    third, fourth = NOON + timedelta(days=3), NOON + timedelta(days=4)
    assert due(DAILY, NOON, now, CatchUp.ONE, 3599) == Due((), NOON, fourth)
    assert due(DAILY, NOON, now, CatchUp.ONE, 3600) == Due((third,), NOON, fourth)
    assert due(DAILY, NOON, now, CatchUp.ALL, 25 * 3600).ticks == (third - timedelta(days=1), third)


def test_so_many_are_made_up_for_at_once_and_the_rest_after_them() -> None:
    made: list[datetime] = []
    now, first = NOON + timedelta(hours=4), NOON
    while first <= now:
        found = due(EVERY_MINUTE, first, now, CatchUp.ALL, None)
        assert len(found.ticks) <= AT_ONCE
        made.extend(found.ticks)
        assert found.next_tick is not None
        first = found.next_tick
    assert made == [NOON + MINUTE * n for n in range(241)]


@given(
    catch_up=st.sampled_from(CatchUp),
    within=st.one_of(st.none(), st.floats(1, 1e6)),
    looks=st.lists(st.integers(1, 100_000), min_size=1, max_size=30),
    text=st.sampled_from(["*/7 * * * *", "every 1h7m", "30 2 * * *", "* * * * *"]),
)
def test_no_tick_makes_two_jobs_and_whoever_looks_each_minute_misses_none(
    catch_up: CatchUp, within: float | None, looks: list[int], text: str
) -> None:
    times = parse_when(text, "Europe/Berlin", NOON)
    first = times.after(NOON)
    made: list[datetime] = []
    now = NOON
    for seconds in looks:
        assert first is not None
        now += timedelta(seconds=seconds)
        found = due(times, first, now, catch_up, within)
        made.extend(found.ticks)
        if seconds <= 10 and within is None and first > now - timedelta(seconds=10):
            assert found.missed is None
        first = found.next_tick
    assert all(one < other for one, other in pairwise(made))


def test_a_splay_is_always_the_same_for_a_tick_and_less_than_its_length() -> None:
    offsets = [offset("nightly", NOON + MINUTE * n, 300) for n in range(200)]
    assert offsets == [offset("nightly", NOON + MINUTE * n, 300) for n in range(200)]
    assert all(0 <= seconds < 300 for seconds in offsets)
    assert min(offsets) < 30
    assert max(offsets) > 270
    assert offset("other", NOON, 300) != offsets[0]
    assert offset("nightly", NOON, 0) == 0


# Crontabs


def read(text: str) -> list[Entry | Refused]:
    return list(read_crontab(text, "UTC", NOW))


def test_a_line_of_a_crontab_is_a_schedule_with_the_variables_above_it() -> None:
    first, second = read(
        "# m h  dom mon dow   command\n"
        "SHELL=/bin/bash\n"
        'PATH = "/usr/local/bin:/usr/bin"\n'
        "\n"
        "  30 2 * * 1-5   /opt/backup.sh --all 2>&1 \n"
        "CRON_TZ=Europe/Berlin\n"
        "HOME=/srv\n"
        "@daily\tLANG=C sort a=b > /tmp/out\n"
    )
    assert first == Entry(
        line=5,
        name="backup.sh",
        when="30 2 * * 1-5",
        zone="UTC",
        command="/opt/backup.sh --all 2>&1",
        interpreter="/bin/bash",
        env={"PATH": "/usr/local/bin:/usr/bin"},
        home=None,
    )
    assert isinstance(second, Entry)
    assert (second.name, second.when, second.zone, second.home) == ("sort", "@daily", "Europe/Berlin", "/srv")
    assert second.command == "LANG=C sort a=b > /tmp/out"


def test_tz_is_a_variable_of_the_jobs_and_not_the_zone_of_the_schedule() -> None:
    (entry,) = read("TZ=Asia/Tokyo\n0 5 * * * date\n")
    assert isinstance(entry, Entry)
    assert (entry.zone, entry.env) == ("UTC", {"TZ": "Asia/Tokyo"})


def test_names_are_made_of_commands_and_each_is_another() -> None:
    entries = read("@daily date\n@hourly /bin/date\n@daily X=1 ./é.sh\n@daily ($)\n@daily date-2\n")
    assert [entry.name for entry in entries if isinstance(entry, Entry)] == ["date", "date-2", "sh", "job", "date-2-2"]


def test_an_escaped_percent_sign_is_one() -> None:
    (entry,) = read("0 5 * * * date +\\%F\n")
    assert isinstance(entry, Entry)
    assert entry.command == "date +%F"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("@reboot /opt/start", "@reboot is not a time"),
        ("60 5 * * * date", 'minute "60" is not allowed'),
        ("0 5 30 2 * date", "never comes"),
        ("0 5 * * *", "there is no command"),
        ("0 5 * * * mail -s hi me%body%", 'a "%" gives the command a standard input'),
        ("CRON_TZ=Mars/Base", 'no time zone "Mars/Base"'),
        ("hello", "is not a time for a schedule"),
    ],
)
def test_a_line_that_cannot_be_a_schedule_is_named_and_the_others_are_read(line: str, why: str) -> None:
    before, refused, after = read(f"@daily date\n{line}\n@daily sleep 1\n")
    assert isinstance(before, Entry)
    assert isinstance(after, Entry)
    assert isinstance(refused, Refused)
    assert (refused.line, refused.text, refused.ignored) == (2, line, False)
    assert why in refused.why


def test_what_speaks_to_cron_alone_is_said_to_be_left_out() -> None:
    (refused,) = read('MAILTO="root"\n')
    assert refused == Refused(1, 'MAILTO="root"', "MAILTO is not used: output is kept: queuectl logs", ignored=True)


@given(st.text(max_size=200))
def test_whatever_a_file_holds_is_read_or_refused(text: str) -> None:
    list(read_crontab(text, "UTC", NOW))

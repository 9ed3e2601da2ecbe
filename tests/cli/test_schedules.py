"""`schedule`: what is added, shown and refused; what is read of a crontab."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from queuectl.job import State
from queuectl.schedule.catchup import CatchUp
from queuectl.schedule.record import Overlap
from tests.cli.conftest import NO_STORE
from tests.support.factories import WELL, claimed, new_job

if TYPE_CHECKING:
    from pathlib import Path

    from queuectl.paths import Home
    from queuectl.store.base import Store
    from tests.cli.conftest import Cli, Terminal


def add(cli: Cli, name: str = "nightly", times: str = "30 2 * * *", *options: str) -> None:
    assert cli("schedule", "add", name, times, "--tz", "Europe/Berlin", *options, "--", "echo", "a b").code == 0


# Adding


def test_a_schedule_is_added_with_what_was_said_and_where(cli: Cli, store: Store) -> None:
    options = ["--overlap", "queue", "--catch-up", "all", "--within", "1h", "--splay", "5m", "--queue", "q"]
    code, out, err = cli(
        "schedule",
        "add",
        "nightly",
        "30 2 * * *",
        "--tz",
        "Europe/Berlin",
        *options,
        "--env",
        "A=b",
        "--",
        "echo",
        "a b",
    )

    assert (code, out) == (0, "nightly\n")
    assert "nightly ticks in " in err
    assert " 02:30 CE" in err
    assert "no worker is running; start one: queuectl worker start" in err
    schedule = store.schedules().get("nightly")
    assert schedule is not None
    assert (schedule.times, schedule.zone) == ("30 2 * * *", "Europe/Berlin")
    assert (schedule.overlap, schedule.catch_up, schedule.within, schedule.splay) == ("queue", "all", 3600.0, 300.0)
    kept = json.loads(schedule.job)
    assert kept.pop("cwd")
    assert kept == {"argv": ["echo", "a b"], "queue": "q", "env": {"A": "b"}}
    assert schedule.caller_env["PATH"]


def test_times_may_be_several_words_and_have_defaults(cli: Cli, store: Store) -> None:
    assert cli("schedule", "add", "poll", "every", "90s", "-c", "true", "-q") == (0, "poll\n", "")
    assert cli("schedule", "add", "hourly", "@hourly", "-c", "true", env={"TZ": "Asia/Tokyo"}).code == 0

    poll, hourly = (store.schedules().get(name) for name in ("poll", "hourly"))
    assert poll is not None
    assert hourly is not None
    assert poll.times == "every 90s"
    assert (poll.overlap, poll.catch_up, poll.within, poll.splay) == (Overlap.SKIP, CatchUp.ONE, None, 0.0)
    assert hourly.zone == "Asia/Tokyo"


def test_to_catch_up_with_all_means_that_they_queue(cli: Cli, store: Store) -> None:
    add(cli, "a", "@daily", "--catch-up", "all")
    schedule = store.schedules().get("a")
    assert schedule is not None
    assert schedule.overlap is Overlap.QUEUE


def test_a_name_that_is_taken_is_exit_4(cli: Cli) -> None:
    add(cli)
    assert cli("schedule", "add", "nightly", "@daily", "--", "true") == (
        4,
        "",
        'queuectl: error: schedule "nightly" already exists\n  remove it first: queuectl schedule rm nightly\n',
    )


@NO_STORE
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a b", "@daily", "--", "x"], 'name "a b" is not allowed'),
        (["a", "60 * * * *", "--", "x"], 'minute "60" is not allowed\n  accepted: 0 to 59'),
        (["a", "0 0 31 2 *", "--", "x"], '"0 0 31 2 *" never comes'),
        (["a", "@dayly", "--", "x"], "did you mean: @daily"),
        (["a", "every", "0.1s", "--", "x"], "too often"),
        (["a", "every 5s", "--tz", "UTC", "--", "x"], "has no time zone"),
        (["a", "@daily", "--tz", "Europe/Berln", "--", "x"], "did you mean: Europe/Berlin"),
        (["a", "@daily"], "no command"),
        (["a", "@daily", "-c", "x", "--", "x"], "exclude each other"),
        (["a", "@daily", "-c", " "], "command is empty"),
        (["a", "@daily", "--overlap", "skipp", "--", "x"], "did you mean: skip"),
        (["a", "@daily", "--catch-up", "some", "--", "x"], "none, one, all"),
        (["a", "@daily", "--catch-up", "all", "--overlap", "replace", "--", "x"], "exclude each other"),
        (["a", "@daily", "--catch-up", "none", "--within", "1h", "--", "x"], "exclude each other"),
        (["a", "@daily", "--within", "soon", "--", "x"], "--within: "),
        (["a", "@daily", "--splay", "0", "--", "x"], "--splay: "),
        (["a", "@daily", "--id", "b", "--", "x"], 'unknown option "--id"'),
        (["a", "@daily", "--run-at", "+1h", "--", "x"], 'unknown option "--run-at"'),
        (["a", "--", "x"], "TIMES is missing"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_made(cli: Cli, home: Home, words: list[str], said: str) -> None:
    code, out, err = cli("schedule", "add", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) <= 2
    assert not home.exists()


# Looking


def test_nothing_is_made_by_looking_and_nothing_is_an_empty_list(cli: Cli, home: Home) -> None:
    assert cli("schedule", "list", "--json") == (0, "[]\n", "")
    assert cli("schedule", "list") == (0, "", "no schedules; add one: queuectl schedule add\n")
    if not home.exists():
        assert cli("schedule", "show", "x").code == 3


def test_the_list_tells_when_each_ticks_and_what_the_last_tick_has_come_to(cli: Cli, store: Store) -> None:
    add(cli)
    add(cli, "often", "* * * * *")
    cli("schedule", "pause", "nightly")
    store.schedules().make_due(lambda *_: new_job(), datetime.now(UTC) + timedelta(minutes=1))

    code, out, err = cli("schedule", "list")
    assert (code, err) == (0, "")
    header, nightly, often = out.splitlines()
    assert header.split() == ["NAME", "TIMES", "ZONE", "NEXT", "LAST", "COMMAND"]
    cells = [cell.strip() for cell in nightly.split("  ") if cell.strip()]
    assert cells == ["nightly", "30 2 * * *", "Europe/Berlin", "paused", "-", "echo 'a b'"]
    assert "made 0s ago" in often
    assert cli("schedule", "list", "-q").out == "nightly\noften\n"
    assert [schedule["next_tick"] is None for schedule in json.loads(cli("schedule", "list", "--json").out)] == [
        True,
        False,
    ]


def test_a_schedule_is_shown_with_its_ticks_and_secrets_are_hidden(cli: Cli, store: Store) -> None:
    add(cli, "nightly", "30 2 * * *", "--env", "API_KEY=abc", "--within", "1h", "--splay", "90s")
    store.schedules().make_due(lambda *_: new_job(), datetime.now(UTC) + timedelta(days=1))

    code, out, _ = cli("schedule", "show", "nightly")
    assert code == 0
    assert "times:      30 2 * * * (At 02:30 every day)" in out
    assert "zone:       Europe/Berlin" in out
    assert "catch-up:   one, within 1h" in out
    assert "splay:      1m30s" in out
    assert "command:    echo 'a b'" in out
    shown = json.loads(cli("schedule", "show", "nightly", "--json").out)
    assert shown["job"]["env"] == {"API_KEY": "***"}
    assert len(shown["ticks"]) == 1
    assert cli("schedule", "show", "nigthly") == (
        3,
        "",
        'queuectl: error: no schedule "nigthly"\n  did you mean: nightly\n',
    )


def test_the_next_ticks_are_told_in_the_zone_of_the_schedule(cli: Cli) -> None:
    add(cli)
    lines = cli("schedule", "next", "nightly", "-n", "3").out.splitlines()
    assert len(lines) == 3
    assert all(" 02:30 CE" in line or " 03:00 CEST" in line for line in lines)
    ticks = json.loads(cli("schedule", "next", "nightly", "--json").out)
    assert len(ticks) == 5
    assert all(tick["tick"].endswith("Z") and "+0" in tick["local"] for tick in ticks)
    assert cli("schedule", "next", "nightly", "-n", "0").code == 2


# Acting


def test_a_schedule_is_run_by_hand_unless_its_last_job_has_not_ended(cli: Cli, store: Store) -> None:
    add(cli)
    code, out, _ = cli("schedule", "run", "nightly")
    assert code == 0
    job = store.get(out.strip())
    assert job is not None
    assert (job.flow.schedule, job.argv, job.state) == ("nightly", ("echo", "a b"), State.PENDING)
    code, out, err = cli("schedule", "run", "nightly")
    assert (code, out) == (4, "")
    assert err.splitlines() == [
        f'queuectl: error: job "{job.id}" of schedule "nightly" has not ended (pending)',
        f"  end it: queuectl cancel {job.id}",
    ]
    store.finish(claimed(store, job.id, now=store.now()), WELL, store.now())
    assert json.loads(cli("schedule", "run", "nightly", "--json").out)["schedule"] == "nightly"


def test_of_several_schedules_all_are_tried_and_each_failure_is_named(cli: Cli, store: Store) -> None:
    add(cli, "a")
    add(cli, "b")
    code, out, err = cli("schedule", "pause", "a", "nobody", "b")
    assert (code, out) == (1, "")
    assert err.splitlines() == ["a is paused", 'queuectl: error: no schedule "nobody"', "b is paused"]
    assert all(schedule.paused_at for schedule in store.schedules().all())
    code, out, err = cli("schedule", "resume", "a", "--json")
    assert (code, [schedule["paused_at"] for schedule in json.loads(out)]) == (0, [None])
    assert err.startswith("a ticks in ")
    assert cli("schedule", "rm", "a", "b", "-q") == (0, "a\nb\n", "")
    assert store.schedules().all() == []
    assert cli("schedule", "rm", "a").code == 3


# A crontab

CRONTAB = """\
# nightly things
SHELL=/bin/bash
MAILTO=root
30 2 * * *  /opt/backup.sh --all
@reboot     /opt/start
CRON_TZ=America/New_York
*/5 * * * * cd /srv && ./poll 2>&1
"""


def test_a_crontab_becomes_schedules_and_what_cannot_is_named_with_its_line(cli: Cli, store: Store) -> None:
    code, out, err = cli("schedule", "import", "-", "--tz", "UTC", "--tag", "from=cron", stdin=CRONTAB)

    assert (code, out) == (1, "backup.sh\ncd\n")
    assert err.splitlines()[:3] == [
        "line 3: MAILTO is not used: output is kept: queuectl logs",
        "queuectl: error: line 5: @reboot is not a time",
        "  @reboot     /opt/start",
    ]
    backup, poll = store.schedules().all()
    assert (backup.times, backup.zone, poll.zone) == ("30 2 * * *", "UTC", "America/New_York")
    kept = json.loads(backup.job)
    assert kept["argv"] == ["/bin/bash", "-c", "/opt/backup.sh --all"]
    assert (kept["max_retries"], kept["tags"]) == (0, {"from": "cron"})
    assert kept["cwd"]


@NO_STORE
def test_a_line_that_cannot_be_a_job_is_named_also_where_ids_alone_are_wanted(cli: Cli) -> None:
    crontab = "QUEUECTL_HOME=/x\n@daily date\n"
    code, out, err = cli("schedule", "import", "-", "--tz", "UTC", "-q", stdin=crontab)
    assert (code, out) == (1, "")
    assert err.startswith('queuectl: error: line 2: environment variable "QUEUECTL_HOME" is not allowed: ')


def test_a_crontab_that_is_all_schedules_is_exit_0_and_can_be_tried_before(
    cli: Cli, store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "crontab"
    file.write_text("0 5 * * 1 tar -zcf /var/backups/home.tgz /home/\n")
    words = ["schedule", "import", str(file), "--tz", "UTC", "--max-retries", "2", "--cwd", "/"]
    assert cli(*words, "--dry-run") == (0, "tar\t0 5 * * 1\tUTC\ttar -zcf /var/backups/home.tgz /home/\n", "")
    assert store.schedules().all() == []

    assert cli(*words, "-q") == (0, "tar\n", "")
    (schedule,) = store.schedules().all()
    assert json.loads(schedule.job) == {
        "command": "tar -zcf /var/backups/home.tgz /home/",
        "max_retries": 2,
        "cwd": "/",
    }
    assert cli(*words).code == 4


@NO_STORE
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/etc/crontab"], "/etc/crontab is a system crontab: its lines name a user"),
        (["/nowhere/at/all"], "cannot read /nowhere/at/all: No such file or directory"),
        (["-", "-c", "x"], "unknown option"),
        (["-", "--", "x"], "the commands are those of the crontab"),
    ],
)
def test_a_crontab_that_cannot_be_read_is_refused(cli: Cli, home: Home, words: list[str], said: str) -> None:
    code, out, err = cli("schedule", "import", *words, stdin="")
    assert (code, out) == (2, "")
    assert said in err
    assert not home.exists()


# On a terminal, and completion


@NO_STORE
def test_a_table_fits_a_terminal(cli: Cli, terminal: Terminal) -> None:
    add(cli, "nightly", "0,5,10,15,20,25,30,35,40,45,50,55 2 * * *")
    shown = terminal("schedule", "list", columns=80)
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_names_of_schedules_and_zones_are_completed(cli: Cli) -> None:
    add(cli)
    assert cli("_complete", "--", "schedule", "pause", "ni").out == "nightly\n"
    assert "Europe/Berlin" in cli("_complete", "--", "schedule", "add", "--tz", "Europe/B").out.splitlines()
    assert cli("_complete", "--", "schedule", "add", "--overlap", "").out == "queue\nreplace\nskip\n"
    assert cli("_complete", "--", "schedule", "").out.split() == [
        *("add", "import", "list", "next", "pause", "resume", "rm", "run", "show"),
    ]

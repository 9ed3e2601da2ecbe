"""What people see: tables, on a terminal and off it."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from queuectl import roster
from queuectl.job import Ended, Outcome, Policy, State
from tests.cli.conftest import SERVER_ONLY
from tests.support.factories import BADLY, GIVEN_BACK, WELL, claimed, job, new_job

if TYPE_CHECKING:
    from queuectl.paths import Home
    from queuectl.store.base import Store
    from tests.cli.conftest import Cli, Terminal


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


@pytest.fixture
def jobs(store: Store) -> None:
    """One job of each kind that has something of its own to show."""
    job(store, State.DEAD, new_job("dead"), now=ago(50_000))
    job(store, State.COMPLETED, new_job("completed", argv=("echo", "a b", "\x1b[31mred")), now=ago(3000))
    job(store, State.CANCELLED, new_job("cancelled"), now=ago(500))
    store.enqueue([new_job("failed", policy=Policy(backoff_base=60))], ago(5))
    store.finish(claimed(store, now=ago(5)), Ended(Outcome.TIMED_OUT, duration=1.0), ago(5))
    store.enqueue([new_job("lost")], ago(4))
    claimed(store, "lost", now=ago(4))
    store.enqueue([new_job("later", queue="slow", priority=-7, run_at=ago(-86400 * 3 - 30))])
    store.enqueue([new_job("ready")])


def told(text: str) -> list[list[str]]:
    """Split a table into its cells, and seconds that pass while a test runs into S."""
    return [re.split(r"  +", re.sub(r"\b\d+s\b", "S", line)) for line in text.splitlines()]


def test_paused_jobs_say_so_wherever_they_are_shown(cli: Cli, store: Store) -> None:
    job(store, State.FAILED, new_job("failed"), now=ago(5))
    running = job(store, State.PROCESSING, new_job("running"), now=ago(4))
    store.enqueue([new_job("later", run_at=ago(-3600)), new_job("ready")])
    ids = ("failed", "running", "later", "ready")
    for id in ids:
        store.pause(id)

    def reasons() -> dict[str, str]:
        return {row[0]: row[5] for row in told(cli("list").out)[1:]}

    assert reasons() == {
        "ready": "paused",
        "later": "paused",
        "running": "pausing",
        "failed": "paused (exit 3)",
    }
    assert "state:      processing, pausing\n" in cli("show", "running").out
    store.tell_paused(running, paused=True)
    assert reasons()["running"] == "paused"
    assert cli("show", "running").out.splitlines()[-1].endswith("running, paused")
    assert "\npaused: failed, running, later, ready\n" in cli("status").out
    store.cancel("running")
    assert reasons()["running"] == "cancel requested"


def test_status_shows_the_first_of_many_paused_jobs(cli: Cli, store: Store) -> None:
    store.enqueue([new_job(f"job{n}") for n in range(7)])
    for n in range(7):
        store.pause(f"job{n}")
    assert "\npaused: job0, job1, job2, job3, job4, ...\n" in cli("status").out
    shown = json.loads(cli("status", "--json").out)["paused"]
    assert [job["id"] for job in shown] == [f"job{n}" for n in range(5)]


@pytest.mark.usefixtures("jobs")
def test_list_says_where_each_job_is_and_why(cli: Cli, url: str | None) -> None:
    # In a store of several machines a worker is there until its lease is over.
    worker = "worker gone" if url is None else "worker 1234 on here"
    assert told(cli("list").out) == [
        ["ID", "STATE", "QUEUE", "PRIO", "TRY", "AGE", "WHY", "COMMAND"],
        ["ready", "pending", "default", "0", "0/4", "S", "true"],
        ["later", "pending", "slow", "-7", "0/4", "S", "runs in 3d", "true"],
        ["lost", "processing", "default", "0", "1/4", "S", worker, "true"],
        ["failed", "failed", "default", "0", "1/4", "S", "retry in S (timed out)", "true"],
        ["cancelled", "cancelled", "default", "0", "0/4", "8m", "true"],
        ["completed", "completed", "default", "0", "1/4", "50m", "echo 'a b' '\\x1b[31mred'"],
        ["dead", "dead", "default", "0", "1/1", "13h", "exit 3: it broke", "true"],
    ]


@pytest.mark.parametrize(
    ("ended", "tries"),
    [
        (WELL, "1/4"),
        (BADLY, "1/4"),
        (Ended(Outcome.CANCELLED), "1/4"),
        (GIVEN_BACK, "0/4"),
        (Ended(Outcome.LOST), "0/4"),
    ],
)
def test_a_try_is_used_unless_it_was_given_back_or_lost_its_worker(
    cli: Cli, store: Store, ended: Ended, tries: str
) -> None:
    store.finish(job(store, State.PROCESSING, new_job("a")), ended)
    assert cli("list").out.splitlines()[1].split()[3] == tries


@SERVER_ONLY
def test_a_job_on_another_machine_has_a_worker_there(cli: Cli, store: Store) -> None:
    job(store, State.PROCESSING, new_job("a"))

    assert told(cli("show", "a").out)[1] == ["state:", "processing, worker 1234 on here"]
    assert told(cli("list").out)[1][-2] == "worker 1234 on here"


@SERVER_ONLY
@pytest.mark.usefixtures("store")
def test_workers_that_are_all_on_another_machine_are_listed_with_it(cli: Cli) -> None:
    header, row = told(cli("worker", "list").out)
    assert header == [" PID", "HOST", "AGE", "VERSION", "IS", "JOB"]
    assert row == ["1234", "here", "S", "0.1.0", "idle", "-"]


def test_columns_without_content_are_left_out(cli: Cli) -> None:
    cli("enqueue", "--id", "a", "--", "true")
    assert told(cli("list").out)[0] == ["ID", "STATE", "PRIO", "TRY", "AGE", "COMMAND"]


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("state", "ids"),
    [
        ("pending", ["ready", "later"]),
        ("scheduled", ["later"]),
        ("failed", ["failed"]),
        ("blocked", []),
        ("processing", ["lost"]),
        ("completed", ["completed"]),
        ("dead", ["dead"]),
        ("cancelled", ["cancelled"]),
    ],
)
def test_list_of_one_state(cli: Cli, state: str, ids: list[str]) -> None:
    assert cli("list", "--state", state, "-q").out.split() == ids
    assert [row["id"] for row in json.loads(cli("list", "--state", state, "--json").out)] == ids


@pytest.mark.usefixtures("jobs")
def test_the_dead_letter_queue_is_the_dead_jobs(cli: Cli) -> None:
    assert cli("dlq", "list", "-q").out == "dead\n"


def test_a_table_stops_at_100_rows_and_says_so_but_ids_and_json_do_not(cli: Cli, store: Store) -> None:
    store.enqueue(new_job(f"n{number}") for number in range(150))
    code, out, err = cli("list")
    assert (code, len(out.splitlines())) == (0, 101)
    assert err == "there are more than 100: --limit N shows N, --limit 0 all\n"
    assert len(cli("list", "--limit", "0").out.splitlines()) == 151
    assert len(cli("list", "--limit", "120").out.splitlines()) == 121
    assert len(cli("list", "-q").out.splitlines()) == 150
    assert len(json.loads(cli("list", "--json").out)) == 150
    assert len(json.loads(cli("list", "--json", "--limit", "3").out)) == 3


def test_exactly_100_rows_are_all(cli: Cli, store: Store) -> None:
    store.enqueue(new_job(f"n{number}") for number in range(100))
    assert cli("list").err == ""


def test_lines_of_json_stand_alone(cli: Cli, store: Store) -> None:
    store.enqueue(new_job(id) for id in ("a", "b"))
    assert [json.loads(line)["id"] for line in cli("list", "-o", "jsonl").out.splitlines()] == ["b", "a"]


@pytest.mark.parametrize("columns", [30, 60, 80, 200])
def test_a_table_fits_the_terminal(terminal: Terminal, store: Store, columns: int) -> None:
    store.enqueue([new_job("a" * 20, argv=("x" * 500,)), new_job("b")])
    lines = terminal("list", columns=columns).splitlines()
    assert len(lines) == 3
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= columns for line in lines)
    if columns >= 60:
        assert lines[2].endswith("…")


@pytest.mark.parametrize("columns", [80, 100])
def test_a_long_id_hides_no_other_column(terminal: Terminal, cli: Cli, store: Store, columns: int) -> None:
    job(store, State.DEAD, new_job("a" * 64, queue="q" * 20))
    title, row = terminal("list", columns=columns, env={"NO_COLOR": "1"}).splitlines()
    assert title.split() == ["ID", "STATE", "QUEUE", "PRIO", "TRY", "AGE", "WHY", "COMMAND"]
    assert len(row) <= columns
    assert re.fullmatch("a{11,39}…", row.split()[0])
    assert "a" * 64 in cli("list").out


def test_no_column_but_the_last_takes_more_than_half_of_a_terminal(terminal: Terminal, store: Store) -> None:
    store.enqueue([new_job("a" * 64)])
    assert terminal("list", columns=120).splitlines()[1].startswith("a" * 59 + "…  pending")
    assert terminal("list", columns=130).splitlines()[1].startswith("a" * 64 + "  pending")


def test_a_terminal_that_is_narrower_than_an_id_is_no_error(terminal: Terminal, store: Store) -> None:
    job(store, State.DEAD, new_job("a" * 64))
    assert terminal("list", columns=5).splitlines()[1] == "aaaa…"


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize("columns", [20, 40, 60, 200])
def test_figures_are_whole_on_any_terminal(terminal: Terminal, cli: Cli, columns: int) -> None:
    for verb in ("status", "metrics"):
        shown = terminal(verb, columns=columns, env={"NO_COLOR": "1"})
        words = cli(verb).out.partition("\n\n")[0 if verb == "status" else 2].split()
        assert not set(words) - set(shown.split()) - {"last", "failures:"}


@pytest.mark.usefixtures("jobs")
def test_a_table_of_figures_that_does_not_fit_is_a_line_for_each(terminal: Terminal) -> None:
    status = terminal("status", columns=40).splitlines()
    assert status[:8] == [
        "PENDING     2", "BLOCKED     0", "PROCESSING  1", "COMPLETED   1", "FAILED      1", "DEAD        1",
        "CANCELLED   1", "",
    ]  # fmt: skip
    by_queue = terminal("metrics", columns=40).partition("Jobs by queue and state:\n")[2].splitlines()
    assert (by_queue[0], by_queue[8:10]) == ("queue       default", ["", "queue       slow"])


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize("columns", [40, 72, 80, 120])
def test_show_tells_how_an_attempt_ended_on_any_terminal(terminal: Terminal, columns: int) -> None:
    attempts = terminal("show", "dead", columns=columns, env={"NO_COLOR": "1"}).partition("\n\n")[2]
    assert re.search("\\bexit 3: it (broke|…)" if columns == 72 else "\\bexit 3: it broke\n", attempts)
    assert attempts.startswith("ATTEMPT   1\n" if columns == 40 else "ATTEMPT  STARTED")


def test_columns_wins_over_the_terminal(terminal: Terminal, store: Store) -> None:
    store.enqueue([new_job("a", argv=("x" * 500,))])
    assert max(map(len, terminal("list", columns=200, env={"COLUMNS": "70"}).splitlines())) == 70


def test_a_pipe_gets_whole_lines_without_colour(cli: Cli, store: Store) -> None:
    store.enqueue([new_job("a", argv=("x" * 500,))])
    out = cli("list", env={"COLUMNS": "40"}).out
    assert "x" * 500 in out
    assert "\x1b" not in out


@pytest.mark.usefixtures("jobs")
def test_only_the_state_is_coloured_and_only_when_wanted(terminal: Terminal, cli: Cli) -> None:
    coloured = "\x1b[31mdead      \x1b[0m"
    assert coloured in terminal("list", columns=120)
    assert coloured in cli("list", "--color", "always").out
    for plain in (
        terminal("list", columns=120, env={"NO_COLOR": "1"}),
        terminal("list", columns=120, env={"TERM": "dumb"}),
        terminal("list", "--color", "never", columns=120),
    ):
        assert "\x1b" not in plain
        assert "dead" in plain


@pytest.mark.usefixtures("jobs")
def test_show_tells_each_attempt(cli: Cli, store: Store) -> None:
    out = cli("show", "dead").out
    fields = dict(re.split(r":  +", line, maxsplit=1) for line in out.partition("\n\n")[0].splitlines())
    assert fields["state"] == "dead, exit 3: it broke"
    assert fields["failures"] == "1, dead after 1"
    table = [re.split(r"  +", line.strip()) for line in out.partition("\n\n")[2].splitlines()]
    assert table[0] == ["ATTEMPT", "STARTED", "DURATION", "LOG", "OUTCOME"]
    assert table[1][0] == "1"
    assert table[1][2:] == ["1s", "-" if store.leased else "0 B", "exit 3: it broke"]


@pytest.mark.usefixtures("jobs")
def test_show_tells_the_running_attempt_and_a_request_to_cancel(cli: Cli) -> None:
    assert cli("cancel", "lost").err == "cancel requested: lost is running\n"
    out = cli("show", "lost").out
    assert "state:             processing, cancel requested\n" in out
    assert out.endswith("running, cancel requested\n")
    assert "cancel requested" in cli("list").out
    assert json.loads(cli("show", "lost", "--json").out)["cancel_requested"] is True


@pytest.mark.usefixtures("jobs")
def test_show_as_json_holds_the_history(cli: Cli, store: Store) -> None:
    (attempt,) = json.loads(cli("show", "failed", "--json").out)["history"]
    assert (attempt["attempt"], attempt["outcome"]) == (1, "timed_out")
    assert attempt["log_bytes"] == (None if store.leased else 0)


def test_values_that_look_secret_are_not_shown(cli: Cli) -> None:
    url = "postgres://u:hunter2@h/d"
    cli("enqueue", "--id", "a", "--env", "API_TOKEN=hunter2", "--env", f"U={url}", "--env", "A=b", "--", "true")
    for argv in (["show", "a"], ["show", "a", "--json"], ["list", "--json"]):
        out = cli(*argv).out
        assert "hunter2" not in out
        assert "***" in out
        assert "postgres://u:***@h/d" in out


def test_times_are_relative_on_a_terminal(terminal: Terminal, cli: Cli) -> None:
    cli("enqueue", "--id", "a", "--run-at", "2035-01-01T00:00:00Z", "--", "true")
    assert re.search(r"next run: +2035-01-01 00:00 UTC \(in \d+d( \d+h)?\)", terminal("show", "a", columns=120))
    assert re.search(r"next run: +2035-01-01T00:00:00Z\n", cli("show", "a").out)


@pytest.mark.usefixtures("jobs")
def test_metrics_has_the_tables_of_the_founding_document(cli: Cli) -> None:
    lines = cli("metrics").out.splitlines()
    assert lines[0] == "Job counts by state:"
    counts = dict(line.split() for line in lines[1:9])
    assert counts == {
        "state": "cnt", "pending": "2", "blocked": "0", "processing": "1", "completed": "1", "failed": "1",
        "dead": "1", "cancelled": "1",
    }  # fmt: skip
    assert lines[10] == "Completed jobs duration:"
    assert lines[11].split() == ["completed_count", "avg_ms", "min_ms", "max_ms", "p50_ms", "p95_ms", "p99_ms"]
    assert lines[12].split()[:4] == ["1", "1000", "1000", "1000"]


@pytest.mark.usefixtures("jobs")
def test_metrics_tells_queues_apart_when_there_are_several(cli: Cli) -> None:
    assert "\nslow           1" in cli("metrics").out
    metrics = json.loads(cli("metrics", "--json").out)
    assert metrics["queues"]["slow"]["counts"]["pending"] == 1
    assert metrics["counts"]["pending"] == 2


def test_metrics_of_nothing(cli: Cli, url: str | None) -> None:
    metrics = json.loads(cli("metrics", "--json").out)
    assert sorted(metrics) == ["completed", "counts", "queues", *(["store"] if url else [])]
    assert set(metrics["counts"].values()) == {0}
    assert metrics["completed"]["completed_count"] == 0


def test_metrics_say_how_a_server_keeps_up(cli: Cli, url: str | None) -> None:
    last = cli("metrics").out.splitlines()[-1]
    assert last.startswith("Store: 0 dead rows, the oldest transaction has been open for ") == (url is not None)


@pytest.mark.usefixtures("jobs")
def test_status_is_one_screen(cli: Cli, url: str | None) -> None:
    out = cli("status").out
    assert out.splitlines()[0].split() == [state.upper() for state in State]
    assert out.splitlines()[1].split() == ["2", "0", "1", "1", "1", "1", "1"]
    # In a store of several machines a worker is there until its lease is over.
    assert ("no worker is running" in out) == (url is None)
    assert "oldest waiting job: ready, for " in out
    assert [line.split()[0] for line in out.partition("last failures:\n")[2].splitlines()] == ["ID", "failed", "dead"]
    assert len(out.splitlines()) < 24


@pytest.mark.usefixtures("jobs")
def test_status_as_json(cli: Cli, url: str | None) -> None:
    status = json.loads(cli("status", "--json").out)
    assert [worker["host"] for worker in status["workers"]] == ([] if url is None else ["here"])
    assert status["gave_up"] == []
    assert status["counts"]["dead"] == 1
    assert status["oldest_waiting"]["id"] == "ready"
    assert [failed["id"] for failed in status["last_failures"]] == ["failed", "dead"]


def test_status_says_once_that_a_supervisor_gave_up(cli: Cli, home: Home) -> None:
    home.create()
    os.makedirs(home.supervisors, exist_ok=True)
    roster.write_failure(home, "s", "20 workers died within 60 s")
    assert "\na supervisor gave up: 20 workers died within 60 s\n" in cli("status").out
    assert json.loads(cli("status", "--json").out)["gave_up"] == ["20 workers died within 60 s"]


def test_wide_and_combining_characters_count_as_the_columns_that_they_take(cli: Cli, terminal: Terminal) -> None:
    cli("enqueue", "--id", "wide", "-c", "echo " + "東" * 40)
    cli("enqueue", "--id", "plain", "-c", "echo " + "e\u0301" * 40)

    for width in (30, 60):
        lines = terminal("list", columns=width).splitlines()
        taken = [sum({"東": 2, "\u0301": 0}.get(char, 1) for char in line) for line in lines]
        assert width - 1 <= max(taken) <= width


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("pending", ["ready", "later"]),
        ("scheduled", ["later"]),
        ("blocked", []),
        ("processing", ["lost"]),
        ("completed", ["completed"]),
        ("failed", ["failed"]),
        ("dead", ["dead"]),
        ("cancelled", ["cancelled"]),
    ],
)
def test_every_state_is_listed_by_its_name(cli: Cli, word: str, ids: list[str]) -> None:
    assert cli("list", "--state", word, "-q").out.split() == ids


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("running", "one of: pending, blocked, processing, completed, failed, dead, cancelled, scheduled"),
        ("complete", "did you mean: completed"),
        ("schedule", "did you mean: scheduled"),
        ("PENDING", "one of: pending, blocked, processing, completed, failed, dead, cancelled, scheduled"),
        ("", "one of: pending, blocked, processing, completed, failed, dead, cancelled, scheduled"),
    ],
)
def test_an_unknown_state_is_answered_with_those_there_are(cli: Cli, word: str, hint: str) -> None:
    code, _, err = cli("list", "--state", word)
    assert (code, err) == (2, f'queuectl: error: --state: unknown state "{word}"\n  {hint}\n')

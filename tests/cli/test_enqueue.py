"""`queuectl enqueue`."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.cli.conftest import SERVER_ONLY
from tests.support.eventually import DEADLINE

if TYPE_CHECKING:
    from pathlib import Path

    from queuectl.store.base import Store
    from tests.cli.conftest import Cli


def test_the_id_stands_alone_on_stdout(cli: Cli) -> None:
    code, out, _ = cli("enqueue", "--id", "job1", "--command", "echo 'Hello'", "--max-retries", "2")
    assert (code, out) == (0, "job1\n")


def test_a_generated_id_can_be_used_at_once(cli: Cli) -> None:
    id = cli("enqueue", "--", "true").out.strip()
    assert json.loads(cli("show", id, "--json").out)["id"] == id


def test_a_job_can_be_json(cli: Cli) -> None:
    assert cli("enqueue", '{"id":"job1","command":"sleep 2"}').out == "job1\n"
    assert json.loads(cli("show", "job1", "--json").out)["command"] == "sleep 2"


def test_every_option_is_kept(cli: Cli, tmp_path: Path) -> None:
    cli(
        "enqueue", "--id", "a", "-c", "run me", "--queue", "slow", "--priority", "-5", "--max-retries", "7",
        "--run-at", "2036-01-01T00:00:00Z", "--timeout", "1h30m", "--cwd", "/", "--env", "A=1", "--env", "B=x=y",
        "--secret-env", "TOKEN", "--secret-env", "OTHER", "--stdin", "input.txt",
    )  # fmt: skip
    job = json.loads(cli("show", "a", "--json").out)
    expected = {
        "command": "run me", "queue": "slow", "priority": -5, "max_retries": 7, "next_run_at": "2036-01-01T00:00:00Z",
        "timeout": 5400.0, "cwd": "/", "env": {"A": "1", "B": "x=y"}, "secret_env": ["TOKEN", "OTHER"],
        "stdin": str(tmp_path / "input.txt"),
    }  # fmt: skip
    assert {name: job[name] for name in expected} == expected


def test_everything_after_two_dashes_is_the_job_untouched(cli: Cli) -> None:
    argv = ["printf", "%s\n", "a  b", 'c"d', "$HOME", "--json", "--", "-q", ""]
    cli("enqueue", "--id", "a", "--", *argv)
    assert json.loads(cli("show", "a", "--json").out)["argv"] == argv


def test_a_command_is_kept_as_it_is(cli: Cli) -> None:
    command = "a && b | c > 'd  e' # -- f\n\tg"
    cli("enqueue", "--id", "a", "-c", command)
    assert json.loads(cli("show", "a", "--json").out)["command"] == command


def test_a_byte_order_mark_before_json_is_no_part_of_it(cli: Cli) -> None:
    assert cli("enqueue", '\ufeff{"id": "a", "command": "true"}').out == "a\n"
    assert cli("enqueue", "--file", "-", stdin='\ufeff{"id": "b", "command": "true"}').out == "b\n"


def test_an_id_that_is_taken_is_refused(cli: Cli) -> None:
    cli("enqueue", "--id", "a", "--", "true")
    code, out, err = cli("enqueue", "--id", "a", "--", "false")
    assert (code, out) == (4, "")
    assert err.startswith('queuectl: error: job "a" already exists (pending)\n')


def test_without_a_worker_it_says_so(cli: Cli) -> None:
    assert cli("enqueue", "--", "true").err == "no worker is running; start one: queuectl worker start\n"


def test_advice_names_the_home_that_was_named(cli: Cli, tmp_path: Path) -> None:
    err = cli("--home", str(tmp_path / "my queue"), "enqueue", "--", "true").err
    assert err.endswith(f"queuectl --home '{tmp_path}/my queue' worker start\n")


def test_quiet_leaves_only_the_id(cli: Cli) -> None:
    assert cli("enqueue", "-q", "--id", "a", "--run-at", "+1h", "--", "true") == (0, "a\n", "")


def test_a_naive_time_is_local_and_the_answer_says_how_it_was_understood(cli: Cli) -> None:
    env = {"TZ": "Europe/Berlin"}
    _, _, err = cli("enqueue", "--id", "a", "--run-at", "2035-12-01T09:00", "--", "true", env=env)
    assert err.startswith("queued; runs at 2035-12-01 09:00 CET (in ")
    assert json.loads(cli("show", "a", "--json").out)["next_run_at"] == "2035-12-01T08:00:00Z"


def test_a_time_that_is_past_runs_at_once(cli: Cli) -> None:
    _, _, err = cli("enqueue", "--run-at", "2020-01-01T00:00:00Z", "--", "true")
    assert err.startswith("queued; runs at once: 2020-01-01 00:00 UTC is past\n")


def test_a_time_from_now_is_told_as_the_store_has_it(cli: Cli) -> None:
    _, _, err = cli("enqueue", "--id", "a", "--run-at", "+3d", "--", "true")
    due = datetime.fromisoformat(json.loads(cli("show", "a", "--json").out)["next_run_at"])
    assert err.startswith(f"queued; runs at {due:%Y-%m-%d %H:%M}")


@SERVER_ONLY
@pytest.mark.parametrize("words", [("--", "true"), ("--run-at", "+1h", "--", "true"), ("--file", "-")])
def test_a_store_that_fails_after_the_enqueue_does_not_hide_it(
    cli: Cli, store: Store, url: str, words: tuple[str, ...]
) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("ALTER TABLE queuectl.workers RENAME TO away")  # where it looks for workers
    code, out, err = cli("enqueue", *words, stdin='{"command": "true"}\n')
    assert (code, [job.id for job in store.list()]) == (0, [out.strip()])
    assert "queuectl: error" not in err
    assert re.search(r"^enqueued, but cannot use postgresql://", err, re.MULTILINE)


def test_a_file_of_jobs_answers_with_their_ids_in_order(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text('{"id": "b", "command": "true"}\n\n{"id": "a", "argv": ["true"]}\n')
    assert cli("enqueue", "--file", "jobs").out == "b\na\n"


def test_jobs_come_from_standard_input_as_an_array(cli: Cli) -> None:
    assert cli("enqueue", "--file", "-", stdin='[{"id": "b", "command": "true"}, {"id": "a", "command": "x"}]').out == (
        "b\na\n"
    )


def test_one_bad_line_adds_nothing_and_is_named(cli: Cli) -> None:
    code, out, err = cli("enqueue", "--file", "-", stdin='{"id": "a", "command": "true"}\n{"id": "b"}\n')
    assert (code, out) == (2, "")
    assert err.startswith("queuectl: error: line 2: ")
    assert cli("list", "-q").out == ""


def test_json_answers_with_the_job(cli: Cli) -> None:
    job = json.loads(cli("enqueue", "--json", "--id", "a", "--", "true").out)
    assert (job["id"], job["state"]) == ("a", "pending")


def test_json_answers_with_all_jobs_of_a_file(cli: Cli) -> None:
    out = cli("enqueue", "--json", "--file", "-", stdin='{"id": "b", "command": "true"}').out
    assert [job["id"] for job in json.loads(out)] == ["b"]


def test_an_id_that_cannot_be_printed_is_told_on_stderr(cli: Cli, program: list[str], environ: dict[str, str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*program, "enqueue", "--id", "a", "--", "true"],
            env=environ, stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "queuectl: error: cannot write to stdout: No space left on device; enqueued: a\n"
    assert cli("list", "-q").out == "a\n"


@SERVER_ONLY
def test_a_job_that_cannot_be_read_again_is_told_on_stderr(cli: Cli, url: str) -> None:
    cli("enqueue", "--", "true")
    with psycopg.connect(url) as database:
        database.execute("ALTER VIEW queuectl.job RENAME TO away")
    code, out, err = cli("enqueue", "--json", "--id", "a", "--", "true")
    assert (code, out) == (1, "")
    assert json.loads(err)["error"]["message"].endswith("; enqueued: a")
    assert json.loads(err)["error"]["hint"] is None


def test_a_closed_stdout_does_not_reach_the_database(cli: Cli, program: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run(["/bin/sh", "-c", '"$@" >&- 2>&- <&-', "sh", *program, "enqueue", "--id", "a", "--", "true"],
                          env=environ, timeout=DEADLINE, check=False)  # fmt: skip
    assert done.returncode == 1
    assert cli("list", "-q").out == "a\n"


def test_an_id_that_cannot_be_printed_is_told(cli: Cli, program: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run(["/bin/sh", "-c", '"$@" >&-', "sh", *program, "enqueue", "--id", "a", "--", "true"],
                          env=environ, timeout=DEADLINE, check=False, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "queuectl: error: cannot write to stdout: Bad file descriptor; enqueued: a\n"
    assert cli("list", "-q").out == "a\n"


def test_a_setting_in_force_is_frozen_into_the_job(cli: Cli, store: Store) -> None:
    store.set_setting("default_max_retries", "9")
    cli("enqueue", "--id", "a", "--", "true")
    cli("enqueue", "--id", "b", "--timeout", "none", "--", "true", env={"QUEUECTL_DEFAULT_TIMEOUT": "5m"})
    cli("enqueue", "--id", "c", "--", "true", env={"QUEUECTL_DEFAULT_TIMEOUT": "5m"})
    jobs = {job["id"]: job for job in json.loads(cli("list", "--json").out)}
    assert jobs["a"]["max_retries"] == 9
    assert (jobs["b"]["timeout"], jobs["c"]["timeout"]) == (None, 300.0)

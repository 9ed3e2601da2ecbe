"""How a command line is read, and how errors are told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from queuectl import __version__
from queuectl.job import State
from tests.cli.conftest import NO_STORE, SERVER_ONLY
from tests.support.eventually import DEADLINE, eventually
from tests.support.factories import job, new_job, stored_job
from tests.support.mortal import mortal

if TYPE_CHECKING:
    from pathlib import Path

    from queuectl.paths import Home
    from queuectl.store.base import Store
    from tests.cli.conftest import Cli


@NO_STORE
@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        (["enqueu"], "enqueue"),
        (["lst"], "list"),
        (["list", "--stat", "dead"], "--state"),
        (["list", "--state", "ded"], "dead"),
        (["--hme", "x", "list"], "--home"),
        (["config", "get", "backof_base"], "backoff_base"),
        (["help", "exit-code"], "exit-codes"),
        (["-o", "jso", "list"], "json"),
        (["stop"], "worker stop"),
    ],
)
def test_a_near_word_is_offered(cli: Cli, argv: list[str], hint: str) -> None:
    code, out, err = cli(*argv)
    assert (code, out) == (2, "")
    assert err.splitlines()[1:] == [f"  did you mean: {hint}"]


def test_a_near_id_is_offered(cli: Cli) -> None:
    cli("enqueue", "--id", "job1", "--", "true")
    assert cli("show", "jb1") == (3, "", 'queuectl: error: no job "jb1"\n  did you mean: job1\n')


@NO_STORE
@pytest.mark.parametrize(
    "argv",
    [
        ["list", "--js"],
        ["list", "--limit", "1", "--limit", "2"],
        ["list", "-q", "-q"],
        ["list", "-o", "table", "--output", "table"],
        ["list", "--limit"],
        ["list", "--json=yes"],
        ["list", "--limit", "1e3"],
        ["status", "extra"],
        ["dlq"],
        ["worker"],
        ["dlq", "lst"],
        ["show"],
        ["--", "true"],
        ["--limit", "3", "list"],
        ["--store", "postgresql://user:hunter2/@host/db", "list"],
        ["--store", "postgresql://user:hunter2@host/db?password=hunter2&nonsense=1", "list"],
        ["--store", "nonsense", "list"],
        ["--home", "", "list"],
        ["--store", "", "list"],
        ["--store", "postgresql://user@host/db?Password=hunter2", "list"],
        ["dlq", "retry"],
        ["dlq", "retry", "a", "--all"],
        ["dlq", "retry", "--state", "dead", "--all"],
        ["cancel"],
        ["cancel", "--yes"],
        ["cancel", "a", "--queue", "b"],
        ["cancel", "-", "--all"],
        ["cancel", "--all", "--queue", "b"],
        ["cancel", "--tag", "a=1", "--tag", "a=2"],
        ["retry", "--queue", "a,"],
        ["list", "--batch", "a b"],
        ["list", "--queue", ""],
        ["list", "--tag", "a"],
        ["list", "--tag", "a="],
        ["list", "--state", "ded"],
        ["list", "--state", "dead,"],
        ["list", "--older-than", "soon"],
        ["list", "--command-like", ""],
        ["list", "--command-like", "x" * 1001],
        ["logs", "a", "--stdout", "--stderr"],
    ],
)
def test_bad_usage_is_refused_in_one_line(cli: Cli, argv: list[str]) -> None:
    code, out, err = cli(*argv)
    assert (code, out) == (2, "")
    first, *hint = err.splitlines()
    assert first.startswith("queuectl: error: ")
    assert len(hint) <= 1
    assert all(line.startswith("  ") for line in hint)
    assert "hunter2" not in err


@NO_STORE
@pytest.mark.parametrize(
    "argv",
    [
        ["--json", "list", "--state", "pending"],
        ["list", "--json", "--state", "pending"],
        ["list", "--state", "pending", "--json"],
        ["list", "--state=pending", "-ojson"],
        ["-o", "json", "list", "--state", "pending"],
    ],
)
def test_options_stand_anywhere(cli: Cli, argv: list[str]) -> None:
    cli("enqueue", "--id", "a", "--", "true")
    assert [job["id"] for job in json.loads(cli(*argv).out)] == ["a"]


def test_ids_and_options_mix(cli: Cli) -> None:
    for id in ("a", "b"):
        cli("enqueue", "--id", id, "--", "true")
    assert cli("cancel", "a", "-q", "b") == (0, "a\nb\n", "")


@NO_STORE
@pytest.mark.parametrize("verb", ["run", "wait"])
def test_where_the_code_is_a_jobs_a_usage_error_is_125(cli: Cli, verb: str) -> None:
    assert cli(verb).code == 125
    assert cli(verb, "--nonsense").code == 125


def test_wait_for_an_unknown_job_is_125(cli: Cli) -> None:
    cli("enqueue", "--", "true")
    assert cli("wait", "nobody").code == 125


def test_errors_are_json_on_stderr_when_json_is_asked_for(cli: Cli) -> None:
    cli("enqueue", "--id", "job1", "--", "true")
    code, out, err = cli("show", "jb1", "--json")
    assert (code, out) == (3, "")
    assert json.loads(err) == {"error": {"code": "not_found", "message": 'no job "jb1"', "hint": "did you mean: job1"}}


@NO_STORE
def test_a_command_line_that_cannot_be_read_fails_in_json_too(cli: Cli) -> None:
    assert json.loads(cli("list", "--json", "--nonsense").err)["error"]["code"] == "invalid_input"


def test_text_from_outside_cannot_write_to_the_terminal(cli: Cli) -> None:
    code, _, err = cli("show", "\x1b[31mx\u202e")
    assert code == 3
    assert "\x1b" not in err
    cli("enqueue", "--", "true")
    assert "\\x1b[31mx\\u202e" in cli("show", "\x1b[31mx\u202e").err


LONG = "x" * 60_000


@NO_STORE
@pytest.mark.parametrize(
    "argv",
    [
        [LONG],
        ["dlq", LONG],
        ["show", LONG],
        ["cancel", LONG, LONG + "y"],
        ["help", LONG],
        ["list", f"--{LONG}"],
        ["list", LONG],
        ["list", f"--json={LONG}"],
        ["list", "--state", LONG],
        ["list", "--limit", LONG],
        ["list", "-o", LONG],
        ["show", "a", "--home", LONG],
        ["config", "get", LONG],
        ["config", "set", "grace", LONG],
        ["enqueue", LONG],
        ["enqueue", LONG + " y"],
        ["enqueue", LONG, LONG],
        ["enqueue", LONG, "--", "true"],
        ["enqueue", "--env", LONG, "--", "true"],
        ["enqueue", "--env", f"{LONG}=1", "--env", f"{LONG}=2", "--", "true"],
        ["enqueue", "--secret-env", f"-{LONG}", "--", "true"],
        ["enqueue", "--file", LONG],
        ["enqueue", "--id", LONG, "--", "true"],
        ["enqueue", "--run-at", LONG, "--", "true"],
        ["enqueue", "--timeout", LONG, "--", "true"],
        ["enqueue", f'{{"{LONG}": 1}}'],
        ["enqueue", f'{{"command": "true", "priority": {LONG.replace("x", "1")}}}'],
    ],
)
@pytest.mark.parametrize("format", ["table", "json"])
def test_no_error_repeats_much_of_what_was_typed(cli: Cli, home: Home, argv: list[str], format: str) -> None:
    home.create()
    code, _, err = cli("-o", format, *argv)
    assert code != 0
    assert all(len(line) < 700 for line in err.splitlines())
    assert err.count("x") + err.count("1") < 310 * len(err.splitlines())


def test_reading_makes_nothing(cli: Cli, home: Home, url: str | None) -> None:
    if url is not None:
        with psycopg.connect(url) as connection:
            connection.execute("DROP SCHEMA queuectl CASCADE")
    reading = (
        (["list"], ""),
        (["list", "--json"], "[]\n"),
        (["dlq", "list", "--json"], "[]\n"),
        (["list", "-o", "jsonl"], ""),
        (["worker", "list", "--json"], "[]\n"),
        (["config", "get", "backoff_base"], "2\n"),
    )
    for argv, out in reading:
        assert cli(*argv)[:2] == (0, out), argv
    for argv in (["metrics"], ["status"], ["config", "list"], ["clear"], ["dlq", "retry", "--all"]):
        assert cli(*argv).code == 0, argv
    for verb in ("show", "logs", "cancel", "retry"):
        assert cli(verb, "a").code == 3, verb
    assert not os.path.exists(home.path)
    if url is not None:
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT to_regnamespace('queuectl')").fetchone() == (None,)


@SERVER_ONLY
@pytest.mark.parametrize(
    ("driver", "message"),
    [
        ({"PYTHONPATH": "without"}, "which is not installed"),
        # As when there is no libpq: psycopg says the same of none that works and of none that was asked for.
        ({"PSYCOPG_IMPL": "other"}, "which cannot be loaded: requested psycopg implementation 'other' unknown"),
    ],
)
def test_a_driver_that_is_missing_is_told_with_what_brings_it(
    cli: Cli, tmp_path: Path, driver: dict[str, str], message: str
) -> None:
    without = tmp_path / "without"
    without.mkdir()
    (without / "sitecustomize.py").write_text("import sys\nsys.modules['psycopg'] = None\n")

    code, out, err = cli("list", env=driver)

    assert (code, out) == (5, "")
    assert err.splitlines() == [
        f"queuectl: error: PostgreSQL needs the package psycopg, {message}",
        "  pip install 'psycopg[binary]'; after pipx: pipx inject queuectl 'psycopg[binary]'",
    ]


def test_a_reader_that_goes_away_ends_it_quietly(cli: Cli, program: list[str], environ: dict[str, str]) -> None:
    cli("enqueue", "--file", "-", stdin="".join(f'{{"command": "echo {"x" * 200}{i}"}}\n' for i in range(2000)))
    words = [*program, "list", "--json"]
    with mortal(subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)) as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        assert listing.stdout.read(1) == b"["
        listing.stdout.close()
        assert listing.stderr.read() == b""
    assert listing.returncode == 0


@NO_STORE
def test_a_full_disk_below_stdout_is_one_line(program: list[str], environ: dict[str, str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*program, "metrics"], env=environ, stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b"queuectl: error: cannot read or write: No space left on device\n"


NOBODY = "postgresql://jobs@127.0.0.1:1/queue"


@NO_STORE
@pytest.mark.parametrize(
    "words",
    [
        ("enqueue", "--", "true"),
        ("cancel", "a"),
        ("retry", "a"),
        ("dlq", "retry", "a"),
        ("config", "set", "grace", "7s"),
    ],
)
def test_whoever_could_change_nothing_is_told_so(cli: Cli, words: tuple[str, ...]) -> None:
    code, _, err = cli("--store", NOBODY, *words)
    assert code == 5
    assert err.splitlines()[1:] == ["  nothing was changed"]


@NO_STORE
@pytest.mark.parametrize(
    "words",
    [
        *(("list",), ("show", "a"), ("logs", "a"), ("wait", "a"), ("status",), ("metrics",), ("worker", "list")),
        *(("dlq", "list"), ("config", "get", "grace"), ("config", "list")),
    ],
)
def test_whoever_has_only_looked_is_not_told_that_nothing_was_changed(cli: Cli, words: tuple[str, ...]) -> None:
    code, _, err = cli("--store", NOBODY, *words)
    assert code == (125 if words[0] == "wait" else 5)
    assert [line.partition(" cannot be reached: ")[0] for line in err.splitlines() if "no worker" not in line] == [
        f"queuectl: error: the store {NOBODY}"
    ]


@SERVER_ONLY
@pytest.mark.parametrize("words", [("a", "b"), ("a", "c"), ("--all", "--yes")], ids=" ".join)
def test_whoever_could_not_change_all_is_not_told_that_nothing_was_changed(
    cli: Cli, url: str, store: Store, words: tuple[str, ...]
) -> None:
    job(store, State.FAILED, new_job("b"))
    job(store, State.PROCESSING, new_job("c"))
    store.enqueue([new_job("a")])
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE queuectl.jobs ADD CHECK (id = 'a' OR state <> 'cancelled')")
        connection.execute("ALTER TABLE queuectl.jobs ADD CHECK (cancel_requested_at IS NULL)")
    for id in ("b", "c"):
        assert cli("cancel", id).err.endswith("\n  nothing was changed\n")
    code, _, err = cli("cancel", *words)
    assert code == 5
    assert "nothing was changed" not in err
    assert stored_job(store, "a").state is State.CANCELLED
    told = "1 job cancelled" if words[0] == "--all" else "cancelled a"
    assert err.splitlines()[0] == told


def test_ctrl_c_is_130_and_silent(cli: Cli, program: list[str], environ: dict[str, str]) -> None:
    cli("enqueue", "--id", "a", "--", "true")
    words = [*program, "wait", "a"]
    with mortal(subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)) as waiting:
        assert waiting.stderr is not None
        assert waiting.stderr.readline() == b"no worker is running; start one: queuectl worker start\n"
        waiting.send_signal(signal.SIGINT)
        assert waiting.stderr.read() == b""
    assert waiting.returncode == 130


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_the_terminal_will_do(cli: Cli, encoding: str) -> None:
    env = {"PYTHONIOENCODING": encoding}
    assert cli("enqueue", "--id", "a", "-c", "echo \u4f60", env=env).code == 0
    code, out, err = cli("list", env=env)
    assert (code, err) == (0, "")
    assert "echo \u4f60" in out.replace("\\u4f60", "\u4f60")
    assert cli("show", "\u4f60", env=env).code == 3


@pytest.mark.parametrize("locale", ["C", "POSIX", "nonsense"])
def test_any_locale_will_do(cli: Cli, locale: str) -> None:
    env = {"LC_ALL": locale, "LANG": locale}
    assert cli("enqueue", "--id", "a", "-c", "echo \u4f60", env=env).code == 0
    assert json.loads(cli("show", "a", "--json", env=env).out)["command"] == "echo \u4f60"


@NO_STORE
def test_the_version(cli: Cli) -> None:
    assert cli("--version") == (0, f"queuectl {__version__}\n", "")


@NO_STORE
def test_an_internal_error_shows_its_place_only_on_request(cli: Cli, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import queuectl.cli.list\n\ndef broken(args, app):\n    raise ValueError('a\\x1b[31mb')\n\n"
        "queuectl.cli.list.run = broken\n"
    )
    env = {"PYTHONPATH": f"{tmp_path}:{environ.get('PYTHONPATH', '')}"}
    code, out, err = cli("list", env=env)
    assert (code, out) == (1, "")
    assert err == (
        "queuectl: error: internal error: ValueError: a\\x1b[31mb\n  QUEUECTL_DEBUG=1 shows where it comes from\n"
    )
    assert "Traceback" in cli("list", env={**env, "QUEUECTL_DEBUG": "1"}).err


def test_wait_ends_when_the_last_job_does(cli: Cli, program: list[str], environ: dict[str, str]) -> None:
    cli("enqueue", "--id", "a", "--", "true")
    with mortal(subprocess.Popen([*program, "wait", "-q", "a"], env=environ)) as waiting:
        assert waiting.poll() is None
        cli("cancel", "a")
        eventually(lambda: waiting.poll() is not None)
    assert waiting.returncode == 125

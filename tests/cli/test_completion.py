"""Completion in a shell: what may come next."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from queuectl.job import State
from tests.cli.conftest import FILES_ONLY, NO_STORE
from tests.support.eventually import DEADLINE
from tests.support.factories import job, new_job

if TYPE_CHECKING:
    from pathlib import Path

    from queuectl.paths import Home
    from queuectl.store.base import Store
    from tests.cli.conftest import Cli


def complete(cli: Cli, *words: str) -> list[str]:
    code, out, err = cli("_complete", "--", *words)
    assert (code, err) == (0, "")
    return out.splitlines()


@NO_STORE
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["enq"], ["enqueue"]),
        (["c"], ["cancel", "clear", "completions", "config"]),
        (["dlq", ""], ["list", "retry"]),
        (["--home", "elsewhere", "dlq", "r"], ["retry"]),
        (["list", "--st"], ["--state", "--store"]),
        (["list", "--state", "c"], ["cancelled", "completed"]),
        (["list", "--state", "s"], ["scheduled"]),
        (["list", "--state", "failed,c"], ["failed,cancelled", "failed,completed"]),
        (["cancel", "--com"], ["--command-like"]),
        (["dlq", "retry", "--st"], ["--store"]),
        (["list", "--state=c"], ["--state=cancelled", "--state=completed"]),
        (
            [
                "list",
                "--output=",
            ],
            ["--output=json", "--output=jsonl", "--output=table"],
        ),
        (["list", "--json="], []),
        (["list", "--nonsense=j"], []),
        (["list", "-o", ""], ["json", "jsonl", "table"]),
        (["worker", "start", "--log-format", ""], ["json", "text"]),
        (["worker", "start", "--log-format=t"], ["--log-format=text"]),
        (["--js"], ["--json"]),
        (["config", "get", "backoff_b"], ["backoff_base"]),
        (["completions", ""], ["bash", "fish", "zsh"]),
        (["help", "exit"], ["exit-codes"]),
        (["signal", "job1", "US"], ["USR1", "USR2"]),
        (["enqueue", "--", "ls", ""], []),
        (["nonsense", ""], []),
        (["list", "--limit", ""], []),
    ],
)
def test_words_that_may_come_next(cli: Cli, words: list[str], expected: list[str]) -> None:
    assert complete(cli, *words) == expected


@NO_STORE
def test_nothing_typed_offers_every_command_but_hidden_ones(cli: Cli) -> None:
    offered = complete(cli, "")
    assert {"enqueue", "worker", "dlq", "help"} <= set(offered)
    assert not [word for word in offered if word.startswith("_")]


def test_live_ids_and_queues(cli: Cli, store: Store) -> None:
    job(store, State.DEAD, new_job("job-dead"))
    job(store, State.PENDING, new_job("job-waiting", queue="slow"))
    job(store, State.PENDING, new_job("other"))
    assert complete(cli, "show", "job") == ["job-dead", "job-waiting"]
    assert complete(cli, "cancel", "other", "job") == ["job-dead", "job-waiting"]
    assert complete(cli, "dlq", "retry", "") == ["job-dead"]
    store.pause("other")
    assert complete(cli, "pause", "o") == ["other"]
    assert complete(cli, "resume", "") == ["other"]
    assert not set(complete(cli, "signal", "")) & {"job-dead", "job-waiting", "other"}
    assert complete(cli, "enqueue", "--queue", "s") == ["slow"]
    assert complete(cli, "enqueue", "--queue=s") == ["--queue=slow"]
    assert complete(cli, "cancel", "--queue", "default,s") == ["default,slow"]


@FILES_ONLY
def test_ids_come_from_the_home_that_is_named(cli: Cli, tmp_path: Path) -> None:
    cli("--home", str(tmp_path / "other"), "enqueue", "--id", "there", "--", "true")
    assert complete(cli, "--home", str(tmp_path / "other"), "show", "") == ["there"]
    assert complete(cli, "show", "") == []


@FILES_ONLY
def test_completion_makes_nothing_and_never_fails(cli: Cli, home: Home) -> None:
    assert complete(cli, "show", "") == []
    assert not os.path.exists(home.path)
    home.create()
    with open(home.database, "wb") as file:
        file.write(b"no database" * 500)
    assert complete(cli, "show", "") == []


@NO_STORE
def test_completion_does_not_fail_with_a_server_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    for url in (f"postgresql:///queue?host={tmp_path}", "nonsense"):
        assert complete(cli, "--store", url, "show", "") == []


@pytest.fixture
def shell_environ(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of a shell that finds the program by its name."""
    (tmp_path / "queuectl").write_text(f'#!/bin/sh\nexec {sys.executable} -m queuectl "$@"\n')
    (tmp_path / "queuectl").chmod(0o755)
    return {**environ, "PATH": f"{tmp_path}:{environ['PATH']}"}


@FILES_ONLY
@pytest.mark.parametrize(
    ("words", "replies"),
    [
        ("list --state = p", "pending processing"),
        ("list --state =", "blocked cancelled completed dead failed pending processing scheduled"),
        ("list --state=p", "pending processing"),
        ("--home = elsewhere show ''", "there"),
        ("enqueue --env A = B --queue d", "default"),
        ("list --state = --js", "--json"),
        ("enqueue -- a = ''", ""),
        ("= ''", ""),
    ],
)
def test_bash_completes_behind_an_equals_sign(
    cli: Cli, shell_environ: dict[str, str], tmp_path: Path, words: str, replies: str
) -> None:
    cli("enqueue", "--", "true")
    cli("--home", str(tmp_path / "elsewhere"), "enqueue", "--id", "there", "--", "true")
    script = cli("completions", "bash").out + (
        f'COMP_WORDS=(queuectl {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _queuectl; echo "${{COMPREPLY[@]}}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", script],
        env=shell_environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
        cwd=tmp_path,
    )
    assert (done.stdout, done.stderr) == (f"{replies}\n", "")


@NO_STORE
def test_bash_that_takes_no_word_apart_gets_whole_words(cli: Cli, shell_environ: dict[str, str]) -> None:
    script = cli("completions", "bash").out + (
        "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}\n"
        'COMP_WORDS=(queuectl list --state=p); COMP_CWORD=2; _queuectl; echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", script], env=shell_environ, capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    assert done.stdout.split() == ["--state=pending", "--state=processing"]


@NO_STORE
def test_bash_completes(cli: Cli, shell_environ: dict[str, str]) -> None:
    cli("enqueue", "--id", "job1", "--", "true")
    script = cli("completions", "bash").out + (
        'COMP_WORDS=(queuectl show jo); COMP_CWORD=2; _queuectl; echo "${COMPREPLY[@]}"\n'
        'COMP_WORDS=(queuectl list --state ""); COMP_CWORD=3; _queuectl; echo "${#COMPREPLY[@]}"\n'
        'COMP_WORDS=(queuectl li --json); COMP_CWORD=1; _queuectl; echo "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        ["bash", "-c", script], env=shell_environ, capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    assert done.stdout.splitlines() == ["job1", "8", "list"]


@NO_STORE
@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_completes(cli: Cli, shell_environ: dict[str, str]) -> None:
    cli("enqueue", "--id", "job1", "--", "true")
    script = (
        'compdef() { }; compset() { echo "compset $*"; }; _files() { echo files; }; compadd() { echo $found; }\n'
        f"{cli('completions', 'zsh').out}"
        "words=(queuectl show jo); CURRENT=3; _queuectl\n"
        "words=(queuectl list --state=de --json); CURRENT=3; _queuectl\n"
        "words=(queuectl list --home=/t); CURRENT=3; _queuectl\n"
    )
    done = subprocess.run(
        ["zsh", "-fc", script], env=shell_environ, capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    assert done.stdout.splitlines() == ["job1", "--state=dead", "compset -P *=", "files"]


@NO_STORE
@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes(cli: Cli, shell_environ: dict[str, str]) -> None:
    cli("enqueue", "--id", "job1", "--", "true")
    script = cli("completions", "fish").out + (
        'complete -C "queuectl show jo"; complete -C "queuectl list --state de"; complete -C "queuectl dlq r"\n'
        'complete -C "queuectl list --state=de"; complete -C "queuectl list --json --output=t"\n'
    )
    done = subprocess.run(
        ["fish", "-c", script], env=shell_environ, capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    assert done.stdout.splitlines() == ["job1", "dead", "retry", "--state=dead", "--output=table"]


@NO_STORE
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_sound(cli: Cli, shell: str) -> None:
    code, script, _ = cli("completions", shell)
    assert code == 0
    assert "queuectl _complete -- " in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, timeout=DEADLINE, check=True)

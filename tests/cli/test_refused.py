"""Jobs that `enqueue` and `run` refuse: in one line that helps, before anything is opened or made."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import NO_STORE
from tests.support.eventually import DEADLINE

if TYPE_CHECKING:
    from queuectl.paths import Home
    from tests.cli.conftest import Cli

pytestmark = NO_STORE


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["echo", "hi"], "queuectl enqueue -- echo hi"),
        (["echo", "a b"], "queuectl enqueue -- echo 'a b'"),
        (["true"], "queuectl enqueue -- true"),
        (["echo hi"], "queuectl enqueue -c 'echo hi'"),
        (["make", "--id", "x", "all"], "queuectl enqueue -- make all"),
    ],
)
def test_bare_words_are_refused_with_the_command_line_that_was_meant(cli: Cli, words: list[str], hint: str) -> None:
    code, out, err = cli("enqueue", *words)
    assert (code, out) == (2, "")
    assert err.splitlines()[1:] == [f"  did you mean: {hint}"]


@pytest.mark.parametrize("verb", ["enqueue", "run"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (['[{"command": "true"}]'], "a job is one JSON object, not an array"),
        ([' [ {"command": "true"} ]'], "a job is one JSON object, not an array"),
        (['\ufeff[["true"]]'], "a job is one JSON object, not an array"),
        (["[" * 60_000], "a job is one JSON object, not an array"),
        (["[]"], "a job is one JSON object, not an array"),
        (['{"command": "true"}', '{"command": "true"}'], "one job at a time"),
    ],
)
def test_of_many_jobs_as_arguments_it_says_where_many_go(cli: Cli, verb: str, words: list[str], message: str) -> None:
    _, out, err = cli(verb, *words)
    assert (out, err) == ("", f"queuectl: error: {message}\n  for many jobs: queuectl enqueue --file FILE\n")


@pytest.mark.parametrize("words", [["[ -f x ]"], ["[[ -f x ]]"], ["[", "x", "]"]])
def test_a_test_of_the_shell_is_no_array(cli: Cli, words: list[str]) -> None:
    assert cli("enqueue", *words).err.splitlines()[1].startswith("  did you mean: queuectl enqueue -")


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["-c", ""],
        ["-c", "  "],
        ["--"],
        ["-c", "true", "--", "true"],
        ["{", "}"],
        ['{"command": "true"'],
        ['{"command": "true"}', "--priority", "1"],
        ['{"command": "true"}', "--", "true"],
        ['{"command": "true", "priorty": 1}'],
        ["--file", "jobs", "-c", "true"],
        ["--file", "jobs", "--priority", "1"],
        ["--file", "missing"],
        ["--file", "."],
        ["--id", "../x", "--", "true"],
        ["--priority", "high", "--", "true"],
        ["--priority", "1001", "--", "true"],
        ["--max-retries", "-1", "--", "true"],
        ["--run-at", "tomorrow", "--", "true"],
        ["--timeout", "5 minutes", "--", "true"],
        ["--timeout", "0", "--", "true"],
        ["--env", "A", "--", "true"],
        ["--env", "A=1", "--env", "A=2", "--", "true"],
        ["--env", "QUEUECTL_X=1", "--", "true"],
        ["--secret-env", "A-B", "--", "true"],
    ],
)
def test_bad_input_is_refused_in_one_line_and_makes_nothing(cli: Cli, home: Home, argv: list[str]) -> None:
    code, out, err = cli("enqueue", *argv)
    assert (code, out) == (2, "")
    first, *hint = err.splitlines()
    assert first.startswith("queuectl: error: ")
    assert len(hint) <= 1
    assert not os.path.exists(home.path)


def test_bytes_that_are_no_text_are_refused(program: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run(
        [*program, "enqueue", "--", b"\xff"], env=environ, capture_output=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 2
    assert done.stderr == b"queuectl: error: argv[0] is not valid UTF-8\n"

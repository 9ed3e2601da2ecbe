"""Help: a stranger has to find his way. The texts are kept in golden/, written anew with GOLDEN=write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from queuectl.cli.help import TOPICS
from queuectl.cli.table import COMMANDS, GROUPS
from tests.cli.conftest import NO_STORE

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Terminal

pytestmark = NO_STORE

GOLDEN = Path(__file__).parent / "golden"

SHOWN = [command.name for command in COMMANDS if command.section]


def as_golden(name: str, text: str) -> None:
    """Compare a text with the one that is kept."""
    path = GOLDEN / f"{name.replace(' ', '-')}.txt"
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in SHOWN if not name.startswith("worker")])
def test_the_help_of_a_command(cli: Cli, name: str) -> None:
    code, out, err = cli(*name.split(), "--help")
    assert (code, err) == (0, "")
    as_golden(name, out)


@pytest.mark.parametrize("name", TOPICS)
def test_the_text_of_a_topic(cli: Cli, name: str) -> None:
    code, out, err = cli("help", name)
    assert (code, err) == (0, "")
    as_golden(f"topic-{name}", out)


def test_the_overview(cli: Cli) -> None:
    code, out, err = cli()
    assert (code, err) == (0, "")
    as_golden("overview", out)


@pytest.mark.parametrize("argv", [["-h"], ["--help"], ["help"], ["--help", "--json"]])
def test_every_way_to_ask_for_help_answers_alike(cli: Cli, argv: list[str]) -> None:
    assert cli(*argv) == cli()


@pytest.mark.parametrize("argv", [["list", "-h"], ["-h", "list"], ["help", "list"], ["list", "--state", "x", "-h"]])
def test_every_way_to_ask_about_a_command_answers_alike(cli: Cli, argv: list[str]) -> None:
    assert cli(*argv) == cli("list", "--help")


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_the_help_of_a_group_names_its_commands(cli: Cli, group: str) -> None:
    code, out, _ = cli(group, "--help")
    assert code == 0
    assert all(name in out for name in SHOWN if name.startswith(f"{group} "))


@pytest.mark.parametrize("name", SHOWN)
def test_help_begins_with_examples_that_call_the_command(cli: Cli, name: str) -> None:
    _, _, examples = cli("help", *name.split()).out.partition("examples:\n")
    assert f"queuectl {name}" in examples.splitlines()[0]


@pytest.mark.parametrize("name", SHOWN)
def test_help_in_a_pipe_fits_80_columns_but_for_examples(cli: Cli, name: str) -> None:
    before, _, rest = cli("help", *name.split()).out.partition("\nexamples:\n")
    _, _, after = rest.partition("\n\n")
    assert max(map(len, [*before.splitlines(), *after.splitlines()])) <= 80


def test_help_fills_a_wide_terminal_to_100_columns(terminal: Terminal) -> None:
    widest = max(map(len, terminal("help", "enqueue", columns=300).splitlines()))
    assert 80 < widest <= 100


def test_a_flag_behind_two_dashes_is_the_jobs(cli: Cli) -> None:
    assert "usage" not in cli("enqueue", "--", "ls", "--help").out

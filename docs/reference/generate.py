"""Writes docs/reference/commands.md from the table of commands and their parsers: python docs/reference/generate.py."""

# ruff: noqa: INP001  a script, not a package

from __future__ import annotations

from pathlib import Path

from queuectl.cli.parser import Parser
from queuectl.cli.table import COMMANDS, Command, load

TARGET = Path(__file__).with_name("commands.md")

WIDTH = 100

HEAD = """\
# Commands

This file is written by `python docs/reference/generate.py`, from the texts that `queuectl COMMAND --help` shows.

The [global options](#global-options) belong to every command. All that follows the first `--` is the job's own.
"""


def text() -> str:
    """Return the whole document."""
    shown = [command for command in COMMANDS if command.section]
    sections = dict.fromkeys(command.section for command in shown)
    contents = [
        f"- {section}: " + ", ".join(f"[{c.name}](#{_anchor(c)})" for c in shown if c.section == section)
        for section in sections
    ]
    commands = [_about(command) for command in shown]
    return "\n".join([HEAD, *contents, "", *commands, _global_options()])


def _anchor(command: Command) -> str:
    return f"queuectl {command.name}".replace(" ", "-")


def _about(command: Command) -> str:
    parser = Parser(command.name, WIDTH)
    load(command)[0](parser)
    return f"## queuectl {command.name}\n\n```\n{parser.format_help().strip()}\n```\n"


def _global_options() -> str:
    parser = Parser("COMMAND", WIDTH)
    parser.add_global_options()
    lines = parser.format_help().strip().partition("\n\n")[2]
    return f"## Global options\n\n```\n{lines}\n```\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")

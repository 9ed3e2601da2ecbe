"""`queuectl help [COMMAND|TOPIC]`, `--help`, `--version`, and what bare `queuectl` says.

The text of a command is made by the parser that reads it.
"""

from __future__ import annotations

import os
import sys

from queuectl.cli.parser import Parser, unknown_word
from queuectl.cli.table import BY_NAME, COMMANDS, GROUPS, load
from queuectl.cli.terminal import width_of
from queuectl.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.words import Words

WIDEST = 100
"""Columns that help fills at most, however wide the terminal is."""

OVERVIEW = """\
queuectl: a durable background job queue, driven from the command line.

usage: queuectl COMMAND [options] [-- ARGV...]

  queuectl enqueue -- convert big.tif big.png     add a job; prints its id
  queuectl worker start --count 2                 run what waits, two at a time
"""

TOPICS = {
    "exit-codes": "what the exit codes mean",
    "formatting": "tables, JSON, colour, times",
    "environment": "variables that queuectl reads, and what a job sees",
    "time": "how durations and moments are written",
    "selecting": "which jobs a command is about",
}


def configure(parser: Parser) -> None:
    """Describe the command line of `help`."""
    parser.describe(
        "[COMMAND | TOPIC]",
        f"Show help on a command or a topic ({', '.join(TOPICS)}).",
        "queuectl help enqueue\nqueuectl help exit-codes",
    )
    parser.add_argument("words", nargs="*", metavar="TOPIC", help="a command or a topic; none: the list of both")


def run(args: Namespace, app: App) -> int:
    """Print the help on what was named."""
    app.out.line(_about(" ".join(args.words)).rstrip())
    return 0


def answer(words: Words) -> int:
    """Answer a command line that asks for help or the version, or names no command."""
    if "--version" in words.options:
        from queuectl import __version__  # noqa: PLC0415  next to where it is shown

        sys.stdout.write(f"queuectl {__version__}\n")
        return 0
    if not words.wants_help:
        parser = Parser("COMMAND")
        parser.add_global_options()
        parser.read(words.options)
        if words.argv is not None:
            raise InvalidInput("no command before --", "to add a job: queuectl enqueue -- ARGV...")
    sys.stdout.write(_about(words.name))
    return 0


def overview() -> str:
    """Return the list of commands by section, and of topics."""
    sections: dict[str, list[str]] = {}
    for command in COMMANDS:
        if command.section:
            sections.setdefault(command.section, []).append(f"  {command.name:<15}  {command.help}")
    sections["Topics"] = [f"  {'help ' + name:<18}{text}" for name, text in TOPICS.items()]
    listed = "".join(f"\n{section}\n" + "\n".join(lines) + "\n" for section, lines in sections.items())
    return f"{OVERVIEW}{listed}\nqueuectl COMMAND --help explains a command; --version prints the version.\n"


def _about(name: str) -> str:
    if not name:
        return overview()
    if command := BY_NAME.get(name):
        parser = Parser(name, min(width_of(sys.stdout, os.environ) or 80, WIDEST))
        load(command)[0](parser)
        parser.add_global_options()
        return parser.format_help()
    if name in GROUPS:
        lines = [f"  {c.name:<15}  {c.help}\n" for c in COMMANDS if c.name.startswith(f"{name} ")]
        return f"usage: queuectl {name} COMMAND [options]\n\n{''.join(lines)}"
    if name in TOPICS:
        from queuectl.cli.topics import TEXTS  # noqa: PLC0415  long texts, rarely read

        return TEXTS[name]
    raise unknown_word(
        "command or topic", name, [*(c.name for c in COMMANDS if c.section), *TOPICS], "see: queuectl help"
    )

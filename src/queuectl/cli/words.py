"""Owns the shape of a command line: global options, a command, its words, and the job's argv after `--`.

Finds the command before any parser is built. Must not know what the words of a command mean.
"""

from __future__ import annotations

from queuectl.cli.parser import unknown_word
from queuectl.cli.table import BY_NAME, COMMANDS, GROUPS
from queuectl.errors import InvalidInput
from queuectl.quoting import quoted
from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from queuectl.cli.table import Command

WITH_VALUE = frozenset({"--home", "--store", "-o", "--output", "--color"})
"""Global options whose value is the next word."""

WITHOUT_VALUE = frozenset({"--json", "-q", "--quiet", "-h", "--help", "--version"})


class Words(Record):
    """A command line, taken apart."""

    name: str
    """The command as far as it was named: empty, a group, or a command."""
    options: tuple[str, ...]
    """Everything else before the first `--`, global options included."""
    argv: tuple[str, ...] | None
    """Everything after the first `--`, further `--` included; None when there is none."""

    @property
    def wants_help(self) -> bool:
        """Whether help is asked for, be the rest as it may."""
        return "-h" in self.options or "--help" in self.options

    @property
    def wants_json(self) -> bool:
        """Whether errors are to be JSON: known even when the options cannot be read."""
        pairs = zip(self.options, (*self.options[1:], ""), strict=False)
        return any(
            word in ("--json", "-ojson", "-ojsonl", "--output=json", "--output=jsonl")
            or (word in ("-o", "--output") and value in ("json", "jsonl"))
            for word, value in pairs
        )

    @property
    def command(self) -> Command:
        """The command that was named.

        Raises:
            InvalidInput: there is none of that name.
        """
        if command := BY_NAME.get(self.name):
            return command
        if self.name in GROUPS:
            of_group = [name for name in BY_NAME if name.startswith(f"{self.name} ")]
            raise InvalidInput(f"which of {', '.join(of_group)}?", f"see: queuectl {self.name} --help")
        shown = [command.name for command in COMMANDS if command.section]
        if in_group := [name for name in shown if name.endswith(f" {self.name}")]:
            raise InvalidInput(f"unknown command {quoted(self.name)}", f"did you mean: {' or '.join(in_group)}")
        raise unknown_word("command", self.name, shown, "see: queuectl help")


def take_apart(argv: Sequence[str]) -> Words:
    """Find the command; whatever it is not sure of stays in the options, for the command's parser to judge."""
    words = list(argv)
    job = None
    if "--" in words:
        at = words.index("--")
        job = tuple(words[at + 1 :])
        del words[at:]
    name, options = "", []
    wanted = 1
    while words and wanted:
        word = words.pop(0)
        if word.startswith("-"):
            options.append(word)
            if word in WITH_VALUE and words:
                options.append(words.pop(0))
            elif not word.startswith(tuple(WITH_VALUE | WITHOUT_VALUE)):
                break
        else:
            name = f"{name} {word}".strip()
            wanted = 1 if name in GROUPS else 0
    return Words(name, (*options, *words), job)

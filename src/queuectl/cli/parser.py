"""Owns how a command line is read: argparse with exact names, each option once, and errors that say what to do.

Every command has the global options. Must not know what any command does.
"""

from __future__ import annotations

import argparse
import sys

from queuectl.errors import InvalidInput
from queuectl.quoting import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from typing import NoReturn

argparse._ = str  # type: ignore[attr-defined]
"""gettext would look for translations of argparse's texts on disk, 2 ms at each start; `Parser.error` reads them."""

FORMATS = ("table", "json", "jsonl")
COLOURS = ("auto", "always", "never")
HELP_COLUMN = 28
"""Where the descriptions of options begin."""


class Parser(argparse.ArgumentParser):
    """Reads the words of one command."""

    def __init__(self, command: str, width: int = 80) -> None:
        super().__init__(
            prog=f"queuectl {command}",
            usage=f"queuectl {command} [options]",
            add_help=False,
            allow_abbrev=False,
            argument_default=None,
            formatter_class=lambda prog: HelpFormatter(prog, max_help_position=HELP_COLUMN, width=width),
        )
        if sys.version_info >= (3, 14):
            self.color = False
        self.register("action", None, StoreOnce)
        self.register("action", "store_true", SetOnce)
        self.register("action", "store_const", SetOnce)
        self._positionals.title = "arguments"
        self.options = self.add_argument_group("options")

    def describe(self, usage: str, text: str, examples: str) -> None:
        """Say what the command is for; `usage` follows its name."""
        self.usage = f"{self.prog} {usage}".rstrip()
        lines = "\n".join(f"  {line}" for line in examples.strip().splitlines())
        self.description = f"{text.strip()}\n\nexamples:\n{lines}"

    def add_global_options(self) -> None:
        """Add the options that every command has."""
        group = self.add_argument_group("global options (before or after the command)")
        group.add_argument("--home", metavar="DIR", type=_not_empty, help="directory of the queue [env: QUEUECTL_HOME]")
        group.add_argument(
            "--store", metavar="URL", type=_url, help="another store than DIR/queue.db [env: QUEUECTL_STORE]"
        )
        group.add_argument("--json", dest="output", action="store_const", const="json", help="the same as -o json")
        group.add_argument(
            "-o", "--output", metavar="FORMAT", type=one_of("format", FORMATS), help="table, json or jsonl"
        )
        group.add_argument("-q", "--quiet", action="store_true", help="print ids only, no messages")
        group.add_argument(
            "--color", metavar="WHEN", type=one_of("value", COLOURS), help="auto, always or never [env: NO_COLOR]"
        )
        group.add_argument("-h", "--help", action="store_true", help="show this help")

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Return what the words say; options may stand anywhere.

        Raises:
            InvalidInput: they cannot be meant.
        """
        args, unknown = self.parse_known_intermixed_args(words)
        for word in unknown:
            if word.startswith("-"):
                name = word.partition("=")[0]
                raise unknown_word("option", name, [*self.spellings(), "--version"], f"see: {self.prog} --help")
            raise InvalidInput(f"unexpected argument {quoted(word)}", f"usage: {self.usage}")
        return args

    def spellings(self) -> list[str]:
        """Return every way in which an option can be written."""
        return list(self._option_string_actions)

    def value_after(self, word: str) -> str | None:
        """Return the kind of value (its metavar) that has to follow a word; None when it is no such option."""
        action = self._option_string_actions.get(word)
        return action.metavar if action is not None and action.nargs is None else None  # type: ignore[return-value]

    def positionals(self) -> list[str]:
        """Return the kind of each argument that is not an option."""
        return [str(action.metavar) for action in self._get_positional_actions()]

    def error(self, message: str) -> NoReturn:
        """Say in our words what argparse found."""
        name, _, what = message.removeprefix("argument ").partition(": ")
        if message.startswith("the following arguments are required"):
            message = f"{what} is missing"
        elif what.startswith("expected"):
            value = f"{name.rpartition('/')[2]}=VALUE"
            raise InvalidInput(f"{name} needs a value", f"one that starts with - is written {value}")
        elif what.startswith("ignored explicit argument"):
            message = f"{name} takes no value"
        raise InvalidInput(message, f"usage: {self.usage}")

    def _get_value(self, action: argparse.Action, text: str) -> object:
        try:
            return super()._get_value(action, text)
        except InvalidInput as error:
            name = "/".join(action.option_strings) or action.metavar
            raise InvalidInput(f"{name}: {error.message}", error.hint) from None


class StoreOnce(argparse.Action):
    """Stores the value of an option that may be given once."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  argparse calls it so
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Store a value; every default is None."""
        if option_string is not None and getattr(namespace, self.dest) is not None:
            raise InvalidInput(f"{option_string}: {self.dest.replace('_', ' ')} is given twice")
        setattr(namespace, self.dest, self.const if self.nargs == 0 else values)


class SetOnce(StoreOnce):
    """Stores a constant for an option that may be given once and takes no value."""

    def __init__(
        self, option_strings: Sequence[str], dest: str, *, const: object = True, help: str | None = None
    ) -> None:
        super().__init__(option_strings, dest, nargs=0, const=const, help=help)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wraps prose and nothing else; the same in every version of Python: `-c, --command STRING`."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:  # noqa: ARG002  argparse calls it so
        from textwrap import fill  # noqa: PLC0415  argparse, too, imports it only for help

        blocks = text.split("\n\n")
        return "\n\n".join(block if "\n " in f"\n{block}" else fill(block, width) for block in blocks)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings:
            return super()._format_action_invocation(action)
        names = ", ".join(action.option_strings)
        return names if action.nargs == 0 else f"{names} {action.metavar}"


def one_of(kind: str, allowed: Collection[str]) -> Callable[[str], str]:
    """Return the reader of a word out of a few."""

    def read(text: str) -> str:
        if text in allowed:
            return text
        raise unknown_word(kind, text, allowed)

    return read


def _not_empty(text: str) -> str:
    if not text:
        raise InvalidInput("no directory is named")
    return text


def _url(text: str) -> str:
    if not text:
        raise InvalidInput("no store is named", "postgresql://USER@HOST/DATABASE")
    return text


def unknown_word(kind: str, word: str, known: Iterable[str], otherwise: str | None = None) -> InvalidInput:
    """Return the error for a word that is not known, with the nearest one that is; else all, or `otherwise`."""
    from difflib import get_close_matches  # noqa: PLC0415  5 ms, needed only here

    known = list(known)
    near = get_close_matches(word, known, n=1)
    hint = f"did you mean: {near[0]}" if near else otherwise or f"one of: {', '.join(known)}"
    return InvalidInput(f"unknown {kind} {quoted(word)}", hint)

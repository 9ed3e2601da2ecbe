"""Owns how a command line says which jobs it is about: ids, or a selection, the same for every command.

What a selection may say is selection.py's; what is done with the jobs is each.py's.
"""

from __future__ import annotations

import sys

from queuectl.cli.joboptions import pairs
from queuectl.cli.parser import one_of
from queuectl.durations import parse_duration
from queuectl.errors import InvalidInput
from queuectl.job import State
from queuectl.quoting import quoted
from queuectl.selection import SCHEDULED, WORDS, Selection, check_selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable

    from queuectl.cli.parser import Parser

FILTERS = ("queue", "state", "tag", "batch", "command_like", "older_than")
"""Options that narrow a selection, by their names."""

FROM_STDIN = "-"


def add_selectors(parser: Parser, *, states: bool = True) -> None:
    """Add the options that select jobs; without `states`, where the command says which state it is about."""
    add = parser.add_argument_group("options that select jobs; all that are given have to apply").add_argument
    add("--queue", metavar="QUEUE", type=_names, help="of a queue; of several: QUEUE,QUEUE")
    if states:
        add("--state", metavar="STATE", type=_states, help=f"that are {', '.join(WORDS)}; several as above")
    add("--tag", metavar="NAME=VALUE", action="append", help="with a tag; may be repeated")
    add("--batch", metavar="BATCH", help="of a batch")
    add("--command-like", metavar="TEXT", help="with TEXT in the command; * in it is any text")
    add("--older-than", metavar="DURATION", type=parse_duration, help="enqueued longer ago than 90s, 12h, 7d ...")
    add("--all", action="store_true", help="every job" if states else "every dead job")


def add_ids(parser: Parser) -> None:
    """Add the ids, which stand where no options select."""
    parser.add_argument("ids", nargs="*", metavar="ID", help="job; - reads ids from standard input, one a line")


def add_consent(parser: Parser) -> None:
    """Add the options of a command that changes many jobs at once."""
    parser.options.add_argument(
        "--dry-run", action="store_true", help="only say how many jobs, with -q or --json which"
    )
    parser.options.add_argument(
        "-y", "--yes", action="store_true", help="do not ask; a selection needs it off a terminal"
    )


def named_jobs(args: Namespace) -> list[str] | Selection:
    """Return the ids that a command line names, each once, or the selection that it makes.

    Raises:
        InvalidInput: it does both, or neither.
    """
    selection = selection_of(args)
    given = [name for name in (*FILTERS, "all") if getattr(args, name, None) is not None]
    if not args.ids:
        if not given:
            raise InvalidInput("no job is named", "name jobs, or select them: --queue, --state, --tag ..., or --all")
        return selection
    if given:
        raise InvalidInput(f"ids and {_option(given[0])} exclude each other", "name jobs, or select them")
    ids: dict[str, None] = {}
    for id in args.ids:
        ids.update(dict.fromkeys(_read_ids() if id == FROM_STDIN else (id,)))
    return list(ids)


def selection_of(args: Namespace) -> Selection:
    """Return what the options select; every job when there are none.

    Raises:
        InvalidInput: they cannot be meant.
    """
    given = [name for name in FILTERS if getattr(args, name, None) is not None]
    if args.all and given:
        raise InvalidInput(
            f"--all and {_option(given[0])} exclude each other", "--all is every job; the others say which"
        )
    words = getattr(args, "state", None) or ()
    return check_selection(
        Selection(
            args.queue or (),
            frozenset(State.PENDING if word == SCHEDULED else State(word) for word in words),
            SCHEDULED in words and State.PENDING not in words,
            pairs("--tag", args.tag or (), "write --tag NAME=VALUE"),
            args.batch,
            args.command_like,
            args.older_than,
        )
    )


def _read_ids() -> Iterable[str]:
    """Read ids from standard input, one a line; blank lines are none."""
    if sys.stdin is None or sys.stdin.isatty():
        raise InvalidInput("- reads ids from standard input, which is a terminal", "queuectl list -q ... gives ids")
    for number, line in enumerate(sys.stdin.buffer, 1):
        id = line.strip().decode(errors="replace")
        if not id.isprintable():
            raise InvalidInput(f"line {number} of standard input is no id: {quoted(id)}")
        if id:
            yield id


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _states(text: str) -> tuple[str, ...]:
    read = one_of("state", WORDS)
    return tuple(read(word) for word in text.split(","))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"

"""`queuectl _complete -- WORD...`: what the last word may become, for completion scripts. Never fails, makes nothing.

The kind of a value is the metavar of its option or argument.
"""

from __future__ import annotations

from argparse import Namespace

from queuectl.cli.app import App
from queuectl.cli.completions import SCRIPTS
from queuectl.cli.help import TOPICS
from queuectl.cli.parser import COLOURS, FORMATS, Parser
from queuectl.cli.table import BY_NAME, COMMANDS, GROUPS, load
from queuectl.cli.words import Words, take_apart
from queuectl.config import KEYS
from queuectl.errors import QueuectlError
from queuectl.job import State
from queuectl.selection import WORDS as STATES
from queuectl.signalnames import BY_NAME as SIGNALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from queuectl.queue import Queue

MOST = 200
"""Ids that are offered at once."""


def configure(parser: Parser) -> None:
    """Describe the command line of `_complete`."""
    parser.describe("-- WORD...", "Print what the last word may become.", "queuectl _complete -- list --st")


def run(args: Namespace, app: App) -> int:
    """Print the candidates, one a line."""
    *before, current = app.argv or ("",)
    taken = take_apart(before)
    if taken.argv is not None:
        return 0
    home = _value_of("--home", taken.options) or args.home
    with App(Namespace(**{**vars(args), "home": home}), None, app.environ) as there:
        try:
            candidates = sorted({word for word in _candidates(taken, current, there) if word.startswith(current)})
        except QueuectlError:
            return 0
    for word in candidates:
        app.out.line(word)
    return 0


def _candidates(taken: Words, current: str, app: App) -> Iterable[str]:
    command = BY_NAME.get(taken.name)
    parser = Parser(taken.name)
    if command is not None:
        load(command)[0](parser)
    parser.add_global_options()
    if kind := parser.value_after(taken.options[-1] if taken.options else ""):
        return _values(kind, current, app, taken)
    option, equals, value = current.partition("=")
    if equals and option.startswith("--"):
        return [f"{option}={word}" for word in _values(parser.value_after(option) or "", value, app, taken)]
    if current.startswith("-"):
        return parser.spellings()
    if command is None:
        return _command_words(taken.name)
    return [word for kind in parser.positionals() for word in _values(kind, current, app, taken)]


def _command_words(name: str) -> Iterable[str]:
    shown = [command.name.split() for command in COMMANDS if command.section]
    if name in GROUPS:
        return [words[1] for words in shown if words[0] == name]
    return [] if name else [words[0] for words in shown]


def _values(kind: str, current: str, app: App, taken: Words) -> Iterable[str]:
    before, comma, last = current.rpartition(",")
    if comma and kind in LISTED:
        return [f"{before},{word}" for word in _words(kind, last, app, taken)]
    return _words(kind, current, app, taken)


def _words(kind: str, current: str, app: App, taken: Words) -> Iterable[str]:
    match kind:
        case "ID" | "QUEUE" | "SCHEDULE" | "BATCH":
            queue = app.reading_queue()
            return _names(kind, current, queue, taken) if queue else ()
        case "TOPIC":
            return [*(command.name.split()[0] for command in COMMANDS if command.section), *TOPICS]
        case "ZONE":
            from zoneinfo import available_timezones  # noqa: PLC0415  only for these

            return available_timezones()
        case _:
            return WORDS.get(kind, ())


def _names(kind: str, current: str, queue: Queue, taken: Words) -> Iterable[str]:
    """Return what there is of a kind in a queue."""
    match kind:
        case "QUEUE":
            return queue.counts()
        case "BATCH":
            return queue.batches()
        case "SCHEDULE":
            return [schedule.name for schedule in queue.timetable().all()]
        case _:
            return _ids(current, queue, taken.name)


def _ids(current: str, queue: Queue, command: str) -> Iterable[str]:
    """Return ids of the jobs that a command is for."""
    match command:
        case "dlq retry":
            return [job.id for job in queue.list(State.DEAD, limit=MOST)]
        case "signal":
            return [job.id for job in queue.list(State.PROCESSING, limit=MOST)]
        case "resume":
            return [job.id for job in queue.paused(MOST)]
        case _:
            return queue.ids(current, MOST)


WORDS: dict[str, Iterable[str]] = {
    "STATE": STATES,
    "KEY": KEYS,
    "FORMAT": FORMATS,
    "WHEN": COLOURS,
    "SHELL": SCRIPTS,
    "SIGNAL": SIGNALS,
    "F": ("json", "text"),
    "OVERLAP": ("skip", "queue", "replace"),
    "CATCH-UP": ("none", "one", "all"),
}
"""The words of each kind of value that has a few."""

LISTED = frozenset({"STATE", "QUEUE"})
"""Kinds of values of which several may be given with commas between them."""


def _value_of(option: str, words: tuple[str, ...]) -> str | None:
    for word, value in zip(words, (*words[1:], None), strict=False):
        if word == option:
            return value
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None

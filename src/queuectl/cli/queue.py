"""`queuectl queue list|show|set|pause|resume|rm`: what holds for queues, over all workers."""

from __future__ import annotations

import os

from queuectl.cli.terminal import safe
from queuectl.errors import InvalidInput, NotFound
from queuectl.job import State
from queuectl.quoting import quoted
from queuectl.rules import KEEP, Limits, NewPause, Rule, parse_concurrency, parse_rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.queue import Queue

    Counts = Mapping[State, int]
    _T = TypeVar("_T")

LONGEST_REASON = 200

WAITING = (State.PENDING, State.FAILED)


def configure_list(parser: Parser) -> None:
    """Describe the command line of `queue list`."""
    parser.describe(
        "",
        "List the queues that have jobs, or for which something is set: what runs and waits, how much may run at once\n"
        "and start in a time over all workers, and whether they are paused.",
        "queuectl queue list\nqueuectl queue list --json | jq -r '.[] | select(.paused).queue'",
    )


def run_list(_args: Namespace, app: App) -> int:
    """List the queues."""
    queue = app.reading_queue()
    rules, counts = _all(queue) if queue else ({}, {})
    names = sorted(rules.keys() | counts.keys())
    if app.out.json:
        app.out.values(_fields(_rule(rules, name), counts.get(name, {})) for name in names)
    elif app.out.quiet:
        for name in names:
            app.out.line(name)
    elif queue is None or not names:
        app.out.say("no queue has a job")
    else:
        from queuectl.cli.told import told_pause  # noqa: PLC0415  not for JSON

        now = queue.now()
        rows = [
            (
                name,
                str(counts.get(name, {}).get(State.PROCESSING, 0)),
                str(_waiting(counts.get(name, {}))),
                _written(_rule(rules, name).concurrency),
                _written(_rule(rules, name).rate),
                safe(told_pause(_rule(rules, name), now)) if _rule(rules, name).pause else "-",
            )
            for name in names
        ]
        app.out.table(("QUEUE", "RUNNING", "WAITING", "AT ONCE", "RATE", "PAUSED"), rows, right="RUNNING WAITING")
    return 0


def configure_show(parser: Parser) -> None:
    """Describe the command line of `queue show`."""
    parser.describe(
        "QUEUE", "Show the limits of a queue, whether it is paused, and its jobs by state.", "queuectl queue show mail"
    )
    _add_name(parser)


def run_show(args: Namespace, app: App) -> int:
    """Show a queue.

    Raises:
        NotFound: it has no job, and nothing is set for it.
    """
    queue = app.existing_queue()
    rule = queue.rule(args.queue)
    counts = queue.counts().get(args.queue)
    if counts is None and rule == Rule(args.queue):
        raise NotFound(f"there is no queue {quoted(args.queue)}", f"see: {app.call('queue list')}")
    if app.out.json:
        app.out.value(_fields(rule, counts or {}))
    elif app.out.quiet:
        app.out.line(rule.queue)
    else:
        _print(rule, counts or {}, queue, app)
    return 0


def configure_set(parser: Parser) -> None:
    """Describe the command line of `queue set`."""
    parser.describe(
        "QUEUE [--concurrency N|none] [--rate N/TIME|none]",
        "Limit a queue, over all workers and machines. Jobs above a limit wait, and those of other queues overtake\n"
        "them. A rate is kept in any stretch of its time, wherever it begins. A limit that is not named stays.",
        "queuectl queue set mail --rate 10/m\nqueuectl queue set gpu --concurrency 2\n"
        "queuectl queue set mail --rate 100/1h30m --concurrency none",
    )
    _add_name(parser)
    add = parser.options.add_argument
    add("--concurrency", metavar="N", help="so many of its jobs run at once; none: any number")
    add("--rate", metavar="N/TIME", help="so many of its jobs start in any such time: 10/m, 5/30s; none: any number")


def run_set(args: Namespace, app: App) -> int:
    """Set limits of a queue."""
    if args.concurrency is None and args.rate is None:
        raise InvalidInput("no limit is given", "name one: --concurrency N, --rate N/TIME")
    limits = Limits(
        KEEP if args.concurrency is None else _read("--concurrency", parse_concurrency, args.concurrency),
        KEEP if args.rate is None else _read("--rate", parse_rate, args.rate),
    )
    queue = app.queue()
    queue.limit_queue(args.queue, limits)
    rule = queue.rule(args.queue)
    at_once = "any number" if rule.concurrency is None else str(rule.concurrency)
    _answer(app, queue, rule, f"queue {rule.queue}: {at_once} at once, {rule.rate or 'at any rate'}")
    return 0


def configure_pause(parser: Parser) -> None:
    """Describe the command line of `queue pause`."""
    parser.describe(
        "QUEUE [--for D] [--reason TEXT]",
        "Let no job of a queue start, on any machine, until it is resumed. What runs goes on.",
        "queuectl queue pause mail --reason 'the relay is down'\nqueuectl queue pause gpu --for 1h",
    )
    _add_name(parser)
    parser.options.add_argument("--for", dest="duration", metavar="D", help="end the pause by itself after 30m, 1h ...")
    parser.options.add_argument("--reason", metavar="TEXT", help="why, for whoever wonders")


def run_pause(args: Namespace, app: App) -> int:
    """Pause a queue."""
    seconds = None
    if args.duration is not None:
        from queuectl.durations import parse_duration  # noqa: PLC0415  not for every pause

        seconds = _read("--for", parse_duration, args.duration)
        if not seconds:
            raise InvalidInput("--for: a pause is longer than nothing")
    if args.reason is not None and not (args.reason.isprintable() and 0 < len(args.reason) <= LONGEST_REASON):
        raise InvalidInput(f"--reason is a text of 1 to {LONGEST_REASON} characters, on one line")
    queue = app.queue()
    queue.pause_queue(args.queue, NewPause(_me(), args.reason, seconds))
    rule = queue.rule(args.queue)
    back = f"to end it: {app.call('queue resume')} {rule.queue}"
    _answer(
        app, queue, rule, f"queue {rule.queue} is paused{'' if seconds is None else f' for {args.duration}'}; {back}"
    )
    return 0


def configure_resume(parser: Parser) -> None:
    """Describe the command line of `queue resume`."""
    parser.describe("QUEUE", "End the pause of a queue: its jobs start again.", "queuectl queue resume mail")
    _add_name(parser)


def run_resume(args: Namespace, app: App) -> int:
    """End the pause of a queue."""
    queue = app.existing_queue()
    queue.resume_queue(args.queue)
    _answer(app, queue, queue.rule(args.queue), f"queue {args.queue} goes on")
    return 0


def configure_rm(parser: Parser) -> None:
    """Describe the command line of `queue rm`."""
    parser.describe(
        "QUEUE",
        "Forget the limits and the pause of a queue. Its jobs stay, and start as those of any other.",
        "queuectl queue rm mail",
    )
    _add_name(parser)


def run_rm(args: Namespace, app: App) -> int:
    """Forget what is set for a queue."""
    queue = app.existing_queue()
    queue.forget_rule(args.queue)
    _answer(app, queue, queue.rule(args.queue), f"nothing is set for queue {args.queue} any more")
    return 0


def _add_name(parser: Parser) -> None:
    parser.add_argument("queue", metavar="QUEUE", help="name of the queue")


def _read(option: str, parse: Callable[[str], _T], text: str) -> _T:
    """Return what an option says; an error names it."""
    try:
        return parse(text)
    except InvalidInput as error:
        raise InvalidInput(f"{option}: {error.message}", error.hint) from None


def _me() -> str:
    """Return who calls, and where."""
    from pwd import getpwuid  # noqa: PLC0415  only for a pause

    try:
        name = getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"{name}@{os.uname().nodename}"


def _all(queue: Queue) -> tuple[dict[str, Rule], Mapping[str, Counts]]:
    return {rule.queue: rule for rule in queue.rules()}, queue.counts()


def _rule(rules: Mapping[str, Rule], name: str) -> Rule:
    return rules.get(name) or Rule(name)


def _waiting(counts: Counts) -> int:
    return sum(counts.get(state, 0) for state in WAITING)


def _written(limit: object) -> str:
    return "-" if limit is None else str(limit)


def _answer(app: App, queue: Queue, rule: Rule, message: str) -> None:
    if app.out.json:
        app.out.value(_fields(rule, queue.counts().get(rule.queue, {})))
    app.out.say(message)


def _fields(rule: Rule, counts: Counts) -> dict[str, object]:
    from queuectl.wire import rule_fields  # noqa: PLC0415  only for JSON

    return {**rule_fields(rule), "counts": {str(state): counts.get(state, 0) for state in State}}


def _print(rule: Rule, counts: Counts, queue: Queue, app: App) -> None:
    from queuectl.cli.told import told_pause  # noqa: PLC0415  not for JSON

    lines = {
        "queue": rule.queue,
        "at once": "any number" if rule.concurrency is None else str(rule.concurrency),
        "rate": "any" if rule.rate is None else str(rule.rate),
        "state": safe(told_pause(rule, queue.now())),
        **{str(state): str(counts.get(state, 0)) for state in State},
    }
    width = max(map(len, lines)) + 1
    for name, text in lines.items():
        app.out.line(f"{name + ':':<{width}}  {text}")

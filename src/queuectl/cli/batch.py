"""`queuectl batch list|show|wait|cancel`: jobs that belong together, and what follows them."""

from __future__ import annotations

from queuectl.cli.cancel import cancelling
from queuectl.cli.each import act_on_chosen
from queuectl.cli.jobtable import print_jobs
from queuectl.cli.terminal import safe
from queuectl.cli.wait import add_timeout, wait_for
from queuectl.durations import parse_duration
from queuectl.job import FINISHED, State
from queuectl.selection import Selection
from queuectl.wire import batch_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser

DEAD_SHOWN = 5
"""Dead jobs that `batch show` tells of."""


def configure_list(parser: Parser) -> None:
    """Describe the command line of `batch list`."""
    parser.describe(
        "",
        "List the batches, and how many of their jobs are in each state.",
        "queuectl batch list\nqueuectl batch list --json | jq -r '.[] | select(.ended | not) | .name'",
    )


def run_list(_args: Namespace, app: App) -> int:
    """Write the batches."""
    queue = app.reading_queue()
    batches = queue.batches() if queue else {}
    if app.out.quiet:
        for name in batches:
            app.out.line(name)
    elif app.out.json:
        app.out.values(batch_fields(name, counts) for name, counts in batches.items())
    elif batches:
        states = [state for state in State if any(counts[state] for counts in batches.values())]
        rows = [
            (safe(name), f"{sum(counts.values()):,}", *(f"{counts[state]:,}" for state in states))
            for name, counts in batches.items()
        ]
        headings = ("BATCH", "JOBS", *(state.upper() for state in states))
        app.out.table(headings, rows, right=" ".join(headings[1:]))
    return 0


def configure_show(parser: Parser) -> None:
    """Describe the command line of `batch show`."""
    parser.describe(
        "BATCH",
        "Show how far a batch is, its dead jobs, and what waits for its end.",
        "queuectl batch show night\nqueuectl batch show night --json | jq .counts",
    )
    _add_name(parser)


def run_show(args: Namespace, app: App) -> int:
    """Show the batch."""
    queue = app.existing_queue()
    counts, callbacks = queue.batch(args.name)
    dead = list(queue.select(Selection(states=frozenset({State.DEAD}), batch=args.name), limit=DEAD_SHOWN))
    if app.out.json:
        app.out.value(batch_fields(args.name, counts, callbacks))
        return 0
    app.out.line(f"batch {safe(args.name)}: {_told(counts)}")
    for heading, jobs in (("\nDied last:", dead), ("\nAt its end:", callbacks)):
        if jobs:
            app.out.line(heading)
            print_jobs(app, jobs)
    return 0


def configure_wait(parser: Parser) -> None:
    """Describe the command line of `batch wait`."""
    parser.describe(
        "BATCH [--timeout DURATION]",
        "Wait until the jobs that a batch has now have ended. The exit code is the highest of theirs.",
        "queuectl batch wait night && echo done",
    )
    _add_name(parser)
    add_timeout(parser)


def run_wait(args: Namespace, app: App) -> int:
    """Wait for the jobs of the batch."""
    app.existing_queue().batch(args.name)
    return wait_for(Selection(batch=args.name), args.timeout, app)


def configure_cancel(parser: Parser) -> None:
    """Describe the command line of `batch cancel`."""
    parser.describe(
        "BATCH",
        "Cancel the jobs of a batch that have not ended, running ones as well. What waits for all of them to complete\n"
        "is cancelled, too; --finally runs.",
        "queuectl batch cancel night\nqueuectl batch cancel night --grace 0",
    )
    _add_name(parser)
    parser.options.add_argument(
        "--grace", metavar="DURATION", type=parse_duration, help="time before KILL, 0: at once [default: setting grace]"
    )


def run_cancel(args: Namespace, app: App) -> int:
    """Cancel the jobs of the batch."""
    queue = app.existing_queue()
    queue.batch(args.name)
    return act_on_chosen(cancelling(args.grace), queue, Selection(batch=args.name), app)


def _add_name(parser: Parser) -> None:
    parser.add_argument("name", metavar="BATCH", help="name of the batch")


def _told(counts: Mapping[State, int]) -> str:
    total = sum(counts.values())
    if not total:
        return "no jobs yet"
    left = sum(n for state, n in counts.items() if state not in FINISHED)
    states = ", ".join(f"{n:,} {state}" for state, n in counts.items() if n)
    return f"{total:,} jobs, {'ended' if not left else f'{left:,} not ended'} ({states})"

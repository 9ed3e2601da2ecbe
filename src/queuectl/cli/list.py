"""`queuectl list`: jobs, newest first, or those of one state."""

from __future__ import annotations

from queuectl.cli.jobtable import add_limit, print_listing
from queuectl.cli.parser import one_of
from queuectl.job import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser

SCHEDULED = "scheduled"
"""Selects pending jobs of the future; a word for the list, not a state."""

STATES = (*State, SCHEDULED)


def configure(parser: Parser) -> None:
    """Describe the command line of `list`."""
    parser.describe(
        "[options]",
        "List jobs, newest first; waiting jobs in the order in which they will run.",
        """\
queuectl list
queuectl list --state failed
queuectl list --state scheduled --limit 0
queuectl list --json | jq -r '.[] | select(.priority > 5) | .id'""",
    )
    parser.options.add_argument(
        "--state", metavar="STATE", type=one_of("state", STATES), help=f"only jobs that are {', '.join(STATES)}"
    )
    add_limit(parser)


def run(args: Namespace, app: App) -> int:
    """Write the jobs."""
    queue = app.reading_queue()
    scheduled = args.state == SCHEDULED
    state = State.PENDING if scheduled else args.state and State(args.state)
    print_listing(app, args.limit, lambda limit: queue.list(state, scheduled=scheduled, limit=limit) if queue else ())
    return 0

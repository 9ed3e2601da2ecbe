"""`queuectl list`: jobs, newest first, or those of one state."""

from __future__ import annotations

from queuectl.cli.jobtable import add_limit, print_listing
from queuectl.job import State
from queuectl.wire import state_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser


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
    states = ", ".join((*State, "scheduled"))
    parser.options.add_argument("--state", metavar="STATE", type=state_named, help=f"only jobs that are {states}")
    add_limit(parser)


def run(args: Namespace, app: App) -> int:
    """Write the jobs."""
    queue = app.reading_queue()
    state, scheduled = args.state or (None, False)
    print_listing(app, args.limit, lambda limit: queue.list(state, scheduled=scheduled, limit=limit) if queue else ())
    return 0

"""`queuectl list`: jobs, newest first, or those of one state, or what is selected of them."""

from __future__ import annotations

from queuectl.cli.each import all_named
from queuectl.cli.jobtable import add_limit, print_listing
from queuectl.cli.selecting import add_ids, add_selectors, named_jobs, selection_of
from queuectl.errors import PartlyDone
from queuectl.selection import Selection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser


def configure(parser: Parser) -> None:
    """Describe the command line of `list`."""
    parser.describe(
        "[ID... | - | SELECTION] [--limit N]",
        "List jobs, newest first; of one state: waiting jobs in the order in which they will run, finished ones the\n"
        "last to finish first.",
        """\
queuectl list
queuectl list --state failed
queuectl list --state scheduled --limit 0
queuectl list --queue mail,sms --older-than 1d
queuectl list --json | jq -r '.[] | select(.priority > 5) | .id'""",
    )
    add_ids(parser)
    add_limit(parser)
    add_selectors(parser)


def run(args: Namespace, app: App) -> int:
    """Write the jobs."""
    jobs = named_jobs(args) if args.ids else selection_of(args)
    if isinstance(jobs, Selection):
        queue = app.reading_queue()
        print_listing(app, args.limit, lambda limit: queue.select(jobs, limit=limit) if queue else ())
        return 0
    found, complete = all_named(jobs, app)
    found.sort(key=lambda job: -job.seq)
    print_listing(app, args.limit, lambda limit: found[:limit] if limit else found)
    return 0 if complete else PartlyDone.exit_code

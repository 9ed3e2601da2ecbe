"""`queuectl retry`: let finished jobs run again, and failed ones run now."""

from __future__ import annotations

from queuectl.cli.each import act_on, add_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser


def configure(parser: Parser) -> None:
    """Describe the command line of `retry`."""
    parser.describe(
        "ID...",
        "Let jobs run again that are dead, completed or cancelled, with all their retries; a failed one is due now.\n"
        "Id, history and logs are kept.",
        "queuectl retry job1",
    )
    add_ids(parser)


def run(args: Namespace, app: App) -> int:
    """Give the jobs back to the queue."""
    return act_on(args.ids, app.existing_queue().retry, lambda job: f"{job.id} is due now", app)

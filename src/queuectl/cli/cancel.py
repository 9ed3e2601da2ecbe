"""`queuectl cancel`: take waiting jobs off the queue, and ask for the end of running ones."""

from __future__ import annotations

from queuectl.cli.each import act_on, add_ids
from queuectl.job import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job


def configure(parser: Parser) -> None:
    """Describe the command line of `cancel`."""
    parser.describe(
        "ID...",
        "Cancel jobs. One that waits is cancelled at once. One that runs is asked to end (TERM, after the grace\n"
        "period KILL) and marked `cancel requested` until it has ended; the request is on disk when this returns.",
        "queuectl cancel job1\nqueuectl cancel $(queuectl list --state pending -q)",
    )
    add_ids(parser)


def run(args: Namespace, app: App) -> int:
    """Cancel the jobs."""
    return act_on(args.ids, app.existing_queue().cancel, _told, app)


def _told(job: Job) -> str:
    return f"cancel requested: {job.id} is running" if job.state is State.PROCESSING else f"cancelled {job.id}"

"""`queuectl cancel`: take waiting jobs off the queue, and ask for the end of running ones."""

from __future__ import annotations

from functools import partial

from queuectl.cli.each import Verb, act, add_jobs
from queuectl.durations import parse_duration
from queuectl.job import State
from queuectl.lifecycle import CANCELLABLE
from queuectl.queue import Queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job


def configure(parser: Parser) -> None:
    """Describe the command line of `cancel`."""
    parser.describe(
        "(ID... | - | SELECTION)",
        "Cancel jobs. One that waits is cancelled at once. One that runs is asked to end (TERM, after the grace\n"
        "period KILL) and marked `cancel requested` until it has ended; the request is on disk when this returns.",
        """\
queuectl cancel job1
queuectl cancel --grace 1m job1
queuectl cancel --queue video --state pending
queuectl cancel --tag run=5 --dry-run""",
    )
    add_jobs(parser)
    parser.options.add_argument(
        "--grace", metavar="DURATION", type=parse_duration, help="time before KILL, 0: at once [default: setting grace]"
    )


def run(args: Namespace, app: App) -> int:
    """Cancel the jobs."""
    return act(cancelling(args.grace), args, app)


def cancelling(grace: float | None) -> Verb:
    """Return what is done with jobs that are cancelled; `grace` as of `Queue.cancel`."""
    one, many = partial(Queue.cancel, grace=grace), partial(Queue.cancel_all, grace=grace)
    return Verb("cancel", CANCELLABLE, one, many, _told, _done)


def _told(job: Job) -> str:
    return f"cancel requested: {job.id} is running" if job.state is State.PROCESSING else f"cancelled {job.id}"


def _done(job: Job) -> str:
    return "asked to end" if job.state is State.PROCESSING else "cancelled"

"""`queuectl pause`: keep waiting jobs from starting, and stop running ones."""

from __future__ import annotations

from queuectl.cli.each import Verb, act, add_jobs
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
    """Describe the command line of `pause`."""
    parser.describe(
        "(ID... | - | SELECTION)",
        "Pause jobs until they are resumed. One that waits does not start. Of one that runs every process is stopped\n"
        "(STOP), and its time limit stands still; its worker waits for it. The request is on disk when this returns.",
        "queuectl pause job1\nqueuectl pause --queue video",
    )
    add_jobs(parser)


def run(args: Namespace, app: App) -> int:
    """Pause the jobs."""
    return act(Verb("pause", CANCELLABLE, Queue.pause, Queue.pause_all, _told, _done), args, app)


def _told(job: Job) -> str:
    if job.state is State.PROCESSING and job.held_by is None:
        return f"pause requested: {job.id} is running"
    return f"paused {job.id}"


def _done(job: Job) -> str:
    return "asked to pause" if job.state is State.PROCESSING and job.held_by is None else "paused"

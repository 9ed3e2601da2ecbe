"""`queuectl resume`: let paused jobs go on, or start."""

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
    """Describe the command line of `resume`."""
    parser.describe(
        "(ID... | - | SELECTION)",
        "Let paused jobs go on where they were stopped (CONT), or start when they are due. A job that is not paused\n"
        "stays as it is.",
        "queuectl resume job1\nqueuectl resume --queue video",
    )
    add_jobs(parser)


def run(args: Namespace, app: App) -> int:
    """Resume the jobs."""
    return act(Verb("resume", CANCELLABLE, Queue.resume, Queue.resume_all, _told, _done, paused=True), args, app)


def _told(job: Job) -> str:
    return f"{job.id} runs on" if job.state is State.PROCESSING else f"{job.id} may start"


def _done(_: Job) -> str:
    return "resumed"

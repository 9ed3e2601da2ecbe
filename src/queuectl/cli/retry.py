"""`queuectl retry`: let finished jobs run again, and failed ones run now."""

from __future__ import annotations

from queuectl.cli.each import Verb, act, add_jobs
from queuectl.lifecycle import RETRIABLE
from queuectl.queue import Queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser


def configure(parser: Parser) -> None:
    """Describe the command line of `retry`."""
    parser.describe(
        "(ID... | - | SELECTION)",
        "Let jobs run again that are dead, completed or cancelled, with all their retries; a failed one is due now.\n"
        "Id, history and logs are kept.",
        "queuectl retry job1\nqueuectl retry --state failed,dead --queue mail",
    )
    add_jobs(parser)


def run(args: Namespace, app: App) -> int:
    """Give the jobs back to the queue."""
    verb = Verb(
        "retry", RETRIABLE, Queue.retry, Queue.retry_all, lambda job: f"{job.id} is due now", lambda _: "retried"
    )
    return act(verb, args, app)

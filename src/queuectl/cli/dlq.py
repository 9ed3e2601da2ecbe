"""`queuectl dlq list`, `queuectl dlq retry`: the dead letter queue, which is the view of the dead jobs."""

from __future__ import annotations

from queuectl.cli.each import Verb, act, add_jobs
from queuectl.cli.jobtable import add_limit, print_listing
from queuectl.cli.selecting import add_selectors, selection_of
from queuectl.errors import Conflict
from queuectl.job import State
from queuectl.lifecycle import RETRIABLE
from queuectl.queue import Queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job

DEAD = frozenset({State.DEAD})


def configure_list(parser: Parser) -> None:
    """Describe the command line of `dlq list`."""
    parser.describe(
        "[options]",
        "List the jobs that have no retries left, or lost their worker too often; the last one to die first.",
        "queuectl dlq list --queue mail\nqueuectl dlq list --json | jq -r '.[].last_error'",
    )
    add_selectors(parser, states=False)
    add_limit(parser)


def run_list(args: Namespace, app: App) -> int:
    """Write the dead jobs."""
    dead = selection_of(args)._replace(states=DEAD)
    queue = app.reading_queue()
    print_listing(app, args.limit, lambda limit: queue.select(dead, limit=limit) if queue else ())
    return 0


def configure_retry(parser: Parser) -> None:
    """Describe the command line of `dlq retry`."""
    parser.describe(
        "(ID... | - | SELECTION)",
        "Let dead jobs run again, with all their retries. Id, history and logs are kept.",
        "queuectl dlq retry job1\nqueuectl dlq retry --all\nqueuectl dlq retry --command-like backup --yes",
    )
    add_jobs(parser, states=False)


def run_retry(args: Namespace, app: App) -> int:
    """Give dead jobs back to the queue."""

    def retry_dead(queue: Queue, id: str) -> Job:
        job = queue.get(id)
        if job.state is State.DEAD:
            return queue.retry(id)
        hint = f"it can be retried all the same: {app.call('retry')} {id}" if job.state in RETRIABLE else None
        raise Conflict(f'job "{id}" is {job.state}, not dead', hint)

    verb = Verb("retry", DEAD, retry_dead, Queue.retry_all, lambda job: f"{job.id} is due now", lambda _: "retried")
    return act(verb, args, app)

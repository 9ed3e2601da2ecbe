"""`queuectl dlq list`, `queuectl dlq retry`: the dead letter queue, which is the view of the dead jobs."""

from __future__ import annotations

from queuectl.cli.each import act_on, add_ids
from queuectl.cli.jobtable import add_limit, print_listing
from queuectl.errors import Conflict, InvalidInput
from queuectl.job import State
from queuectl.lifecycle import MOVES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job
    from queuectl.queue import Queue


def configure_list(parser: Parser) -> None:
    """Describe the command line of `dlq list`."""
    parser.describe(
        "[options]",
        "List the jobs that have no retries left, or lost their worker too often; the last one to die first.",
        "queuectl dlq list\nqueuectl dlq list --json | jq -r '.[].last_error'",
    )
    add_limit(parser)


def run_list(args: Namespace, app: App) -> int:
    """Write the dead jobs."""
    queue = app.reading_queue()
    print_listing(app, args.limit, lambda limit: queue.list(State.DEAD, limit=limit) if queue else ())
    return 0


def configure_retry(parser: Parser) -> None:
    """Describe the command line of `dlq retry`."""
    parser.describe(
        "(ID... | --all)",
        "Let dead jobs run again, with all their retries. Id, history and logs are kept.",
        "queuectl dlq retry job1\nqueuectl dlq retry --all",
    )
    add_ids(parser, required=False)
    parser.options.add_argument("--all", action="store_true", help="every dead job")


def run_retry(args: Namespace, app: App) -> int:
    """Give dead jobs back to the queue."""
    if bool(args.ids) == bool(args.all):
        raise InvalidInput("name the jobs, or say --all" if not args.ids else "ids and --all exclude each other")
    if not args.all:
        queue = app.existing_queue()
        return act_on(args.ids, lambda id: _retry_dead(queue, id, app), _told, app)
    there = app.reading_queue()
    dead = [job.id for job in there.list(State.DEAD)] if there else []
    if there and dead:
        return act_on(dead, there.retry, _told, app)
    app.out.say("no job is dead")
    if app.out.json:
        app.out.values(())
    return 0


def _retry_dead(queue: Queue, id: str, app: App) -> Job:
    job = queue.get(id)
    if job.state is State.DEAD:
        return queue.retry(id)
    can_be_retried = job.state in MOVES["retry"][0]
    hint = f"it can be retried all the same: {app.call('retry')} {id}" if can_be_retried else None
    raise Conflict(f'job "{id}" is {job.state}, not dead', hint)


def _told(job: Job) -> str:
    return f"{job.id} is due now"

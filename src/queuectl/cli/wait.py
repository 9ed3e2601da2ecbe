"""`queuectl wait`: until jobs have ended; the exit code is theirs."""

from __future__ import annotations

import time

from queuectl.cli.each import add_ids
from queuectl.cli.enqueue import warn_without_worker
from queuectl.cli.follow import refuse_closed, settle, wait_for_all
from queuectl.cli.told import TIMED_OUT, ending_with, exit_code
from queuectl.durations import parse_duration
from queuectl.job import FINISHED, State
from queuectl.wire import job_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job


def configure(parser: Parser) -> None:
    """Describe the command line of `wait`."""
    parser.describe(
        "ID... [--timeout DURATION]",
        "Wait until jobs are completed, dead or cancelled. The exit code is the job's own, of several the highest\n"
        "(queuectl help exit-codes).",
        "queuectl wait job1 && echo done\nqueuectl wait --timeout 5m job1 job2",
    )
    add_ids(parser)
    parser.options.add_argument(
        "--timeout", metavar="DURATION", type=parse_duration, help="give up after it, with code 124 [default: never]"
    )


def run(args: Namespace, app: App) -> int:
    """Wait for the jobs."""
    queue = app.existing_queue()
    deadline = None if args.timeout is None else time.monotonic() + args.timeout
    jobs = [queue.get(id) for id in dict.fromkeys(args.ids)]
    if any(job.state not in FINISHED for job in jobs):
        refuse_closed(queue, jobs)
        warn_without_worker(app)
    jobs = wait_for_all(queue, app, jobs, deadline, lambda job: _tell(job, app))
    settle(queue, app, [job for job in jobs if job.state in FINISHED])
    going_on = [job.id for job in jobs if job.state not in FINISHED]
    if app.out.json:
        app.out.values(job_fields(job) for job in jobs)
    if going_on:
        app.out.say(f"timed out after {args.timeout:g} s; not ended: {', '.join(going_on)}")
        return TIMED_OUT
    return max(exit_code(job) for job in jobs)


def _tell(job: Job, app: App) -> None:
    if job.state is State.DEAD:
        app.out.say(f"{job.id} is dead: {ending_with(job, job.last_error)}")
    elif job.state is State.CANCELLED:
        app.out.say(f"{job.id} is cancelled{f': {job.last_error}' if job.attempt == 0 and job.last_error else ''}")

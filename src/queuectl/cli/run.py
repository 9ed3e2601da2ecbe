"""`queuectl run`: add a job, show its output while it runs, exit with its code."""

from __future__ import annotations

import sys

from queuectl.attemptlog import AttemptLog
from queuectl.cli.enqueue import warn_without_worker
from queuectl.cli.follow import Printer, follow, settle
from queuectl.cli.joboptions import add_job_options, requested_job
from queuectl.cli.told import ending_with, exit_code
from queuectl.errors import StoreClosed
from queuectl.job import Outcome, State
from queuectl.wire import job_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job
    from queuectl.queue import Queue

INTERRUPTED = 130


def configure(parser: Parser) -> None:
    """Describe the command line of `run`."""
    parser.describe(
        "[options] (-- ARGV... | -c STRING | JSON)",
        "Add a job, show its output while it runs, and exit with its code (queuectl help exit-codes). It is not\n"
        "retried unless --max-retries is given. Ctrl-C leaves the job alone. With --json the job itself is printed\n"
        "when it has ended, instead of its output.",
        "queuectl run -- make test\nqueuectl run -c 'make test 2>&1 | tail' --timeout 10m",
    )
    add_job_options(parser, "0")


def run(args: Namespace, app: App) -> int:
    """Enqueue a job, follow it, and return its exit code."""
    request = requested_job(args, app.argv, "run")
    if request.max_retries is None:
        request = request._replace(max_retries=0)
    queue = app.queue()
    job = queue.get(queue.enqueue(request))
    try:
        if not warn_without_worker(app, job.queue) and sys.stderr.isatty():
            app.out.say(f"job {job.id}")
        job = follow(queue, app, job, 1, _silence if app.out.json else _printer(queue, app))
    except KeyboardInterrupt:
        going_on = f"{app.call('logs')} -f {job.id}, {app.call('cancel')} {job.id}"
        app.out.say(f"detached; job {job.id} goes on ({going_on})")
        return INTERRUPTED
    except StoreClosed as error:
        raise StoreClosed(f"{error.message}, with job {job.id}", error.hint) from None
    settle(queue, app, [job])
    if app.out.json:
        app.out.value(job_fields(job))
    if job.state is State.CANCELLED:
        app.out.say(f"job {job.id} is cancelled")
    elif job.outcome not in (Outcome.EXITED, Outcome.SIGNALLED):
        app.out.say(f"job {job.id}: {ending_with(job, job.last_error)}")
    return exit_code(job)


def _printer(queue: Queue, app: App) -> Callable[[Job, int], Callable[[Job], None]]:
    printer = Printer(app.out)

    def begin(job: Job, attempt: int) -> Callable[[Job], None]:
        if attempt > 1:
            app.out.say(f"attempt {attempt} of {job.id}")
        log = AttemptLog(queue, app.home, job, attempt)
        return lambda job: printer.print(log.new(job))

    return begin


def _silence(_job: Job, _attempt: int) -> Callable[[Job], None]:
    return lambda _job: None

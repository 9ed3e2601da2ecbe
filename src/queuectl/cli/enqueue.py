"""`queuectl enqueue`: add jobs; their ids on stdout.

First of the five files that a job flows through; the next is queue.py.
"""

from __future__ import annotations

import sys
from itertools import chain, islice

from queuectl import roster
from queuectl.cli.joboptions import add_job_options, requested_job
from queuectl.errors import QueuectlError
from queuectl.job import Role

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Collection
    from datetime import datetime

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.queue import Queue
    from queuectl.request import JobRequest


SEVERAL = ("file", "array", "each_line", "batch", *Role)
"""Options that only cli/many.py knows."""


def configure(parser: Parser) -> None:
    """Describe the command line of `enqueue`."""
    parser.describe(
        "[options] (-- ARGV... | -c STRING | JSON | --file FILE)",
        "Add a job and print its id. It is on disk when this returns.",
        """\
queuectl enqueue -- convert big.tif big.png         a program and its arguments, no shell
queuectl enqueue -c 'pg_dump shop | gzip > d.gz'    a command for the shell
queuectl enqueue --id nightly --run-at 2026-12-01T02:00 --max-retries 5 -- ./report.sh
queuectl enqueue '{"id": "job1", "command": "sleep 2"}'
queuectl enqueue --file jobs.jsonl                  many, all or none""",
    )
    add_job_options(parser, "setting default_max_retries")
    add = parser.options.add_argument
    add("--file", metavar="FILE", help="jobs as JSON, one a line or one array; - is standard input")
    add("--each-line", metavar="FILE", help="a job for each line, which takes the place of {}; - is standard input")
    add("--array", metavar="RANGE", help="a job for each index: 1-100, 0-30:5; 1-100%%4 runs 4 at once")
    add("--batch", metavar="NAME", help="batch that the jobs belong to [default: of an array, its id]")
    add("--then", metavar="STRING", help="command to run when all jobs of the batch have completed")
    add("--catch", metavar="STRING", help="command to run when the first of them has died")
    add("--finally", metavar="STRING", help="command to run when all of them have ended")


def run(args: Namespace, app: App) -> int:
    """Enqueue what the command line describes."""
    if any(getattr(args, name) is not None for name in SEVERAL):
        _enqueue_several(args, app)
    else:
        _enqueue_one(requested_job(args, app.argv, "enqueue"), app)
    return 0


def warn_without_worker(app: App, name: str) -> bool:
    """Say so when no worker is there to run jobs of a queue."""
    if app.out.quiet:
        return False
    registered = app.queue().workers()
    if registered is None:
        some, serving = bool(roster.workers(app.home)), [member.queues for member in roster.serving(app.home)]
    else:
        some, serving = bool(registered), [worker.queues for worker in registered if not worker.stopping]
    if any(queues is None or _serves(queues, name) for queues in serving):
        return False
    if serving:
        app.out.say(f"no worker serves queue {name}; start one: {app.call('worker start --queue')} {name}")
        return True
    none = "every worker is about to stop" if some else "no worker is running"
    app.out.say(f"{none}; start one: {app.call('worker start')}")
    return True


def _serves(queues: str, name: str) -> bool:
    """Return whether a queue is among those that a worker serves, as they were named."""
    return any(word.partition(":")[0] == name for word in queues.split(","))


def _enqueue_one(request: JobRequest, app: App) -> None:
    queue = app.queue()
    id = queue.enqueue(request)
    _answer((id,), queue, app, added=None)
    _say_more(id, request.queue, request.run_at, queue, app)


def _enqueue_several(args: Namespace, app: App) -> None:
    from queuectl.cli.many import requested_jobs  # noqa: PLC0415  not for a single job

    jobs, callbacks = requested_jobs(args, app)
    queue = app.queue()
    ids = queue.enqueue_all(chain(jobs, callbacks))
    added = len(ids) - len(callbacks)
    _answer(ids, queue, app, added=added)
    if callbacks and not app.out.quiet:
        for request, id in zip(callbacks, islice(ids, added, None), strict=True):
            app.out.say(f"{request.flow.batch_role}: {id}")
    if ids:
        first = next(iter(ids))
        _say_more(first, queue.get(first).queue, None, queue, app)


def _say_more(id: str, name: str, run_at: datetime | float | None, queue: Queue, app: App) -> None:
    """Say when a job runs, and if its queue is paused or no worker is there.

    A store that is away now does not hide that the job is in it.
    """
    if app.out.quiet:
        return
    try:
        if run_at is not None:
            app.out.say(f"queued; {_when(id, run_at, queue)}")
        if (rule := queue.rule(name)).pause is not None:
            from queuectl.cli.told import told_pause  # noqa: PLC0415  rare

            app.out.say(f"queue {name} is {told_pause(rule, queue.now())}; {app.call('queue resume')} {name}")
        warn_without_worker(app, name)
    except QueuectlError as error:
        app.out.say(f"enqueued, but {error.message}")


def _when(id: str, run_at: datetime | float, queue: Queue) -> str:
    from queuectl.cli.when import local, span, until  # noqa: PLC0415  only for a job of the future

    due = queue.get(id).next_run_at if isinstance(run_at, float) else run_at
    if due is None:  # it runs already
        return "runs at once"
    wait = until(due, queue.now())
    if wait > 0:
        return f"runs at {local(due)} (in {span(wait)})"
    return f"runs at once: {local(due)} is past"


def _answer(ids: Collection[str], queue: Queue, app: App, *, added: int | None) -> None:
    """Print the first `added` ids (None: there is one), or all jobs as JSON.

    A failure to print does not hide that the jobs are there.
    """
    try:
        _print(ids, queue, app, added=added)
        sys.stdout.flush()
    except (OSError, QueuectlError) as error:
        first = next(iter(ids))
        what = first if len(ids) == 1 else f"{len(ids)} jobs, the first {first}"
        why = error.message if isinstance(error, QueuectlError) else f"cannot write to stdout: {error.strerror}"
        raise QueuectlError(f"{why}; enqueued: {what}") from None


def _print(ids: Collection[str], queue: Queue, app: App, *, added: int | None) -> None:
    if not app.out.json or app.out.quiet:
        for id in islice(ids, added):
            app.out.line(id)
        return
    from queuectl.wire import job_fields  # noqa: PLC0415  1 ms, only for JSON

    jobs = (job_fields(queue.get(id)) for id in ids)
    if added is None:
        app.out.value(next(jobs))
    else:
        app.out.values(jobs)

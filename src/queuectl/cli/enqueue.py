"""`queuectl enqueue`: add jobs; their ids on stdout.

First of the five files that a job flows through; the next is queue.py.
"""

from __future__ import annotations

import sys

from queuectl import roster
from queuectl.cli.joboptions import FIELDS, add_job_options, requested_job
from queuectl.errors import InvalidInput, QueuectlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Collection
    from datetime import datetime

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.queue import Queue
    from queuectl.request import JobRequest


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
    parser.options.add_argument(
        "--file", metavar="FILE", help="jobs as JSON, one a line or one array; - is standard input"
    )


def run(args: Namespace, app: App) -> int:
    """Enqueue what the command line describes."""
    if args.file is not None:
        _enqueue_file(args, app)
    else:
        _enqueue_one(requested_job(args, app.argv, "enqueue"), app)
    return 0


def warn_without_worker(app: App) -> bool:
    """Say so when no worker is there to run anything."""
    if app.out.quiet:
        return False
    registered = app.queue().workers()
    if registered is None:
        some, serve = bool(roster.workers(app.home)), roster.serves(app.home)
    else:
        some, serve = bool(registered), any(not worker.stopping for worker in registered)
    if serve:
        return False
    none = "every worker is about to stop" if some else "no worker is running"
    app.out.say(f"{none}; start one: {app.call('worker start')}")
    return True


def _enqueue_one(request: JobRequest, app: App) -> None:
    queue = app.queue()
    id = queue.enqueue(request)
    _answer((id,), queue, app)
    _say_more(id, request.run_at, queue, app)


def _enqueue_file(args: Namespace, app: App) -> None:
    if args.words or app.argv is not None:
        raise InvalidInput("--file and a job on the command line exclude each other")
    if given := [name for name in FIELDS if getattr(args, name) is not None]:
        raise InvalidInput(f"--file and --{given[0].replace('_', '-')} exclude each other", "say it in the file")
    from queuectl.jobjson import read_jobs  # noqa: PLC0415  1 ms, not for a single job

    try:
        stream = open(0 if args.file == "-" else args.file, "rb", closefd=args.file != "-")  # noqa: SIM115  just below
    except OSError as error:
        raise InvalidInput(f"cannot read {args.file}: {error.strerror}") from None
    with stream:
        queue = app.queue()
        try:
            ids = queue.enqueue_all(read_jobs(stream))
        except OSError as error:
            raise InvalidInput(f"cannot read {args.file}: {error.strerror}") from None
    _answer(ids, queue, app, many=True)
    if ids:
        _say_more(next(iter(ids)), None, queue, app)


def _say_more(id: str, run_at: datetime | float | None, queue: Queue, app: App) -> None:
    """Say when a job runs, and if no worker is there; a store that is away now does not hide that the job is in it."""
    if app.out.quiet:
        return
    try:
        if run_at is not None:
            app.out.say(f"queued; {_when(id, run_at, queue)}")
        warn_without_worker(app)
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


def _answer(ids: Collection[str], queue: Queue, app: App, *, many: bool = False) -> None:
    """Print ids, or their jobs as JSON; a failure to print does not hide that the jobs are there."""
    try:
        _print(ids, queue, app, many=many)
        sys.stdout.flush()
    except (OSError, QueuectlError) as error:
        first = next(iter(ids))
        what = first if len(ids) == 1 else f"{len(ids)} jobs, the first {first}"
        why = error.message if isinstance(error, QueuectlError) else f"cannot write to stdout: {error.strerror}"
        raise QueuectlError(f"{why}; enqueued: {what}") from None


def _print(ids: Collection[str], queue: Queue, app: App, *, many: bool) -> None:
    if not app.out.json or app.out.quiet:
        for id in ids:
            app.out.line(id)
        return
    from queuectl.wire import job_fields  # noqa: PLC0415  1 ms, only for JSON

    jobs = (job_fields(queue.get(id)) for id in ids)
    if many:
        app.out.values(jobs)
    else:
        app.out.value(next(jobs))

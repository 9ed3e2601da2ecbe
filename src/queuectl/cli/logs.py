"""`queuectl logs`: what a job has printed, its stdout to stdout and its stderr to stderr."""

from __future__ import annotations

import time

from queuectl import joblogs
from queuectl.attemptlog import AttemptLog
from queuectl.cli.follow import Printer, as_fields, follow, pause, print_fields, reread
from queuectl.config import parse_integer
from queuectl.errors import InvalidInput, NotFound
from queuectl.job import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job
    from queuectl.joblogs import Line
    from queuectl.queue import Queue

ANSWER_WITHIN = 5.0
"""Seconds for which another machine is waited for that may send what a running job has printed so far."""


def configure(parser: Parser) -> None:
    """Describe the command line of `logs`."""
    parser.describe(
        "ID [options]",
        "Print what a job's newest attempt has printed: its stdout to stdout, its stderr to stderr, byte for byte\n"
        "in a pipe. -f goes on, into later attempts, until the job has ended; with --json it prints a value a line.",
        "queuectl logs job1\nqueuectl logs -f job1\nqueuectl logs job1 --attempt 1 --stderr -n 20 -t",
    )
    parser.add_argument("id", metavar="ID", help="job")
    add = parser.options.add_argument
    add("-f", "--follow", action="store_true", help="wait for more, until the job has ended")
    add("-n", "--tail", metavar="N", type=_count, help="only the last N lines of what is there")
    add("--attempt", metavar="N", type=_count, help="that attempt, not the newest")
    add("-t", "--timestamps", action="store_true", help="begin each line with the time at which it was printed")
    add("--stdout", action="store_true", help="only the job's stdout")
    add("--stderr", action="store_true", help="only the job's stderr")


def run(args: Namespace, app: App) -> int:
    """Print the log."""
    if args.stdout and args.stderr:
        raise InvalidInput("--stdout and --stderr exclude each other", "without either, both are shown")
    queue = app.existing_queue()
    job = queue.get(args.id)
    if args.attempt is not None and not 1 <= args.attempt <= max(job.attempt, 1 if args.follow else 0):
        raise NotFound(f'job "{job.id}" has no attempt {args.attempt}', f"it has run {job.attempt} times so far")
    attempt = args.attempt or job.attempt
    if args.follow:
        follow(queue, app, job, attempt or 1, _follower(queue, args, app), only=args.attempt is not None)
    elif attempt == 0:
        app.out.say(f"{job.id} has not run yet")
        if app.out.json:
            app.out.values(())
    else:
        lines = _so_far(queue, job, AttemptLog(queue, app.home, job, attempt, _streams(args), args.tail))
        if app.out.json:
            app.out.values(as_fields(attempt, lines))
        else:
            Printer(app.out, stamps=args.timestamps).print(lines)
    return 0


def _so_far(queue: Queue, job: Job, log: AttemptLog) -> Iterator[Line]:
    """Yield what there is of a log; the machine that runs the job is given a moment to send it."""
    deadline = time.monotonic() + ANSWER_WITHIN
    while True:
        yield from log.new(job)
        if log.answered or job.state is not State.PROCESSING or not pause(deadline):
            return
        job = reread(queue, job)


def _follower(queue: Queue, args: Namespace, app: App) -> Callable[[Job, int], Callable[[Job], None]]:
    printer = Printer(app.out, stamps=args.timestamps)
    begun = False

    def begin(job: Job, attempt: int) -> Callable[[Job], None]:
        nonlocal begun
        if begun:
            app.out.say(f"attempt {attempt} of {job.id}")
        tail = None if begun else args.tail
        begun = True
        log = AttemptLog(queue, app.home, job, attempt, _streams(args), tail)
        if app.out.json:
            return lambda job: print_fields(attempt, log.new(job))
        return lambda job: printer.print(log.new(job))

    return begin


def _streams(args: Namespace) -> frozenset[str]:
    if args.stdout or args.stderr:
        return frozenset({"stdout" if args.stdout else "stderr"})
    return joblogs.BOTH


def _count(text: str) -> int:
    return parse_integer(text, 0, 1_000_000_000)

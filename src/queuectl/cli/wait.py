"""`queuectl wait`: until jobs have ended; the exit code is theirs."""

from __future__ import annotations

import time
from array import array
from collections import Counter

from queuectl.cli.enqueue import warn_without_worker
from queuectl.cli.follow import refuse_closed, settle, wait_for_all, wait_for_selected
from queuectl.cli.selecting import add_ids, add_selectors, named_jobs
from queuectl.cli.told import TIMED_OUT, ending_with, exit_code
from queuectl.durations import parse_duration
from queuectl.errors import NotFound, StoreUnavailable
from queuectl.job import FINISHED, State
from queuectl.selection import Selection
from queuectl.wire import job_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job
    from queuectl.queue import Queue


def configure(parser: Parser) -> None:
    """Describe the command line of `wait`."""
    parser.describe(
        "(ID... | - | SELECTION) [--timeout DURATION]",
        "Wait until jobs are completed, dead or cancelled. The exit code is the job's own, of several the highest\n"
        "(queuectl help exit-codes). A selection is what there is when the command begins; jobs of it that have ended\n"
        "before count as well.",
        "queuectl wait job1 && echo done\nqueuectl wait --timeout 5m job1 job2\nqueuectl wait --tag run=5",
    )
    add_ids(parser)
    add_timeout(parser)
    add_selectors(parser)


def add_timeout(parser: Parser) -> None:
    """Add the option that limits the wait."""
    parser.options.add_argument(
        "--timeout", metavar="DURATION", type=parse_duration, help="give up after it, with code 124 [default: never]"
    )


def run(args: Namespace, app: App) -> int:
    """Wait for the jobs."""
    return wait_for(named_jobs(args), args.timeout, app)


def wait_for(named: list[str] | Selection, timeout: float | None, app: App) -> int:
    """Wait for jobs, at most so many seconds if that is given, and return the exit code."""
    deadline = None if timeout is None else time.monotonic() + timeout
    if not isinstance(named, Selection):
        return _wait_for_named(named, timeout, app, deadline) if named else _nothing(app)
    queue = app.reading_queue()
    chosen = queue.matching(named, tuple(State)) if queue else {}
    if queue is None or not any(chosen.values()):
        return _nothing(app)
    return _wait_for_selected(queue, chosen, timeout, app, deadline)


def _wait_for_named(ids: Sequence[str], timeout: float | None, app: App, deadline: float | None) -> int:
    queue = app.existing_queue()
    jobs = [queue.get(id) for id in ids]
    if going_on := [job for job in jobs if job.state not in FINISHED]:
        refuse_closed(queue, jobs)
        warn_without_worker(app, going_on[0].queue)
    jobs = wait_for_all(queue, app, jobs, deadline, lambda job: _tell(job, app))
    settle(queue, app, [job for job in jobs if job.state in FINISHED])
    left = [job.id for job in jobs if job.state not in FINISHED]
    if app.out.json:
        app.out.values(job_fields(job) for job in jobs)
    if left:
        app.out.say(f"timed out after {timeout:g} s; not ended: {', '.join(left)}")
        return TIMED_OUT
    return max(exit_code(job) for job in jobs)


def _wait_for_selected(
    queue: Queue, chosen: Mapping[State, Sequence[int]], timeout: float | None, app: App, deadline: float | None
) -> int:
    """Wait for jobs that are known by number; what is kept of those that have ended is how many of each state."""
    ended: Counter[State] = Counter()
    code = 0

    def end(job: Job) -> None:
        nonlocal code
        ended[job.state] += 1
        code = max(code, exit_code(job))

    def end_here(job: Job) -> None:
        _tell(job, app)
        end(job)

    for state in FINISHED & chosen.keys():
        for job in queue.jobs(chosen[state]):
            end(job)
    going_on = array("q", sorted(seq for state in chosen.keys() - FINISHED for seq in chosen[state]))
    cleared = 0
    if going_on:
        first = next(queue.jobs(going_on), None)
        warn_without_worker(app, "default" if first is None else first.queue)
        going_on, cleared = wait_for_selected(queue, app, going_on, deadline, end_here)
    try:
        queue.flush()
    except StoreUnavailable as error:
        message = f"the ends of the jobs may not be on disk yet: {error.message}"
        raise StoreUnavailable(message, "wait again") from None
    if app.out.json:
        app.out.values(job_fields(job) for seqs in chosen.values() for job in queue.jobs(seqs))
    app.out.say(", ".join(f"{ended[state]:,} {state}" for state in State if ended[state]) or "none has ended")
    if going_on:
        app.out.say(f"timed out after {timeout:g} s; {len(going_on):,} not ended")
        return TIMED_OUT
    if cleared:
        raise NotFound(f"{cleared:,} of the jobs were cleared meanwhile")
    return code


def _nothing(app: App) -> int:
    app.out.say("no job to wait for")
    if app.out.json:
        app.out.values(())
    return 0


def _tell(job: Job, app: App) -> None:
    if job.state is State.DEAD:
        app.out.say(f"{job.id} is dead: {ending_with(job, job.last_error)}")
    elif job.state is State.CANCELLED:
        app.out.say(f"{job.id} is cancelled{f': {job.last_error}' if job.attempt == 0 and job.last_error else ''}")

"""`queuectl status`: one screen on a queue: counts, workers, the oldest waiting job, the last failures."""

from __future__ import annotations

from queuectl import roster
from queuectl.cli.terminal import safe
from queuectl.cli.told import ending_with, told_pause
from queuectl.cli.when import age, until
from queuectl.cli.workertable import print_workers, seen_workers, worker_fields
from queuectl.errors import StoreUnavailable
from queuectl.job import State
from queuectl.record import Record
from queuectl.wire import job_fields, rule_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job
    from queuectl.queue import Queue
    from queuectl.rules import Rule
    from queuectl.store.base import Registered

FAILURES = 5
"""Last failures that are shown."""

PAUSED = 5
"""Paused jobs that are shown."""


class Stored(Record):
    """What the store says."""

    workers: Sequence[Registered]
    counts: Mapping[State, int]
    oldest_waiting: Job | None
    failures: Sequence[Job]
    paused: Sequence[Job]
    """One more than are shown, if there are so many."""
    closed: str | None
    """Why the queue cannot be changed."""
    paused_queues: Sequence[Rule]
    now: datetime | None
    """What time it is there; None when there is no queue."""


def configure(parser: Parser) -> None:
    """Describe the command line of `status`."""
    parser.describe(
        "",
        "Show counts by state, the workers, the job that has waited longest, and the last failures. The workers are\n"
        "shown even when the store cannot be used.",
        "queuectl status\nqueuectl status --json | jq .counts.dead",
    )


def run(_args: Namespace, app: App) -> int:
    """Show the status.

    Raises:
        StoreUnavailable: the store cannot be used; the workers are shown all the same.
    """
    broken = None
    try:
        stored = _read(app.reading_queue())
    except StoreUnavailable as error:
        broken, stored = error, None
    if app.out.json:
        app.out.value(_fields(app, stored))
    else:
        _print(app, stored)
    if broken is not None:
        raise broken
    return 0


def _read(queue: Queue | None) -> Stored:
    if queue is None:
        return Stored([], dict.fromkeys(State, 0), None, [], [], None, [], None)
    by_queue = queue.counts().values()
    total = {state: sum(counts[state] for counts in by_queue) for state in State}
    closed = queue.why_closed()
    return Stored(
        queue.workers() or [],
        total,
        queue.oldest_waiting(),
        queue.last_failures(FAILURES),
        queue.paused(PAUSED + 1),
        None if closed is None else closed.message,
        [rule for rule in queue.rules() if rule.pause is not None],
        queue.now(),
    )


def _since_end(job: Job, now: datetime) -> float:
    """Return for how many seconds a job's last run has been over."""
    return -until(job.started_at or job.created_at, now) - (job.duration or 0.0)


def _fields(app: App, stored: Stored | None) -> dict[str, object]:
    workers = seen_workers(app.home, stored.workers if stored else ())
    fields: dict[str, object] = {
        "workers": [worker_fields(worker) for worker in workers],
        "gave_up": roster.failures(app.home),
    }
    if stored is not None:
        oldest = stored.oldest_waiting
        fields["counts"] = {str(state): stored.counts[state] for state in State}
        fields["oldest_waiting"] = job_fields(oldest) if oldest else None
        fields["last_failures"] = [job_fields(job) for job in stored.failures]
        fields["paused"] = [job_fields(job) for job in stored.paused[:PAUSED]]
        fields["closed"] = stored.closed
        fields["paused_queues"] = [rule_fields(rule) for rule in stored.paused_queues]
    return fields


def _print(app: App, stored: Stored | None) -> None:
    out = app.out
    if stored is not None and stored.closed is not None:
        out.line(f"{safe(stored.closed)}\n")
    if stored is not None:
        out.whole_table(
            [state.upper() for state in State],
            [[str(stored.counts[state]) for state in State]],
            right=" ".join(state.upper() for state in State),
        )
        out.line("")
    if workers := seen_workers(app.home, stored.workers if stored else ()):
        print_workers(app, workers)
    else:
        out.line("no worker is running")
    for reason in roster.failures(app.home):
        out.line(f"a supervisor gave up: {safe(reason)}")
    if stored is None or (now := stored.now) is None:
        return
    for rule in stored.paused_queues:
        out.line(f"queue {rule.queue} is {safe(told_pause(rule, now))}")
    if job := stored.oldest_waiting:
        out.line(f"\noldest waiting job: {job.id}, for {age(-until(job.next_run_at or job.created_at, now))}")
    if stored.paused:
        more = ", ..." if len(stored.paused) > PAUSED else ""
        out.line(f"\npaused: {', '.join(job.id for job in stored.paused[:PAUSED])}{more}")
    if stored.failures:
        out.line("\nlast failures:")
        rows = [
            (job.id, job.state.value, f"{age(_since_end(job, now))} ago", safe(ending_with(job, job.last_error)))
            for job in stored.failures
        ]
        out.table(("ID", "STATE", "WHEN", "WHY"), rows, state="STATE")

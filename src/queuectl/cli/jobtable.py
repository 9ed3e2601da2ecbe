"""Owns the list of jobs that `list`, `dlq list` and `status` show: which, how many, in which columns."""

from __future__ import annotations

from queuectl import process, roster
from queuectl.cli.output import cut
from queuectl.cli.terminal import safe
from queuectl.cli.told import tries, why
from queuectl.cli.when import age, until
from queuectl.config import parse_integer
from queuectl.job import State
from queuectl.wire import job_fields, shown_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job

ROWS = 100
"""Rows of a table when no limit is named."""

LONGEST_WHY = 40
"""Characters of a reason on a terminal."""


def worker_names(app: App, jobs: Iterable[Job]) -> dict[str, str]:
    """Return how each living worker is told, by its id; those of other homes only where one of the jobs needs them."""
    members = roster.workers(app.home)
    names = {member.id: f"worker {member.pid}{' (stopped)' if member.stopped else ''}" for member in members}
    if any(job.state is State.PROCESSING and job.worker not in names for job in jobs):
        here = process.host()
        for worker in app.existing_queue().workers() or ():
            id, pid, _, _, _, host, _ = worker.identity
            names.setdefault(id, f"worker {pid}" if host == here else f"worker {pid} on {host}")
    return names


def print_jobs(app: App, jobs: Sequence[Job]) -> None:
    """Write the table; QUEUE and WHY only where some job has something to say there."""
    out = app.out
    now = app.existing_queue().now()
    names = worker_names(app, jobs)
    reasons = [safe(why(job, now, names)) for job in jobs]
    if out.columns is not None:
        reasons = [cut(reason, LONGEST_WHY) for reason in reasons]
    columns: dict[str, Iterable[str]] = {
        "ID": (job.id for job in jobs),
        "STATE": (job.state.value for job in jobs),
        "QUEUE": (job.queue for job in jobs),
        "PRIO": (str(job.priority) for job in jobs),
        "TRY": (tries(job) for job in jobs),
        "AGE": (age(-until(job.created_at, now)) for job in jobs),
        "WHY": reasons,
        "COMMAND": (safe(shown_command(job)) for job in jobs),
    }
    if all(job.queue == "default" for job in jobs):
        del columns["QUEUE"]
    if not any(reasons):
        del columns["WHY"]
    rows = list(zip(*columns.values(), strict=True))
    out.table(tuple(columns), rows, right="PRIO TRY AGE", state="STATE")


def print_listing(app: App, limit: int | None, list_jobs: Callable[[int], Iterable[Job]]) -> None:
    """Write the jobs that `list_jobs` gives for a limit (0: all) as the options ask."""
    out = app.out
    most = ROWS if limit is None and not out.quiet and not out.json else None
    jobs = list_jobs(limit or 0 if most is None else most + 1)
    if out.quiet:
        for job in jobs:
            out.line(job.id)
    elif out.json:
        out.values(job_fields(job) for job in jobs)
    else:
        shown = list(jobs)
        if shown:
            print_jobs(app, shown[:most])
        if most is not None and len(shown) > most:
            out.say(f"there are more than {most}: --limit N shows N, --limit 0 all")


def add_limit(parser: Parser) -> None:
    """Add the option that says how many jobs are listed."""
    parser.options.add_argument(
        "--limit", metavar="N", type=_limit, help=f"show N jobs, 0 is all [default: {ROWS} in a table, else all]"
    )


def _limit(text: str) -> int:
    return parse_integer(text, 0, 1_000_000_000)

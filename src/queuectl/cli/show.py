"""`queuectl show`: everything about one job, and each of its attempts."""

from __future__ import annotations

from itertools import chain, repeat

from queuectl import joblogs
from queuectl.cli.jobtable import worker_names
from queuectl.cli.terminal import paint, safe
from queuectl.cli.told import ending, ending_with, why
from queuectl.cli.when import age, local, span, until
from queuectl.durations import format_duration
from queuectl.job import State
from queuectl.wire import attempt_fields, dependency_fields, job_fields, rfc3339, shown_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Attempt, Dependency, Job
    from queuectl.worker.leftovers import Leftover


def configure(parser: Parser) -> None:
    """Describe the command line of `show`."""
    parser.describe(
        "ID",
        "Show everything about a job: what it runs and how, where it is and why, and each of its attempts.",
        "queuectl show job1\nqueuectl show job1 --json | jq .history",
    )
    parser.add_argument("id", metavar="ID", help="job")


def run(args: Namespace, app: App) -> int:
    """Show the job."""
    queue = app.existing_queue()
    job = queue.get(args.id)
    attempts = queue.attempts(job)
    if app.out.json:
        history = [
            {**attempt_fields(attempt), "log_bytes": _log_size(app, job, attempt.attempt)} for attempt in attempts
        ]
        kept_by = [leftover._asdict() for leftover in _leftovers(job, app)]
        parents = [dependency_fields(parent) for parent in queue.parents(job)]
        app.out.value({**job_fields(job), "after": parents, "history": history, "leftovers": kept_by})
        return 0
    now = queue.now()
    fields = [(name, text) for name, text in _fields(job, queue.parents(job), now, app) if text]
    width = max(len(name) for name, _ in fields) + 1
    for name, text in fields:
        shown = paint(job.state, text) if name == "state" and app.out.coloured else text
        app.out.line(f"{name + ':':<{width}}  {shown}")
    rows = [_row(attempt, app, job) for attempt in attempts]
    if job.state is State.PROCESSING:
        rows.append(_running(job, now, app))
    if rows:
        app.out.line("")
        app.out.whole_table(("ATTEMPT", "STARTED", "DURATION", "LOG", "OUTCOME"), rows, right="ATTEMPT DURATION LOG")
    return 0


def _fields(job: Job, parents: Sequence[Dependency], now: datetime, app: App) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of what is to be shown; an empty text says that there is nothing to say."""
    policy = job.policy
    reason = why(job, now, worker_names(app, [job]))
    yield "id", job.id
    yield "state", f"{job.state}{f', {safe(reason)}' if reason else ''}"
    yield "command", safe(shown_command(job))
    yield "form", "sh -c" if job.argv is None else "program and arguments"
    yield "queue", job.queue
    yield "priority", str(job.priority)
    yield "attempts", str(job.attempt)
    yield "failures", f"{job.failures}, dead after {policy.max_retries + 1}"
    yield "crashes", f"{job.crashes}, dead after {policy.max_crashes}" if job.crashes else ""
    yield "interruptions", str(job.interruptions or "")
    yield "timeout", "none" if policy.timeout is None else format_duration(policy.timeout)
    yield "created", _moment(job.created_at, now, app)
    yield "not before", _moment(job.not_before, now, app)
    for name, parent in zip(chain(("after",), repeat("")), parents, strict=False):
        yield name, f"{parent.condition} {parent.parent}: {parent.state or 'forgotten'}"
    yield "if one fails", (job.flow.on_parent_failure or "") and f"{job.flow.on_parent_failure}"
    yield "batch", f"{job.flow.batch or ''}{f', {job.flow.batch_role}' if job.flow.batch_role else ''}"
    yield "array index", "" if job.flow.array_index is None else str(job.flow.array_index)
    yield "key", "" if job.flow.key is None else safe(f"{job.flow.key}, {job.flow.key_limit} at once")
    yield "next run", _moment(job.next_run_at, now, app)
    yield "started", _moment(job.started_at, now, app)
    yield "finished", _moment(job.finished_at, now, app)
    yield "duration", "" if job.duration is None else format_duration(round(job.duration, 3))
    yield "outcome", ending(job)
    yield "last error", safe(job.last_error or "")
    yield "worker", job.worker or ""
    for leftover in _leftovers(job, app):
        yield "kept by", f"{safe(str(leftover))}, which cannot be killed"
    yield "cancel requested", _moment(job.cancel_requested_at, now, app) if job.state is State.PROCESSING else ""
    yield "paused", _moment(job.paused_at, now, app)
    yield "directory", safe(job.cwd)
    yield "input", safe(job.stdin or "")
    hidden: dict[str, str] = job_fields(job)["env"]  # type: ignore[assignment]
    yield "env", safe(" ".join(f"{name}={value}" for name, value in hidden.items()))
    yield "secret env", " ".join(job.secret_env)
    yield "tags", safe(" ".join(f"{name}={value}" for name, value in job.flow.tags.items()))
    yield "schedule", job.flow.schedule or ""
    yield "tick", _moment(job.flow.tick, now, app)
    yield "seq", str(job.seq)


def _leftovers(job: Job, app: App) -> list[Leftover]:
    """Return the processes without whose end the job stays where it is, whatever its worker does."""
    if job.state is not State.PROCESSING:
        return []
    from queuectl.worker import leftovers  # noqa: PLC0415  most jobs that are shown do not run

    return leftovers.of_job(app.home, job)


def _moment(instant: datetime | None, now: datetime, app: App) -> str:
    """Return a moment as seen from now on a terminal, as RFC 3339 elsewhere."""
    if instant is None:
        return ""
    if app.out.columns is None:
        return rfc3339(instant)
    wait = until(instant, now)
    return f"{local(instant)} ({f'in {span(wait)}' if wait > 0 else f'{age(-wait)} ago'})"


def _start(instant: datetime, app: App) -> str:
    """Return a moment in a table, where how long ago it was would take room from the outcome."""
    return rfc3339(instant) if app.out.columns is None else local(instant)


def _row(attempt: Attempt, app: App, job: Job) -> tuple[str, ...]:
    return (
        str(attempt.attempt),
        _start(attempt.started_at, app),
        format_duration(round(attempt.duration, 3)),
        _size(_log_size(app, job, attempt.attempt)),
        safe(ending_with(attempt, attempt.error)),
    )


def _running(job: Job, now: datetime, app: App) -> tuple[str, ...]:
    return (
        str(job.attempt),
        _start(job.started_at, app) if job.started_at else "",
        span(-until(job.started_at, now)) if job.started_at else "",
        _size(_log_size(app, job, job.attempt)),
        "running, cancel requested" if job.cancel_requested_at else "running, paused" if job.held_by else "running",
    )


def _log_size(app: App, job: Job, attempt: int) -> int | None:
    """Return how many bytes a log takes on this machine; None when it may be on another one."""
    return joblogs.size(app.logs, job.seq, attempt) or (None if app.logs != app.home.logs else 0)


def _size(size: int | None) -> str:
    if size is None:
        return "-"
    for unit, of_unit in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= of_unit:
            return f"{size / of_unit:.1f} {unit}"
    return f"{size} B"

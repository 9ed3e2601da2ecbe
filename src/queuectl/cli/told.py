"""Owns the words in which a job's situation is told: `retry in 41s (exit 1)`, `worker 1234`, and its exit code.

Must not know tables, streams or the store.
"""

from __future__ import annotations

from queuectl.cli.when import age, span, until
from queuectl.job import Outcome, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from queuectl.job import Attempt, Job
    from queuectl.rules import Rule

TIMED_OUT = 124
NEVER_ENDED_ITSELF = 125
"""Exit code of `run` and `wait` for a job that was cancelled, never ran, or lost its worker too often."""
SIGNALLED = 128


def exit_code(job: Job) -> int:
    """Return the code with which `run` and `wait` end for a finished job."""
    if job.state is State.CANCELLED or job.outcome is None:
        return NEVER_ENDED_ITSELF
    match job.outcome:
        case Outcome.EXITED | Outcome.NOT_STARTED if job.exit_code is not None:
            return job.exit_code
        case Outcome.SIGNALLED if job.signal is not None:
            return SIGNALLED + job.signal
        case Outcome.TIMED_OUT:
            return TIMED_OUT
        case _:
            return NEVER_ENDED_ITSELF


def ending(run: Job | Attempt) -> str:
    """Return how a run, or a job's last one, ended, in a word or two."""
    match run.outcome:
        case None:
            return ""
        case Outcome.EXITED:
            return f"exit {run.exit_code}"
        case Outcome.SIGNALLED:
            return f"signal {run.signal}"
        case Outcome.LOST:
            return "worker lost"
        case _:
            return run.outcome.replace("_", " ")


def ending_with(run: Job | Attempt, error: str | None) -> str:
    """Return how a run ended, with the error that it left."""
    how = ending(run)
    if not error:
        return how
    return error if run.outcome is Outcome.LOST or error.startswith(how) else f"{how}: {error}"


def tries(job: Job) -> str:
    """Return the tries that are used, and how many there may be: 1/4.

    A run that was given back, or lost its worker, uses none; one that goes on, ended well or was cancelled does.
    """
    last = job.state in (State.PROCESSING, State.COMPLETED)
    last = last or (job.state is State.CANCELLED and job.outcome is Outcome.CANCELLED)
    return f"{job.failures + last}/{job.policy.max_retries + 1}"


def why(job: Job, now: datetime, workers: Mapping[str, str]) -> str:
    """Return why a job is where it is, where its state does not say it; `workers` tells each worker by id."""
    match job.state:
        case State.PROCESSING:
            reason = _run(job, workers)
        case State.FAILED if job.paused_at is not None:
            reason = f"paused ({ending(job)})"
        case State.PENDING | State.BLOCKED if job.paused_at is not None:
            reason = "paused"
        case State.FAILED | State.PENDING if job.held_by is not None:
            reason = f"held by {job.held_by.replace(':', ' ', 1)}"
        case State.FAILED:
            reason = f"{_due(job, now, 'retry')} ({ending(job)})"
        case State.PENDING if job.next_run_at is not None and until(job.next_run_at, now) > 0:
            reason = _due(job, now, "runs")
        case State.BLOCKED:
            reason = "waits for other jobs" if job.flow.batch_role is None else f"waits for batch {job.flow.batch}"
        case State.DEAD:
            reason = ending_with(job, job.last_error)
        case State.CANCELLED if job.attempt == 0:
            reason = job.last_error or ""
        case _:
            reason = ""
    return reason


def _run(job: Job, workers: Mapping[str, str]) -> str:
    if job.cancel_requested_at is not None:
        return "cancel requested"
    if job.paused_at is not None:
        return "pausing" if job.held_by is None else "paused"
    return workers.get(job.worker or "", "worker gone")


def told_pause(rule: Rule, now: datetime) -> str:
    """Return who has paused a queue, when, why, and until when; `not paused` when nobody has."""
    pause = rule.pause
    if pause is None:
        return "not paused"
    since = f"paused by {pause.by} {age(-until(pause.at, now))} ago"
    rest = "" if pause.until is None else f", for another {span(until(pause.until, now))}"
    return f"{since}{rest}{f': {pause.reason}' if pause.reason else ''}"


def _due(job: Job, now: datetime, verb: str) -> str:
    wait = until(job.next_run_at, now) if job.next_run_at is not None else 0
    return f"{verb} in {span(wait)}" if wait > 0 else f"{verb} now"

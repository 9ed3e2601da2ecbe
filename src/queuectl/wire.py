"""Owns the JSON shapes in which jobs, metrics and errors are shown, and what is hidden in them.

Must not know the store, nor how JSON is read (jobjson.py does that).
"""

from __future__ import annotations

import json
import re

from queuectl.job import FINISHED, State
from queuectl.quoting import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from queuectl.errors import QueuectlError
    from queuectl.job import Attempt, Dependency, Job
    from queuectl.rules import Rule
    from queuectl.store.base import Durations, Metrics

SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")
"""Values of variables, and of parameters of a URL, whose names hold one of these are not shown."""
URL_LOGIN = r"(://[^\s/?#:@]*:)[^\s/]*@"
"""As in postgres://user:password@host/; a password that was not encoded may hold any of :@?#."""
URL_PARAMETER = r"([?&][^\s?&=]*=)([^\s?&#]*)"
HIDDEN = "***"

DURATION_FIELDS = {
    "avg_ms": "mean",
    "min_ms": "shortest",
    "max_ms": "longest",
    "p50_ms": "p50",
    "p95_ms": "p95",
    "p99_ms": "p99",
}
"""Names of `store.base.Durations`, in milliseconds, by what they are called in JSON."""


def dumps(value: object) -> str:
    """Return a value as one line of JSON in ASCII."""
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(allow_nan=False)


def rfc3339(instant: datetime) -> str:
    """Return an instant in UTC as RFC 3339, with microseconds when there are any."""
    return instant.isoformat().replace("+00:00", "Z")


def job_fields(job: Job) -> dict[str, object]:
    """Return a job as it is shown as JSON; values of variables that look secret, and passwords in URLs, are hidden."""
    policy = job.policy
    return {
        "id": job.id,
        "seq": job.seq,
        "command": shown_command(job),
        "argv": None if job.argv is None else list(job.argv),
        "state": str(job.state),
        "attempts": job.attempt,
        "failures": job.failures,
        "crashes": job.crashes,
        "interruptions": job.interruptions,
        "max_retries": policy.max_retries,
        "priority": job.priority,
        "queue": job.queue,
        "created_at": rfc3339(job.created_at),
        "next_run_at": _instant_field(job.next_run_at),
        "started_at": _instant_field(job.started_at),
        "finished_at": _instant_field(job.finished_at),
        "duration_ms": None if job.duration is None else round(job.duration * 1000),
        "exit_code": job.exit_code,
        "signal": job.signal,
        "outcome": None if job.outcome is None else str(job.outcome),
        "last_error": job.last_error,
        "worker": job.worker,
        "timeout": policy.timeout,
        "cwd": job.cwd,
        "env": shown_environment(job.env),
        "secret_env": list(job.secret_env),
        "stdin": job.stdin,
        "tags": dict(job.flow.tags),
        "key": job.flow.key,
        "key_limit": job.flow.key_limit,
        "held_by": job.held_by,
        "batch": job.flow.batch,
        "batch_role": job.flow.batch_role,
        "array_index": job.flow.array_index,
        "on_parent_failure": job.flow.on_parent_failure,
        "schedule": job.flow.schedule,
        "tick": _instant_field(job.flow.tick),
        "paused": job.paused_at is not None,
        "cancel_requested": job.state is State.PROCESSING and job.cancel_requested_at is not None,
    }


def shown_command(job: Job) -> str:
    """Return what a job runs as one would type it into a shell."""
    if job.argv is None:
        return job.command or ""
    from shlex import join  # noqa: PLC0415  not needed to enqueue

    return join(job.argv)


def shown_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return variables as they may be shown."""
    return {name: _hidden(name, value) for name, value in env.items()}


def attempt_fields(attempt: Attempt) -> dict[str, object]:
    """Return a finished run as it is shown as JSON."""
    return {
        "attempt": attempt.attempt,
        "worker": attempt.worker,
        "started_at": rfc3339(attempt.started_at),
        "finished_at": rfc3339(attempt.finished_at),
        "duration_ms": round(attempt.duration * 1000),
        "outcome": str(attempt.outcome),
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "error": attempt.error,
    }


def batch_fields(name: str, counts: Mapping[State, int], callbacks: Iterable[Job] | None = None) -> dict[str, object]:
    """Return a batch as it is shown as JSON; with what waits for its end if that is given."""
    total = sum(counts.values())
    fields: dict[str, object] = {
        "name": name,
        "jobs": total,
        "counts": {str(state): counts[state] for state in State},
        "ended": total > 0 and all(state in FINISHED for state in State if counts[state]),
        "completed": 0 < total == counts[State.COMPLETED],
    }
    if callbacks is not None:
        fields["callbacks"] = [job_fields(job) for job in callbacks]
    return fields


def dependency_fields(dependency: Dependency) -> dict[str, object]:
    """Return what a job waits for as it is shown as JSON."""
    return {
        "id": dependency.parent,
        "condition": str(dependency.condition),
        "met": dependency.met,
        "state": None if dependency.state is None else str(dependency.state),
    }


def rule_fields(rule: Rule) -> dict[str, object]:
    """Return what is set for a queue as it is shown as JSON."""
    pause = rule.pause
    return {
        "queue": rule.queue,
        "concurrency": rule.concurrency,
        "rate": None if rule.rate is None else str(rule.rate),
        "paused": None
        if pause is None
        else {
            "at": rfc3339(pause.at),
            "by": pause.by,
            "reason": pause.reason,
            "until": _instant_field(pause.until),
        },
    }


def metrics_fields(metrics: Metrics) -> dict[str, object]:
    """Return counts and durations as they are shown as JSON; every state is there, durations are milliseconds."""
    fields = {
        **_metrics_of(metrics.counts, metrics.completed),
        "queues": {name: _metrics_of(counts, completed) for name, (counts, completed) in metrics.queues.items()},
    }
    if metrics.upkeep is not None:
        dead_rows, oldest = metrics.upkeep
        fields["store"] = {"dead_rows": dead_rows, "oldest_transaction_s": round(oldest, 3)}
    return fields


def error_fields(error: QueuectlError) -> dict[str, object]:
    """Return an error as it is shown as JSON."""
    hint = error.hint and shortened(error.hint)
    return {"error": {"code": error.code, "message": shortened(error.message), "hint": hint}}


def _metrics_of(counts: Mapping[State, int], completed: Durations | None) -> dict[str, object]:
    durations: dict[str, object] = {"completed_count": 0 if completed is None else completed.runs}
    for field, name in DURATION_FIELDS.items():
        durations[field] = None if completed is None else round(getattr(completed, name) * 1000, 3)
    return {"counts": {str(state): counts.get(state, 0) for state in State}, "completed": durations}


def _instant_field(instant: datetime | None) -> str | None:
    return None if instant is None else rfc3339(instant)


def _hidden(name: str, value: str) -> str:
    if _sounds_secret(name):
        return HIDDEN
    if "://" not in value:
        return value
    value = re.sub(URL_LOGIN, rf"\1{HIDDEN}@", value)
    return re.sub(URL_PARAMETER, lambda found: found[1] + (HIDDEN if _sounds_secret(found[1]) else found[2]), value)


def _sounds_secret(name: str) -> bool:
    return any(word in name.upper() for word in SECRET_WORDS)

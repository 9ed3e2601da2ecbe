"""Records that tests start from: `JOB._replace(state=State.DEAD)`."""

from __future__ import annotations

from datetime import UTC, datetime

from queuectl.job import NO_FLOW, Job, Policy, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)

JOB = Job(
    seq=7,
    id="job1",
    state=State.PENDING,
    ready=True,
    queue="default",
    priority=0,
    command="echo 'Hello'",
    argv=None,
    policy=Policy(),
    cwd="/data",
    umask=0o022,
    caller_env={"PATH": "/bin"},
    env={},
    secret_env=(),
    stdin=None,
    attempt=0,
    failures=0,
    crashes=0,
    interruptions=0,
    created_at=NOW,
    next_run_at=None,
    started_at=None,
    finished_at=None,
    duration=None,
    outcome=None,
    exit_code=None,
    signal=None,
    last_error=None,
    worker=None,
    cookie=None,
    cancel_requested_at=None,
    flow=NO_FLOW,
    not_before=None,
    held_by=None,
    paused_at=None,
    followed=False,
)
"""A job as it is right after `enqueue`."""

"""Owns what a decision of lifecycle.py is as values of a statement."""

from __future__ import annotations

from queuectl.job import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from queuectl.job import Ended, Job
    from queuectl.lifecycle import Move


def of_request(move: Move) -> dict[str, Any]:
    """Return the values of `move`."""
    return {
        "state": move.state,
        "ready": move.ready,
        "delay": move.delay,
        "finished": move.finished,
        "failures": move.failures,
        "crashes": move.crashes,
        "interruptions": move.interruptions,
        "held_by": move.held_by,
    }


def of_end(job: Job, ended: Ended, move: Move, now: datetime | None) -> dict[str, Any]:
    """Return the values of `finish`."""
    failed = move.failures > job.failures
    return {
        **of_request(move),
        "now": now,
        "seq": job.seq,
        "attempt": job.attempt,
        "cancel_requested_at": job.cancel_requested_at,
        "followed": job.followed,
        "paused_at": job.paused_at,
        "duration": None if ended.duration is None else round(ended.duration * 1e6),
        "outcome": ended.outcome,
        "exit_code": ended.exit_code,
        "signal": ended.signal,
        "last_error": move.reason or ended.error,
        "log": None if ended.log is None else ended.log.lines,
        "log_end": None if ended.log is None else ended.log.end,
        "ending": "completed" if move.state is State.COMPLETED else "failed" if failed else None,
    }

"""Owns the named points at which a test lets this process die. In production `reached` does nothing.

QUEUECTL_CRASH_AT names a point; the file QUEUECTL_CRASH_TOKEN is taken away by the one process that dies there, so
that those that are started after it live on.
"""

from __future__ import annotations

import os
import signal

POINTS = (
    "worker: enrolled",
    "worker: registered",
    "worker: claimed",
    "worker: assigned",
    "worker: spawned",
    "worker: output read",
    "worker: command ended",
    "worker: receipt written",
    "worker: tree gone",
    "worker: finished",
    "worker: finished and claimed",
    "worker: before flush",
    "worker: after flush",
    "worker: terminated job",
    "worker: job paused",
    "worker: job resumed",
    "worker: before stopping is marked",
    "worker: stopping is marked",
    "worker: deregistered",
    "rescue: locked",
    "rescue: swept",
    "rescue: moved",
    "rescue: cleaned",
    "supervisor: enrolled",
    "supervisor: worker forked",
    "supervisor: worker lost",
    "supervisor: orphans gone",
    "supervisor: told to stop",
    "supervisor: workers told to stop",
)
"""Every point, in the order of a job's life."""

_chosen = os.environ.get("QUEUECTL_CRASH_AT")
_token = os.environ.get("QUEUECTL_CRASH_TOKEN", "")


def _die_once(point: str) -> None:
    if point != _chosen:
        return
    try:
        os.unlink(_token)
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _live_on(point: str) -> None:
    """Do nothing."""


reached = _die_once if _chosen else _live_on

"""Owns the request that orphans below this process become its children (prctl(2), PR_SET_CHILD_SUBREAPER).

Linux only; elsewhere a job that both leaves its session and closes its descriptors can escape.
"""

from __future__ import annotations

import sys

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Adopt every process below this one whose parent dies. Not inherited by fork."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415  3 ms; only workers and supervisors come here

    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")

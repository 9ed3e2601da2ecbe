"""Real processes, which are killed."""

from __future__ import annotations

from tests.support.processes import queue

__all__ = ["queue"]

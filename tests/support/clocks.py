"""Programs whose clock is wrong, on a machine whose clock is right."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SITE = """
import datetime, time

class Wrong(datetime.datetime):
    __slots__ = ()  # as large as C programs expect

    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(seconds={ahead})

right, right_ns = time.time, time.time_ns
time.time = lambda: right() + {ahead}
time.time_ns = lambda: right_ns() + {ahead} * 10**9
datetime.datetime = Wrong
"""
"""What Python runs before any program of it."""


def wrong_clock(directory: Path, ahead: int) -> dict[str, str]:
    """Return the environment in which the clock of each Python program is so many seconds ahead, or behind."""
    site = directory / f"clock{ahead}"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE.format(ahead=ahead), encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))}

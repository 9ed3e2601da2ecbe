"""A short chaos in every run of the tests; `make chaos` brings a long one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.crash import chaos

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_is_lost_stuck_or_overlapping_under_a_hundred_kills(tmp_path: Path) -> None:
    report = chaos.run(tmp_path, jobs=500, kills=100, seed=1)

    assert report.kills == 100
    assert report.violations == [], str(report)

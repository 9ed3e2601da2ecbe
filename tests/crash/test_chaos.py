"""A short chaos in every run of the tests; `make chaos` brings a long one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash import chaos
from tests.support.stores import ENGINES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_lost_stuck_or_overlapping_under_a_hundred_kills(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if engine == "postgres" else None

    report = chaos.run(tmp_path, url, jobs=300, kills=100, seed=1)

    assert report.kills == 100
    assert report.violations == [], str(report)

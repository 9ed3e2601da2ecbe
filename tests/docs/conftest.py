"""What the tests of the scripts share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """The directory in which a run makes its own."""
    path = tmp_path / "temporary"
    path.mkdir()
    return path

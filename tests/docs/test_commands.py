"""docs/reference/commands.md is what its script makes of the commands."""

from __future__ import annotations

import runpy
from pathlib import Path

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_reference_of_commands_is_up_to_date() -> None:
    script = runpy.run_path(str(REFERENCE / "generate.py"))
    written = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    assert written == script["text"](), "run: python docs/reference/generate.py"

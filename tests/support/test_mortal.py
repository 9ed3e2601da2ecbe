"""What holds up a test is ended."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

from tests.support import mortal as module
from tests.support.mortal import mortal

if TYPE_CHECKING:
    import pytest


def test_a_process_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEADLINE", 0.05)

    with mortal(subprocess.Popen(["sleep", "1000"], stdout=subprocess.PIPE)) as process:
        assert process.stdout is not None
        assert process.stdout.read() == b""

    assert process.returncode == -signal.SIGKILL

"""A wrong clock is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.clocks import wrong_clock
from tests.support.eventually import DEADLINE

if TYPE_CHECKING:
    from pathlib import Path

READ = """
import time
from datetime import UTC, datetime
from queuectl.clock import instant, micros
print(time.time(), time.time_ns() / 1e9, datetime.now(UTC).timestamp(), instant(micros(None)).timestamp())
"""


@pytest.mark.parametrize("ahead", [-7200, 7200])
def test_every_way_to_read_a_wrong_clock_is_wrong(tmp_path: Path, ahead: int) -> None:
    environ = {**os.environ, **wrong_clock(tmp_path, ahead)}
    before = time.time()
    done = subprocess.run(
        [sys.executable, "-c", READ], env=environ, timeout=DEADLINE, check=True, capture_output=True, text=True
    )
    after = time.time()

    for read in map(float, done.stdout.split()):
        assert before - 1 <= read - ahead <= after + 1

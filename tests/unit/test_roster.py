"""What a home knows of its workers without the store."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from queuectl import process, roster
from queuectl.paths import Home

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(str(tmp_path / "home"))
    home.create()
    return home


def enrol(home: Home, id: str, pid: int) -> int:
    return roster.enrol(home.workers, roster.Member(id, pid, process.start_time(pid) or 0, process.boot_id(), "0"))


def test_a_worker_has_died_until_somebody_has_taken_away_its_files(home: Home) -> None:
    assert not roster.any_worker_died(home)
    os.close(enrol(home, "a" * 32, os.getpid()))
    assert not roster.any_worker_died(home), "it lives, whatever its lock says"

    with subprocess.Popen(["sleep", "1000"]) as other:
        lock = enrol(home, "b" * 32, other.pid)
        assert not roster.any_worker_died(home)
        other.kill()

    assert roster.any_worker_died(home)
    roster.remove(home, "b" * 32)
    assert not roster.any_worker_died(home)
    os.close(lock)

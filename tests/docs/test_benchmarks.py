"""The benchmarks, on few jobs: every row still runs and gives its figures. How fast anything is, is not looked at."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DEADLINE = 240
"""Seconds that a run may take on a busy machine."""

ROWS = ("drain", "enqueue", "bulk", "startup", "latency", "claim", "reading", "idle", "output")


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Runs that do not outlive the test."""
    runs: list[subprocess.Popen[str]] = []
    yield runs
    for run in runs:
        run.terminate()
        run.communicate(timeout=DEADLINE)


def start(temporary: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--quick", "--rounds", "1", *words],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_running(temporary: Path) -> list[str]:
    """Return the command lines that name something in a directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(temporary) in words:
            found.append(words)
    return found


def test_every_row_is_measured_and_nothing_is_left(tmp_path: Path, temporary: Path) -> None:
    figures = tmp_path / "figures.json"
    with start(temporary, "--markdown", "--json", str(figures)) as run:
        table, said = run.communicate(timeout=DEADLINE)
    assert run.returncode == 0, said
    lines: list[dict[str, Any]] = json.loads(figures.read_text("utf-8"))["lines"]
    assert tuple(dict.fromkeys(line["row"] for line in lines)) == ROWS
    assert [line for line in lines if line["value"] < 0 and line["unit"] not in ("ms more", "MiB")] == []
    assert len(re.findall(r"^\| .* \|$", table, re.MULTILINE)) == len(lines) + 2
    assert list(temporary.iterdir()) == []
    assert left_running(temporary) == []


def test_a_run_that_is_stopped_stops_what_it_started(temporary: Path, started: list[subprocess.Popen[str]]) -> None:
    run = start(temporary, "idle")
    started.append(run)

    def a_supervisor_runs() -> bool:
        assert run.poll() is None, run.communicate()
        return any("queuectl.cli.supervise" in words for words in left_running(temporary))

    eventually(a_supervisor_runs, DEADLINE)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=DEADLINE)
    assert list(temporary.iterdir()) == []
    assert left_running(temporary) == []


def test_an_unknown_row_is_refused(temporary: Path) -> None:
    with start(temporary, "speed") as run:
        _, said = run.communicate(timeout=DEADLINE)
    assert run.returncode == 2
    assert "no row speed" in said

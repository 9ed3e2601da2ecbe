"""The demo, on few files: it succeeds, it notices what is not as expected, and it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests.support.eventually import DEADLINE, eventually
from tests.support.mortal import mortal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[..., subprocess.Popen[str]]

DEMO = Path(__file__).parents[2] / "demo" / "demo.py"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def start(tmp_path: Path, temporary: Path) -> Iterator[Start]:
    """Start the demo as on a bare machine: without HOME, from another directory."""
    started: list[subprocess.Popen[str]] = []

    def run(*options: str) -> subprocess.Popen[str]:
        child = mortal(
            subprocess.Popen(
                [sys.executable, str(DEMO), *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                env={"PATH": os.defpath, "TMPDIR": str(temporary), "QUEUECTL_HOME": "/nowhere", "QUEUECTL_STORE": "no"},
                cwd=tmp_path,
                start_new_session=True,
            )
        )
        started.append(child)
        return child

    yield run
    for child in started:
        with child:
            child.terminate()


def test_everything_is_as_expected_and_nothing_is_left(start: Start, temporary: Path) -> None:
    demo = start("--files", "40")
    shown, _ = demo.communicate()
    assert demo.returncode == 0, shown
    assert "$ queuectl dlq retry half-written\n" in shown
    assert "as expected" in shown.splitlines()[-1]
    assert "NOT" not in shown
    assert not left_in(temporary)


def test_a_file_that_does_not_compile_is_noticed(start: Start, tmp_path: Path, temporary: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "good.py").write_text("good = True\n", encoding="utf-8")
    (library / "broken.py").write_text("broken =\n", encoding="utf-8")
    demo = start("--library", str(library))
    shown, _ = demo.communicate()
    assert demo.returncode == 1, shown
    (line,) = (line for line in shown.splitlines() if line.startswith("files compiled"))
    assert line.split() == ["files", "compiled", "1", "NOT", "as", "expected:", "2"]
    assert not left_in(temporary)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing(start: Start, temporary: Path, number: signal.Signals) -> None:
    demo = start("--files", "400")
    assert demo.stdout is not None
    for line in demo.stdout:
        if "workers run" in line:
            break
    os.killpg(demo.pid, number)
    shown, _ = demo.communicate()
    assert demo.returncode == 130, shown
    assert not left_in(temporary)


def left_in(temporary: Path) -> list[str]:
    """Return the files in a directory, and wait until no process works there."""

    def nobody() -> None:
        assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and str(temporary).encode() in environ(pid)]

    eventually(nobody)
    return os.listdir(temporary)


def environ(pid: str) -> bytes:
    """Return the environment of a process; nothing of one that is gone."""
    try:
        return Path("/proc", pid, "environ").read_bytes()
    except OSError:
        return b""


def test_the_picture_shows_what_stands_on_the_terminal_at_the_end() -> None:
    shown = b"\x1b[32m$\x1b[0m x < y\r\n50 %\r\x1b[K100 %\r\nleft out\r\n\x1b[31mdead\x1b[0m\r\n"
    command = [sys.executable, str(DEMO.with_name("picture.py")), "--omit", "3"]
    drawn = subprocess.run(command, input=shown, capture_output=True, timeout=DEADLINE, check=True).stdout
    texts = ["".join(text.itertext()) for text in ET.fromstring(drawn).iter(f"{SVG}text")]  # noqa: S314  our own
    assert texts == ["$x < y", "100 %", "... 1 more line", "dead"]
    assert b'class="red">dead<' in drawn

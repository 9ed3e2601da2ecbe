"""The program as its users run it: a process, with a home of its own."""

from __future__ import annotations

import os
import pty
import select
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from queuectl.paths import Home
from tests.support.eventually import DEADLINE
from tests.support.factories import identity
from tests.support.mortal import mortal
from tests.support.stores import ENGINES, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from queuectl.store.base import Store


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class Cli(Protocol):
    """Runs `queuectl` and returns what it left behind; `env` is added to a nearly empty environment."""

    def __call__(self, *argv: str, env: Mapping[str, str] = ..., stdin: str = ...) -> Result: ...


class Terminal(Protocol):
    """Runs `queuectl` with stdout and stderr on a terminal, and returns what that shows."""

    def __call__(self, *argv: str, columns: int = ..., env: Mapping[str, str] = ...) -> str: ...


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The home that the commands of a test use; nothing is there yet."""
    return Home(str(tmp_path / "queue"))


NO_STORE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
"""For a test of what no engine answers: words, options, help. Every other one runs with a queue of each engine."""

FILES_ONLY = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
"""For a test of the files of a home."""

SERVER_ONLY = pytest.mark.parametrize("url", ["postgres"], indirect=True, ids=["server"])
"""For a test of what only a server does; named so that it is not taken for the repetition of another one."""


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest) -> str | None:
    """The URL of the queue of a test; None when it is a file of the home."""
    if request.param == "sqlite":
        return None
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def environ(tmp_path: Path, home: Home, url: str | None) -> dict[str, str]:
    """The environment of the commands."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    if url is not None:
        kept["QUEUECTL_STORE"] = url
    return {**kept, "HOME": str(tmp_path), "QUEUECTL_HOME": home.path, "LANG": "C.UTF-8", "TZ": "UTC"}


@pytest.fixture
def program() -> list[str]:
    """The words that start the program."""
    return [sys.executable, "-m", "queuectl"]


@pytest.fixture
def cli(program: list[str], environ: dict[str, str], tmp_path: Path) -> Cli:
    """Run commands whose output goes into pipes."""

    def run(*argv: str, env: Mapping[str, str] = {}, stdin: str = "") -> Result:
        done = subprocess.run(
            [*program, *argv],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            env={**environ, **env},
            cwd=tmp_path,
            timeout=DEADLINE,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def terminal(program: list[str], environ: dict[str, str], tmp_path: Path) -> Terminal:
    """Run commands on a terminal."""

    def run(*argv: str, columns: int = 80, env: Mapping[str, str] = {}) -> str:
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with mortal(
            subprocess.Popen(
                [*program, *argv],
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                env={**environ, "TERM": "xterm", **env},
                cwd=tmp_path,
            )
        ):
            os.close(theirs)
            shown = b"".join(_read_to_end(ours))
        os.close(ours)
        return shown.decode().replace("\r\n", "\n")

    return run


def _read_to_end(descriptor: int) -> Iterator[bytes]:
    while select.select([descriptor], [], [], DEADLINE)[0]:
        try:
            block = os.read(descriptor, 65536)
        except OSError:  # EIO: the other side is closed
            return
        if not block:
            return
        yield block


@pytest.fixture
def store(home: Home, url: str | None) -> Iterator[Store]:
    """The store that the commands use, for what only workers do; one worker is known to it."""
    home.create()
    store = opened(url or home.path)
    store.register(identity(), 60.0)
    yield store
    store.close()

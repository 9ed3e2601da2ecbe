"""Real workers, and a shell to speak to them from."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.support.eventually import eventually
from tests.support.processes import DEADLINE, RealQueue, Result, queue
from tests.support.stores import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["queue"]

OF_THE_WORKER = {"OF_THE_WORKER": "there", "VIRTUAL_ENV": "/worker/venv", "LC_TIME": "C"}
"""What the workers of `running` have in their environment."""


class Shell(Protocol):
    """Runs a script in which `queuectl` is the program, and returns what it left behind."""

    def __call__(self, script: str, env: Mapping[str, str] = ...) -> Result: ...


class Gate:
    """A FIFO at which jobs wait: `read _ < gate` in a command ends once it is opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        os.mkfifo(path)

    def open(self, line: str = "") -> None:
        """Let one job go on, and give it a line to read; wait until it is there."""
        # Not with an open that blocks: a job that never comes would hold up the test beyond every deadline.
        with open(eventually(self._enter, DEADLINE), "w", encoding="utf-8") as gate:
            gate.write(f"{line}\n")

    def _enter(self) -> int | None:
        try:
            return os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nobody waits
                return None
            raise


@pytest.fixture
def shell(queue: RealQueue) -> Shell:
    """A shell in the directory of the queue."""
    programs = queue.directory / "bin"
    programs.mkdir()
    program = programs / "queuectl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m queuectl "$@"\n')
    program.chmod(0o755)
    queue.environ["PATH"] = f"{programs}:{queue.environ['PATH']}"

    def run(script: str, env: Mapping[str, str] = {}) -> Result:
        done = subprocess.run(
            ["sh", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            env={**queue.environ, **env},
            cwd=queue.directory,
            timeout=2 * DEADLINE,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def gate(queue: RealQueue) -> Gate:
    """The FIFO `gate` in the directory of the queue."""
    return Gate(queue.directory / "gate")


@pytest.fixture(scope="module", params=ENGINES)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealQueue]:
    """A queue with two workers, shared by the tests of a module, each of which looks at its own jobs only."""
    url = request.getfixturevalue("postgres_url_of_module") if request.param == "postgres" else None
    shared = RealQueue(tmp_path_factory.mktemp("running"), url=url)
    try:
        shared.do("config", "set", "backoff_max", "0.05s")
        shared.start(count=2, env=OF_THE_WORKER)
        yield shared
    finally:
        shared.close()

"""Real workers, and a shell to speak to them from."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.support.eventually import DEADLINE
from tests.support.gate import Gate
from tests.support.processes import RealQueue, Result, queue
from tests.support.stores import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["queue"]

OF_THE_WORKER = {"OF_THE_WORKER": "there", "VIRTUAL_ENV": "/worker/venv", "LC_TIME": "C"}
"""What the workers of `running` have in their environment."""


class Shell(Protocol):
    """Runs a script in which `queuectl` is the program, and returns what it left behind."""

    def __call__(self, script: str, env: Mapping[str, str] = ...) -> Result: ...


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

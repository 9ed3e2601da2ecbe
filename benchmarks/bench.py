"""Owns what rows are measured with: the installed program, how often and how much, and homes to throw away."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from queuectl import roster
from queuectl.paths import Home
from queuectl.store.sqlite.engine import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from program import Program


class Bench(NamedTuple):
    """What a row is measured with."""

    program: Program
    directory: Path
    rounds: int
    """How often the floor and queuectl take turns; rows whose turns are short take more of them."""
    quick: bool
    """Only see that everything runs: the figures mean nothing."""

    def amount(self, full: int, quick: int) -> int:
        """Return how many jobs, rows or bytes to use."""
        return quick if self.quick else full

    @contextmanager
    def home(self) -> Iterator[Home]:
        """Make a home with an empty queue, and remove it."""
        path = tempfile.mkdtemp(dir=self.directory)
        home = Home(path)
        home.create()
        SqliteStore(home).close()
        try:
            yield home
        finally:
            shutil.rmtree(path)

    @contextmanager
    def workers(self, home: Home, count: int) -> Iterator[list[int]]:
        """Keep workers for a home; gives the pids of the supervisor and of the workers."""
        try:
            self.program.do(home, "worker", "start", "--count", str(count))
            yield [member.pid for member in (*roster.supervisors(home), *roster.workers(home))]
        finally:
            self.program.do(home, "worker", "stop", "--now")

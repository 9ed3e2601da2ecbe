"""Short programs that use a store in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.mortal import mortal

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]

PRELUDE = """
import fcntl, os, signal, sys
import apsw
from queuectl.errors import StoreUnavailable
from queuectl.job import State
from queuectl.paths import Home
from queuectl.store.sqlite.engine import SqliteStore
from tests.support.factories import BADLY, COOKIE, NOW, WELL, WORKER, claimed, job, new_job

home = Home(sys.argv[1])

def say(text):
    print(text, flush=True)
"""


def start(code: str, *arguments: object, prefix: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start a program that finds `home`, its first argument, and the names above; what it says can be read."""
    return mortal(
        subprocess.Popen(
            [*prefix, sys.executable, "-c", PRELUDE + code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    )


def run(code: str, *arguments: object, prefix: Sequence[str] = ()) -> tuple[int, str]:
    """Run such a program to its end; return its exit status and what it said."""
    with start(code, *arguments, prefix=prefix) as child:
        said, _ = child.communicate()
        return child.returncode, said


def heard(child: subprocess.Popen[str], text: str) -> None:
    """Wait until a program has said a line."""
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line == f"{text}\n", line + child.stdout.read()

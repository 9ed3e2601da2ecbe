"""The PgBouncer of the tests: unprivileged, and gone with whoever started it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.mortal import mortal
from tests.support.pgbouncer import program
from tests.support.processes import gone

STARTER = """
import pathlib, signal, sys
from tests.support.pgbouncer import Pooler
pooler = Pooler(pathlib.Path(sys.argv[1]), "postgresql:///?host=/nowhere&port=1", "session")
print(pooler.pid, pooler.directory, flush=True)
signal.pause()
"""


def test_a_pooler_ends_with_a_process_that_is_killed() -> None:
    path = program()
    if path is None:
        pytest.skip("there is no PgBouncer, and it cannot be installed")
    words = [sys.executable, "-c", STARTER, str(path)]
    with mortal(subprocess.Popen(words, stdout=subprocess.PIPE, encoding="utf-8")) as starter:
        assert starter.stdout is not None
        pid, directory = starter.stdout.readline().split()
        assert Path("/proc", pid).stat().st_uid != 0
        starter.kill()

    eventually(lambda: gone(int(pid)))
    shutil.rmtree(directory)

"""What one `queuectl enqueue` imports: start-up time is the price of every call."""

from __future__ import annotations

import subprocess
import sys

from tests.cli.conftest import FILES_ONLY

pytestmark = FILES_ONLY  # on PostgreSQL the driver alone costs 200 ms

PROGRAM = "import sys; from queuectl.cli.main import main; sys.exit(main())"

FORBIDDEN = {
    "asyncio", "concurrent", "contextlib", "csv", "ctypes", "dataclasses", "datetime", "decimal", "difflib", "email",
    "fractions", "glob", "hashlib", "http", "importlib.metadata", "importlib.resources", "inspect", "ipaddress",
    "locale", "logging", "multiprocessing", "pathlib", "platform", "random", "secrets", "selectors", "shlex", "shutil",
    "signal", "socket", "sqlite3", "ssl", "string", "subprocess", "tempfile", "textwrap", "threading", "traceback",
    "typing", "unittest", "urllib", "uuid", "zoneinfo",
}  # fmt: skip
"""Modules that cost 0.3 ms or more, and that others bring along."""

OURS_ELSEWHERE = {
    "queuectl.cli.help", "queuectl.cli.list", "queuectl.cli.worker", "queuectl.jobjson", "queuectl.joblogs",
    "queuectl.wire", "queuectl.worker",
}  # fmt: skip
"""Our own modules that another command needs."""


def imported(environ: dict[str, str], *argv: str) -> set[str]:
    """Return the modules that a command imports after Python's own start."""

    def traced(program: str, *words: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", program, *words],
            env=environ, capture_output=True, text=True, check=True,
        )  # fmt: skip
        lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
        return [line.rpartition("|")[2].strip() for line in lines[1:]]

    return set(traced(PROGRAM, *argv)) - set(traced("pass"))


def test_enqueue_imports_nothing_dear(environ: dict[str, str]) -> None:
    enqueue = ("enqueue", "--id", "a", "--priority", "3", "--env", "A=b", "--timeout", "5m", "-c", "true")
    imported(environ, "enqueue", "--", "true")  # makes the home, which only the first call does
    modules = imported(environ, *enqueue)
    assert modules >= {"argparse", "apsw", "queuectl.store.sqlite.engine"}
    assert not modules & FORBIDDEN
    assert not modules & OURS_ELSEWHERE


def test_help_imports_no_engine(environ: dict[str, str]) -> None:
    modules = imported(environ, "help", "enqueue")
    assert not modules & (FORBIDDEN - {"textwrap"})
    assert not modules & {"apsw", "queuectl.store.sqlite.engine"}


def test_only_the_module_of_the_command_is_imported(environ: dict[str, str]) -> None:
    verbs = {name for name in imported(environ, "config", "get", "grace") if name.startswith("queuectl.cli.")}
    assert verbs & {"queuectl.cli.config", "queuectl.cli.list", "queuectl.cli.enqueue"} == {"queuectl.cli.config"}

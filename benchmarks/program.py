"""Owns the queuectl that is measured: this source tree, installed as a user installs it.

An editable install would be slower to start (a `.pth` file is read), so the package is built as a wheel and put into a
virtual environment of its own, beside its dependencies as they are in the environment that runs the benchmarks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import distribution, requires
from pathlib import Path
from re import match
from typing import TYPE_CHECKING, NamedTuple

from processes import DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from queuectl.paths import Home

ROOT = Path(__file__).parents[1]


class Program(NamedTuple):
    """An installed queuectl."""

    python: str
    """The interpreter that it runs on."""
    script: str

    def environ(self, home: Home) -> dict[str, str]:
        """Return the environment of a command on a home."""
        return {**_plain_environ(), "QUEUECTL_HOME": home.path}

    def do(self, home: Home, *words: str) -> None:
        """Run a command on a home; it has to work.

        It is never cut off: a supervisor that is half started is none yet that could be stopped.
        """
        child = subprocess.Popen(
            [self.script, *words],
            env=self.environ(home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            child.wait(DEADLINE)
        except BaseException:
            child.wait(DEADLINE)
            raise
        if child.returncode:
            raise SystemExit(f"queuectl {' '.join(words)} exited {child.returncode}")


def install(directory: Path) -> Program:
    """Install this source tree below a directory. Fetches nothing."""
    wheels, environment = directory / "wheels", directory / "venv"
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))
    venv.create(environment, symlinks=True)
    program = Program(str(environment / "bin" / "python"), str(environment / "bin" / "queuectl"))
    (wheel,) = wheels.iterdir()
    _pip("--python", program.python, "install", "--no-index", "--no-deps", str(wheel))
    (site,) = environment.glob("lib/python*/site-packages")
    for name in _dependencies():
        for file in distribution(name).files or ():
            if ".." not in file.parts:
                (site / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(file.locate()), site / file)
    return program


def _dependencies() -> Iterator[str]:
    for requirement in requires("queuectl") or ():
        name = match(r"[\w.-]+", requirement)
        if name is not None and "extra ==" not in requirement:
            yield name[0]


def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    subprocess.run(command, env=_plain_environ(), stdin=subprocess.DEVNULL, timeout=DEADLINE, check=True)


def _plain_environ() -> dict[str, str]:
    """Return the environment without what would change queuectl or its interpreter."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("QUEUECTL_", "PYTHON"))}

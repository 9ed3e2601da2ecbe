"""A user's session with one queue: lines typed into a shell, and questions asked unseen; leaves no worker behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from typing import Any

import screen


class DemoError(Exception):
    """The demo cannot go on."""


class Session:
    """A shell in a directory, with a queue of its own below it."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        # Ours, but without what is set for another queue.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("QUEUECTL_")}
        scripts = sysconfig.get_path("scripts")
        path = os.pathsep.join((scripts, environ.get("PATH", os.defpath)))
        self._environ = {**environ, "PATH": path, "QUEUECTL_HOME": os.path.join(directory, "queue")}
        self._program = shutil.which("queuectl", path=scripts)

    def enter(self) -> None:
        """Show where it takes place.

        Raises:
            DemoError: the program is not installed.
        """
        if self._program is None:
            raise DemoError("queuectl is not installed beside this Python; it is by: make demo")
        screen.prompt(f"cd {self.directory}; export QUEUECTL_HOME=$PWD/queue")

    def type(self, line: str) -> None:
        """Show a line and run it, exactly so, in the shell.

        Raises:
            DemoError: it failed.
        """
        screen.prompt(line)
        done = subprocess.run(  # noqa: S602  a line for the shell is what a user types
            line,
            shell=True,
            stderr=subprocess.STDOUT,  # as on a terminal, also in a file
            cwd=self.directory,
            env=self._environ,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"exit code {done.returncode} of: {line}")

    def ask(self, *words: str) -> Any:  # noqa: ANN401  JSON
        """Run a command with --json, unseen, and return its answer.

        Raises:
            DemoError: it failed.
        """
        done = self._run(*words, "--json", stdout=subprocess.PIPE)
        if done.returncode:
            raise DemoError(f"exit code {done.returncode} of: queuectl {' '.join(words)} --json")
        return json.loads(done.stdout)

    def close(self) -> None:
        """End the workers, and what they run, if there still are any."""
        if self._program is not None:
            self._run("worker", "stop", "--now", "--quiet", stdout=None)

    def _run(self, *words: str, stdout: int | None) -> subprocess.CompletedProcess[bytes]:
        command = [self._program or "queuectl", *words]
        return subprocess.run(command, stdout=stdout, cwd=self.directory, env=self._environ, check=False)

"""A FIFO at which jobs wait until a test lets them go on."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from tests.support.eventually import eventually

if TYPE_CHECKING:
    from pathlib import Path


class Gate:
    """A FIFO at which jobs wait: `read _ < gate` in a command ends once it is opened.

    A gate is for one job at a time, and for one `read`: another one may meet the end of the line of before.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        os.mkfifo(path)

    def open(self, line: str = "") -> None:
        """Let one job go on, and give it a line to read; wait until it is there."""
        # Not with an open that blocks: a job that never comes would hold up the test beyond every deadline.
        with open(eventually(self._enter), "w", encoding="utf-8") as gate:
            gate.write(f"{line}\n")

    def _enter(self) -> int | None:
        try:
            return os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nobody waits
                return None
            raise

"""Owns how the ends of logs of ended runs come from a directory of logs into a store, or the other way.

For many runs in the order of their jobs: each directory is looked into once.
"""

from __future__ import annotations

import os

from queuectl.job import LogPart
from queuectl.joblogs import cri, files
from queuectl.joblogs.parts import KEPT, end_left
from queuectl.paths import open_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class LogDirectory:
    """The logs in a directory that nobody else writes to now."""

    def __init__(self, logs: str) -> None:
        self._logs = logs
        self._looked_into = ""
        self._starts: dict[tuple[int, int], list[int]] = {}
        """In the part that was looked into last: where each file of a log starts, by job and attempt."""

    def has(self, seq: int, attempt: int) -> bool:
        """Return whether a run has a log here."""
        return bool(self._files_of(seq, attempt))

    def end(self, seq: int, attempt: int) -> LogPart | None:
        """Return the last `KEPT` bytes of the log of a run; None when it has none."""
        starts = self._files_of(seq, attempt)
        if starts != [files.HEAD]:
            return end_left(self._logs, seq, attempt) if starts else None
        descriptor = files.open_to_read(files.head_path(self._logs, seq, attempt))
        try:
            lines = os.read(descriptor, KEPT + 1)
        finally:
            os.close(descriptor)
        if len(lines) > KEPT or not lines.endswith(b"\n"):
            return end_left(self._logs, seq, attempt)
        return LogPart(cri.output_size(lines), lines)

    def put_end(self, seq: int, attempt: int, part: LogPart) -> None:
        """Make a log of the end of one."""
        start = part.end - cri.output_size(part.lines)
        path = files.path_of(self._logs, seq, attempt, start or files.HEAD)
        files.make_directories(os.path.dirname(path))
        draft = f"{path}.new"
        descriptor = open_private(draft, os.O_WRONLY | os.O_TRUNC)
        try:
            with open(descriptor, "wb") as file:
                file.write(part.lines)
            os.rename(draft, path)  # all of it, or nothing
        except OSError:
            os.unlink(draft)
            raise

    def _files_of(self, seq: int, attempt: int) -> Sequence[int]:
        part = os.path.dirname(files.head_path(self._logs, seq, attempt))
        if part != self._looked_into:
            self._looked_into, self._starts = part, files.starts_in(part)
        return self._starts.get((seq, attempt), ())

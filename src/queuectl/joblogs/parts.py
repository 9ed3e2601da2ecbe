"""Owns how a log goes through a store that machines share: in parts, which a reader puts together again.

A part says where in the output it ends, so parts may overlap or be missing, and come from two places: what was sent
while somebody read along, and the end of the log, which is kept with the run.
"""

from __future__ import annotations

import os
from itertools import groupby

from queuectl.job import LogPart
from queuectl.joblogs import cri, files
from queuectl.joblogs.reader import DROPPED, Follower, gap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from queuectl.joblogs.cri import Line
    from queuectl.joblogs.writer import LogWriter

KEPT = 64 * 1024
"""Bytes of the log of each attempt that are kept in the store: its last ones, in whole lines."""


def parts(lines: Iterable[Line], end: int) -> Iterator[LogPart]:
    """Join lines to parts, one for each run of them without a gap; after the last line there were `end` bytes."""
    found = list(lines)
    position = end - sum(line.output for line in found)
    for is_gap, run in groupby(found, key=lambda line: line.stream == DROPPED):
        together = list(run)
        position += sum(line.output for line in together)
        if not is_gap:
            yield LogPart(position, b"".join(map(cri.written, together)))


def end_of(writer: LogWriter) -> LogPart | None:
    """Return the last `KEPT` bytes of what a writer has written; None when that is nothing, or cannot be read."""
    try:
        if not writer.output:
            return None
        if writer.is_all_in_head:
            return LogPart(writer.output, _end_of_file(files.head_path(*writer.log)))
        return _last(parts(Follower(*writer.log, size=KEPT).new(), writer.output))
    except OSError:
        return None  # deleted by hand, or too many open files


def end_left(logs: str, seq: int, attempt: int) -> LogPart | None:
    """Return the last `KEPT` bytes of a log whose writer is gone; None when nothing was printed. Reads all of it."""
    end = sum(line.output for line in Follower(logs, seq, attempt).new())
    return _last(parts(Follower(logs, seq, attempt, size=KEPT).new(), end))


def _end_of_file(path: str) -> bytes:
    """Return the last whole lines of a file. On the hot path of a worker: no directory and no line is looked at."""
    descriptor = files.open_to_read(path)
    try:
        size = os.fstat(descriptor).st_size
        lines = os.pread(descriptor, KEPT, max(0, size - KEPT))
    finally:
        os.close(descriptor)
    return lines if size <= KEPT else lines[lines.find(b"\n") + 1 :]


def _last(found: Iterable[LogPart]) -> LogPart | None:
    return next(reversed(list(found)), None)


class Joiner:
    """Puts the parts of one log together."""

    def __init__(self) -> None:
        self.position = -1
        """Bytes of output that were seen so far; -1 before the first part, which may be empty."""

    def new(self, found: Iterable[LogPart]) -> Iterator[Line]:
        """Yield the lines of some parts, in the order of their ends, that are new, and a line for each gap."""
        for part in found:
            lines = cri.lines(part.lines)
            position = part.end - sum(line.output for line in lines)
            self.position = max(self.position, 0)
            for line in lines:
                if position >= self.position:
                    if position > self.position:
                        yield gap(position - self.position, "more on the machine that ran it")
                    yield line
                    self.position = position + line.output
                position += line.output

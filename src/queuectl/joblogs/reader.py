"""Owns reading a log, from its beginning or near its end, while a worker may be writing it."""

from __future__ import annotations

import os
import sys

from queuectl.joblogs import cri, files
from queuectl.joblogs.cri import Line
from queuectl.joblogs.writer import STDERR_TAIL, error_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

BOTH = frozenset({"stdout", "stderr"})

DROPPED = "dropped"
"""Stream of a line that stands for a gap."""

BLOCK = 64 * 1024

LAST_LINES = 100
"""Lines of stderr among which the last one that is not blank is looked for."""


def read(
    logs: str, seq: int, attempt: int, *, tail: int | None = None, streams: frozenset[str] = BOTH
) -> Iterator[Line]:
    """Yield what an attempt has printed so far, or its last `tail` lines, with a line for each gap.

    Memory use does not grow with the log. An attempt that has printed nothing yields nothing.
    """
    yield from Follower(logs, seq, attempt, streams, tail).new()


def last_error(logs: str, seq: int, attempt: int) -> str | None:
    """Return what `LogWriter.last_error` was for an attempt whose writer is gone, as far as it is in the log."""
    lines = read(logs, seq, attempt, tail=LAST_LINES, streams=frozenset({"stderr"}))
    stderr = b"".join(line.text for line in lines if line.stream == "stderr")
    return error_in(stderr.rstrip()[-STDERR_TAIL:])


class Follower:
    """A place in a log that moves on as the log grows."""

    def __init__(  # noqa: PLR0913, PLR0917  which log, which lines, from where
        self,
        logs: str,
        seq: int,
        attempt: int,
        streams: frozenset[str] = BOTH,
        tail: int | None = None,
        size: int | None = None,
    ) -> None:
        """Begin at the first line; or at the last `tail` ones; or where at most `size` bytes of the log follow."""
        self._log = (logs, seq, attempt)
        self._streams = streams
        self._file = files.HEAD
        """Start of the file that we are in."""
        self._position = 0
        """Bytes of it that have been read."""
        self._mute = 0
        """Bytes of it that are only counted."""
        self._output = 0
        """Bytes of output from the end of the head to here."""
        if tail is not None or size is not None:
            self._go_to_last(sys.maxsize if tail is None else tail, sys.maxsize if size is None else size)

    def lines(self) -> list[Line]:
        """Return what is new since the last call. A line that is not complete in the log is left for the next one."""
        return list(self.new())

    def new(self) -> Iterator[Line]:
        """Yield what `lines` returns, one by one."""
        for start in files.starts(*self._log):
            if start < self._file:
                continue
            try:
                descriptor = files.open_to_read(files.path_of(*self._log, start))
            except FileNotFoundError:
                continue  # the worker has deleted it just now: the next file shows the gap
            try:
                if start > self._file:
                    if start > self._output:
                        yield gap(start - self._output, "dropped")
                    self._file, self._position, self._mute, self._output = start, 0, 0, start
                yield from self._rest_of(descriptor)
            finally:
                os.close(descriptor)

    def _rest_of(self, descriptor: int) -> Iterator[Line]:
        rest = b""
        os.lseek(descriptor, self._position, os.SEEK_SET)
        while block := os.read(descriptor, BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            for raw in lines:
                self._position += len(raw) + 1
                line = cri.parse(raw)
                if line is None:
                    line = Line("", DROPPED, b"%d bytes damaged\n" % len(raw), len(raw))
                elif self._file != files.HEAD:
                    self._output += len(line.text)
                if self._position > self._mute and (line.stream in self._streams or line.stream == DROPPED):
                    yield line

    def _go_to_last(self, count: int, size: int) -> None:
        """Take the place from which there are `count` lines or `size` bytes to the end of the log, or its beginning."""
        begun: set[str] = set()
        for start in reversed(files.starts(*self._log)):
            try:
                descriptor = files.open_to_read(files.path_of(*self._log, start))
            except FileNotFoundError:
                return  # the worker deletes what is before our lines faster than we get there
            try:
                for end, raw in _backwards(descriptor):
                    size -= len(raw) + 1
                    if size < 0:
                        self._go_to(start, end)
                        return
                    line = cri.parse(raw)
                    if line is None or line.stream not in self._streams:
                        continue
                    if line.text.endswith(b"\n") or line.stream not in begun:
                        if not count:
                            self._go_to(start, end)
                            return
                        count -= 1
                    begun.add(line.stream)
            finally:
                os.close(descriptor)

    def _go_to(self, start: int, position: int) -> None:
        self._file = start
        if start == files.HEAD:
            self._position = position
        else:
            # A segment is read from its beginning, because its output has to be counted to know the next gap.
            self._mute = position
            self._output = start


def _backwards(descriptor: int) -> Iterator[tuple[int, bytes]]:
    """Yield the whole lines of a file, last first, each with the position of its end."""
    begin = os.fstat(descriptor).st_size
    rest = b""
    while begin:
        length = min(BLOCK, begin)
        begin -= length
        *lines, after_last = (os.pread(descriptor, length, begin) + rest).split(b"\n")
        end = begin + length + len(rest) - len(after_last)
        rest = b""
        if lines:
            first, *others = lines
            for line in reversed(others):
                yield end, line
                end -= len(line) + 1
            rest = first + b"\n"
    if rest:
        yield len(rest), rest[:-1]


def gap(output: int, why: str) -> Line:
    """Return what stands for so many bytes of output."""
    return Line("", DROPPED, f"{_in_units(output)} {why}\n".encode(), output)


def _in_units(size: int) -> str:
    for unit, bytes_in_it in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= bytes_in_it:
            return f"{size / bytes_in_it:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} bytes" if size != 1 else "1 byte"

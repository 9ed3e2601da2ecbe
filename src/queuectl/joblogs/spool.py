"""Owns the files of one log while it is written: the head, the segments, the cap, and a disk that is full.

Half of the cap is for the head, which never changes once it has ended. What follows goes into segments, of which the
oldest are deleted so that all files together never take more than the cap. Must not know streams or jobs.
"""

from __future__ import annotations

import os
import time
from collections import deque

from queuectl.joblogs import cri, files

SEGMENT = 1024 * 1024
"""Bytes of a segment; a tenth of the cap when that is less, but always at least one line."""

RETRY = 1.0
"""Seconds after a failed write before the next one is tried."""


class Spool:
    """Where the lines of one attempt go. Nothing is created before there is a line to write."""

    __slots__ = (
        "_cap",
        "_descriptor",
        "_incomplete",
        "_limit",
        "_path",
        "_pending",
        "_pending_output",
        "_produced",
        "_retry_at",
        "_segments",
        "_size",
        "_start",
        "_stored",
        "failed",
        "output",
        "tail",
    )

    def __init__(self, path: str, cap: int) -> None:
        self._path = path
        self._cap = cap
        self._limit = cap // 2  # of the current file, in bytes
        self._size = 0  # of the current file, with what is pending
        self._start = files.HEAD  # of the current file
        self._descriptor = -1
        self._pending: list[bytes] = []
        self._pending_output = 0
        self._segments: deque[tuple[int, int]] = deque()  # start and size of the segments before the current one
        self._stored = 0  # the sum of their sizes
        self._produced = 0  # bytes of output since the head ended, whether stored or not
        self._incomplete = False  # whether the last output is not stored
        self._retry_at = 0.0
        self.tail: int | None = None
        """Bytes that all segments together may take; None as long as lines go to the head."""
        self.failed: OSError | None = None
        """Why output is being lost; None again as soon as it is not."""
        self.output = 0
        """Bytes of output that came so far, whether stored or not."""

    @property
    def is_all_in_head(self) -> bool:
        """Whether the head has all output that came so far."""
        return not self._produced

    def put(self, block: bytes, output: int) -> None:
        """Add a block as `cri.blocks` yields it, with the bytes of output that it holds. `flush` writes it."""
        self.output += output
        while block:
            if self.failed and time.monotonic() < self._retry_at:
                self._skip(output)
                return
            room = max(self._limit - self._size, 0)
            cut = len(block) if len(block) <= room else block.rfind(b"\n", 0, room) + 1
            if not cut and self.tail is not None and not self._size:
                cut = block.find(b"\n") + 1  # a line that is longer than a segment has one to itself
            if not cut:
                self._end_file()
                continue
            piece = block[:cut]
            # A block that can be cut has no line tagged P, so each newline in it is one of the output.
            held = output if cut == len(block) else cut - cri.PREFIX * piece.count(b"\n")
            self._add(piece, held)
            block = block[cut:]
            output -= held

    def drop(self, output: int) -> None:
        """Count output that is not stored."""
        self.output += output
        self._skip(output)

    def _skip(self, output: int) -> None:
        self._end_file()
        self._produced += output
        self._incomplete = True

    def flush(self) -> None:
        """Write what is pending, as a rule with one call of the system."""
        if not self._pending:
            return
        block, output = b"".join(self._pending), self._pending_output
        self._pending.clear()
        self._pending_output = 0
        written = 0
        try:
            if self._descriptor < 0:
                self._descriptor = files.create(self._current_path())
            while written < len(block):
                written += os.write(self._descriptor, block[written:] if written else block)
        except OSError as error:
            self._lose(error, block, written, output)
        else:
            self.failed = None

    def close(self) -> None:
        """Write what is pending and end the log. A gap at its end is marked by an empty segment."""
        self._end_file()
        if self._incomplete:
            self._start = self._produced
            try:
                os.close(files.create(self._current_path()))
            except OSError as error:
                self.failed = error

    def _add(self, piece: bytes, output: int) -> None:
        if self.tail is not None:
            if len(piece) > self.tail:
                self._skip(output)
                return
            while self._stored + self._size + len(piece) > self.tail:
                self._delete_oldest()
            if not self._size:
                self._start = self._produced
            self._produced += output
        self._pending.append(piece)
        self._pending_output += output
        self._size += len(piece)
        self._incomplete = False

    def _end_file(self) -> None:
        """Let the next line begin a segment."""
        self.flush()
        self._close_descriptor()
        if self.tail is None:
            self.tail = self._cap - self._size
            self._limit = min(SEGMENT, self._cap // 10)
        elif self._size:
            self._segments.append((self._start, self._size))
            self._stored += self._size
        self._size = 0

    def _lose(self, error: OSError, block: bytes, written: int, output: int) -> None:
        """Keep the whole lines of a block that could not be written to its end, and count the rest as dropped."""
        whole = block.rfind(b"\n", 0, written) + 1
        in_head = self.tail is None
        self._size += whole - len(block)
        try:
            if self._descriptor >= 0:
                os.ftruncate(self._descriptor, self._size)
                if not self._size:
                    os.unlink(self._current_path())
        except OSError:
            pass  # then a reader sees half a line
        self._end_file()
        if in_head:
            self._produced = output - cri.output_size(block[:whole])
        self._incomplete = True
        self.failed = error
        self._retry_at = time.monotonic() + RETRY

    def _delete_oldest(self) -> None:
        start, size = self._segments.popleft()
        self._stored -= size
        try:
            os.unlink(f"{self._path}.{start}")
        except OSError:
            return  # deleted by hand; or the disk is broken, and the next write will tell

    def _close_descriptor(self) -> None:
        if self._descriptor < 0:
            return
        try:
            os.close(self._descriptor)
        except OSError as error:
            self.failed = error  # a quota or a network that counts late
        self._descriptor = -1

    def _current_path(self) -> str:
        return self._path if self.tail is None else f"{self._path}.{self._start}"

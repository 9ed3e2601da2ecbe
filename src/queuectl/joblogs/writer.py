"""Owns the way of a job's output into its log: chunks of two streams become lines, in the order read.

On the hot path of a worker. A job that prints nothing costs no call of the system, one that prints a line costs four.
"""

from __future__ import annotations

import time
from collections import deque

from queuectl.joblogs import cri, files
from queuectl.joblogs.spool import Spool

BACKLOG = 4 * 1024 * 1024
"""Bytes of output that wait in memory at most."""

BACKLOG_TIME = 200_000_000
"""Nanoseconds between two writes of what waits."""

LAST_ERROR = 1024
"""Bytes of the last line of stderr that are kept."""

STDERR_TAIL = 4 * LAST_ERROR


class LogWriter:
    """The log of one attempt. A job never fails because its log cannot be written: no method raises OSError."""

    __slots__ = ("_backlog", "_cap", "_partial", "_spool", "_stderr", "log")

    def __init__(self, logs: str, seq: int, attempt: int, cap: int) -> None:
        self.log = (logs, seq, attempt)
        """Directory of all logs, number of the job, and attempt."""
        self._cap = cap
        self._partial: dict[str, bytes] = {}
        """What each stream has printed of a line without its end."""
        self._spool: Spool | None = None
        self._backlog: _Backlog | None = None
        self._stderr = b""

    def write(self, stream: str, chunk: bytes) -> None:
        """Take a chunk of `stdout` or `stderr`; its lines are in the log when this returns.

        Two exceptions. A line waits for its end, until it is longer than 16 KiB. And once the head is full, chunks
        that come within 0.2 s of each other wait until that time is over, or for `flush`: when a job prints a
        gigabyte nearly all of it is dropped in the end, and as lines of the log it would first become much more,
        21 times for the two-byte lines of `yes`.
        """
        if stream == "stderr":
            self._remember(chunk)
        output = self._whole_lines(stream, chunk)
        if not output:
            return
        spool = self._begun()
        if spool.tail is None:
            _put(spool, time.time_ns(), stream, output)
            spool.flush()
        else:
            if self._backlog is None:
                self._backlog = _Backlog(spool, spool.tail)
            self._backlog.add(time.time_ns(), stream, output)

    def flush(self) -> None:
        """Write the chunks that wait. To be called each second: without it, the last ones wait for more output."""
        if self._backlog is not None:
            self._backlog.flush()

    def close(self) -> None:
        """Write everything that waits, and end the log."""
        self.flush()
        while self._partial:
            stream = next(iter(self._partial))
            output = self._partial.pop(stream)
            _put(self._begun(), time.time_ns(), stream, output)
        if self._spool is not None:
            self._spool.close()

    @property
    def output(self) -> int:
        """Bytes of output that are in the log so far, or were dropped from it."""
        return 0 if self._spool is None else self._spool.output

    @property
    def is_all_in_head(self) -> bool:
        """Whether all of that is in the head of the log."""
        return self._spool is None or self._spool.is_all_in_head

    @property
    def failed(self) -> OSError | None:
        """Why output is being lost; None again as soon as some can be written."""
        return None if self._spool is None else self._spool.failed

    @property
    def last_error(self) -> str | None:
        """The last line of stderr that is not blank, at most 1 KiB of it."""
        return error_in(self._stderr)

    def _begun(self) -> Spool:
        if self._spool is None:
            self._spool = Spool(files.head_path(*self.log), self._cap)
        return self._spool

    def _whole_lines(self, stream: str, chunk: bytes) -> bytes:
        """Return what is to be written now, and keep the rest: a line without its end, at most 16 KiB."""
        output = self._partial.pop(stream, b"") + chunk
        end = output.rfind(b"\n") + 1
        if (rest := len(output) - end) > cri.LONGEST:
            end += (rest - 1) // cri.LONGEST * cri.LONGEST
        if end < len(output):
            self._partial[stream] = output[end:]
        return output[:end]

    def _remember(self, chunk: bytes) -> None:
        """Keep enough of stderr for its last line; blank lines after it do not push it out."""
        text = chunk.rstrip()
        blank = chunk[len(text) :]
        if b"\n" in blank:
            blank = b"" if not text and self._stderr.endswith(b"\n") else b"\n"
        self._stderr = (self._stderr + text[-STDERR_TAIL:] + blank)[-STDERR_TAIL:]


def error_in(stderr: bytes) -> str | None:
    """Return the last line of the end of a stderr that is not blank, at most 1 KiB of it."""
    line = stderr.rstrip().rpartition(b"\n")[2].rpartition(b"\r")[2].strip()
    text = line[:LAST_ERROR].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return text.encode()[:LAST_ERROR].decode("utf-8", "ignore") or None


class _Backlog:
    """The newest chunks after the head, not written yet."""

    __slots__ = ("_chunks", "_flushed_at", "_least", "_output", "_spool", "_tail")

    def __init__(self, spool: Spool, tail: int) -> None:
        self._spool = spool
        self._tail = tail
        self._chunks: deque[tuple[int, str, bytes, int]] = deque()
        """When and from where each came, and the bytes that it takes in the log at least."""
        self._output = 0
        self._least = 0
        self._flushed_at = 0

    def add(self, now: int, stream: str, output: bytes) -> None:
        least = len(output) + cri.PREFIX * output.count(b"\n")
        self._chunks.append((now, stream, output, least))
        self._output += len(output)
        self._least += least
        while self._chunks and self._least - self._chunks[0][3] >= self._tail:
            # The chunks after it fill all segments: it would be deleted as soon as they are written.
            self._spool.drop(len(self._pop()[2]))
        if self._output > BACKLOG or not 0 <= now - self._flushed_at < BACKLOG_TIME:
            self._flushed_at = now
            self.flush()

    def flush(self) -> None:
        while self._chunks:
            now, stream, output, _ = self._pop()
            _put(self._spool, now, stream, output)
        self._spool.flush()

    def _pop(self) -> tuple[int, str, bytes, int]:
        chunk = self._chunks.popleft()
        self._output -= len(chunk[2])
        self._least -= chunk[3]
        return chunk


def _put(spool: Spool, now: int, stream: str, output: bytes) -> None:
    for block, size in cri.blocks(now, stream, output):
        spool.put(block, size)

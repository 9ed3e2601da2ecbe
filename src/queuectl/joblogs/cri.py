"""Owns the form of a line in a log, that of the container runtime interface (CRI).

`2026-11-24T10:00:00.123456789Z stdout F text`: the tag F ends a line of the output, P says that the output had no
newline here, because the line goes on (it is longer than 16 KiB) or because the output ended.
The text is bytes as they came; a newline is the only byte that cannot be part of it.
"""

from __future__ import annotations

import time

from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 16 * 1024
"""Bytes of text in one line."""

STAMP = 30
PREFIX = STAMP + len(b" stdout F ")
"""Bytes before the text; the same for both streams."""


class Line(Record):
    """One line of a log, or what stands for lines that are not there any more."""

    stamp: str
    """When the output was read, RFC 3339 in UTC with nanoseconds; empty for a gap."""
    stream: str
    """`stdout`, `stderr`, or `dropped` for a gap."""
    text: bytes
    """As it was printed, with its newline if it had one; for a gap, words that say how much is missing."""
    dropped: int = 0
    """Bytes of output that a gap stands for."""

    @property
    def output(self) -> int:
        """Bytes of output that it is, or stands for."""
        return self.dropped or len(self.text)


def blocks(nanoseconds: int, stream: str, output: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield output of one moment as bytes for the log, each with the number of bytes of output that it holds.

    A block is a run of lines that all end in a newline of the output, or a single one that does not. Output
    that does not end in a newline ends in a line tagged P.
    """
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{fraction:09d}Z {stream} "
    full, partial = f"{stamp}F ".encode(), f"{stamp}P ".encode()
    start = position = 0
    while position < len(output):
        # The last newline within reach ends a line that is short enough, and so are all lines before it:
        # four searches in 64 KiB, however many lines there are.
        newline = output.rfind(b"\n", position, position + LONGEST + 1)
        if newline >= 0:
            position = newline + 1
            continue
        if start < position:
            yield _full_lines(full, output[start:position]), position - start
        start = position
        position = min(position + LONGEST, len(output))
        yield partial + output[start:position] + b"\n", position - start
        start = position
    if start < position:
        yield _full_lines(full, output[start:position]), position - start


def lines(block: bytes) -> list[Line]:
    """Return the whole lines of a block, without those that are damaged."""
    return [line for raw in block.split(b"\n")[:-1] if (line := parse(raw)) is not None]


def output_size(block: bytes) -> int:
    """Return how many bytes of output the whole lines of a block hold."""
    return sum(line.output for line in lines(block))


def parse(line: bytes) -> Line | None:
    """Read one line, without its newline; None when it is damaged."""
    stream = line[STAMP + 1 : PREFIX - 3]
    tag = line[PREFIX - 3 : PREFIX]
    if tag not in (b" F ", b" P ") or stream not in (b"stdout", b"stderr"):
        return None
    text = line[PREFIX:]
    return Line(line[:STAMP].decode("ascii", "replace"), stream.decode(), text + b"\n" if tag == b" F " else text)


def written(line: Line) -> bytes:
    """Return a line as it is in the log, with its newline."""
    whole = line.text.endswith(b"\n")
    text = line.text if whole else line.text + b"\n"
    return f"{line.stamp} {line.stream} {'F' if whole else 'P'} ".encode() + text


def _full_lines(prefix: bytes, run: bytes) -> bytes:
    return prefix + run[:-1].replace(b"\n", b"\n" + prefix) + b"\n"

"""A log that goes through a store in parts, and is put together again."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl import joblogs
from queuectl.job import LogPart
from queuectl.joblogs import Follower, Joiner, LogWriter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CAP = 10 * 1024 * 1024


def written(logs: Path, *chunks: bytes, cap: int = CAP) -> LogWriter:
    writer = LogWriter(str(logs), 7, 1, cap)
    for chunk in chunks:
        writer.write("stdout", chunk)
    writer.close()
    return writer


def joined(parts: Iterable[LogPart], joiner: Joiner | None = None) -> list[bytes]:
    """Return what a reader of these parts sees, gaps in brackets."""
    lines = (joiner or Joiner()).new(parts)
    return [b"[%d]" % line.dropped if line.stream == joblogs.DROPPED else line.text for line in lines]


def test_what_was_printed_comes_out_as_it_went_in(tmp_path: Path) -> None:
    writer = written(tmp_path, b"one\ntwo\n", b"without end")

    (part,) = joblogs.parts(Follower(str(tmp_path), 7, 1).new(), writer.output)

    assert part == joblogs.end_of(writer) == joblogs.end_left(str(tmp_path), 7, 1)
    assert part.end == len(b"one\ntwo\nwithout end")
    assert joined([part]) == [b"one\n", b"two\n", b"without end"]


def test_a_job_that_printed_nothing_has_no_part(tmp_path: Path) -> None:
    assert joblogs.end_of(written(tmp_path)) is None
    assert joblogs.end_left(str(tmp_path), 7, 1) is None


@pytest.mark.parametrize("cap", [CAP, 200_000], ids=["all in the head", "in segments"])
def test_of_a_long_log_the_end_is_kept_in_whole_lines(tmp_path: Path, cap: int) -> None:
    lines = [b"%06d %s\n" % (n, b"x" * 50) for n in range(10_000)]
    writer = written(tmp_path, *lines, cap=cap)

    part = joblogs.end_of(writer)

    assert part is not None
    assert joblogs.KEPT - 200 < len(part.lines) <= joblogs.KEPT
    gap, *shown = joined([part])
    assert shown == lines[-len(shown) :]
    assert gap == b"[%d]" % (sum(map(len, lines)) - sum(map(len, shown)))
    assert joblogs.end_left(str(tmp_path), 7, 1) == part


def test_output_that_a_full_log_dropped_is_a_gap_between_two_parts(tmp_path: Path) -> None:
    lines = [b"%06d\n" % n for n in range(5_000)]
    writer = written(tmp_path, *lines, cap=100_000)

    head, *rest = joblogs.parts(Follower(str(tmp_path), 7, 1).new(), writer.output)
    seen = joined([head, *rest])

    assert head.lines.count(b"\n") > 100
    assert sum(int(text[1:-1]) if text.startswith(b"[") else len(text) for text in seen) == sum(map(len, lines))
    assert [text for text in seen if text.startswith(b"[")]


@given(
    st.lists(st.binary(max_size=20).map(lambda text: text.translate(None, b"\n[") + b"\n"), min_size=1, max_size=20),
    st.data(),
)
def test_parts_that_overlap_are_seen_once_whatever_their_cut(lines: list[bytes], data: st.DataObject) -> None:
    stamped = [b"2026-11-24T10:00:00.000000000Z stdout F " + line for line in lines]
    ends = [sum(map(len, lines[:n])) for n in range(len(lines) + 1)]
    cuts = data.draw(st.lists(st.tuples(*[st.integers(0, len(lines))] * 2).map(sorted), max_size=6))
    pieces = sorted(LogPart(ends[stop], b"".join(stamped[start:stop])) for start, stop in [*cuts, [0, len(lines)]])
    times = sorted(data.draw(st.lists(st.integers(0, len(pieces)), max_size=3)))
    joiner = Joiner()
    seen = []

    for begin, end in pairwise([0, *times, len(pieces)]):
        seen += joined(pieces[begin:end], joiner)

    assert [text for text in seen if not text.startswith(b"[")][-1:] == lines[-1:]
    assert joiner.position == ends[-1]
    shown = sum(int(text[1:-1]) if text.startswith(b"[") else len(text) for text in seen)
    assert shown == ends[-1]


def test_an_empty_part_says_that_somebody_is_there() -> None:
    joiner = Joiner()

    assert joiner.position == -1
    assert joined([LogPart(0, b"")], joiner) == []
    assert joiner.position == 0

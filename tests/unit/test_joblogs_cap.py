"""A log stays within its cap, keeps its beginning and its end, and says exactly what is missing."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queuectl import joblogs
from queuectl.joblogs import Follower, Line, LogWriter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BIG = 1 << 30
LINE = 16 * 1024

streams = st.sampled_from(["stdout", "stderr"])
lines = st.lists(st.binary(max_size=60), max_size=40).map(b"\n".join)
long_lines = st.builds(
    lambda before, length, after: before + b"x" * length + after,
    st.binary(max_size=3),
    st.sampled_from([LINE - 1, LINE, LINE + 1, 2 * LINE, 70_000]),
    st.binary(max_size=3),
)
outputs = st.lists(st.tuples(streams, lines | long_lines), max_size=12)
short_outputs = st.lists(st.tuples(streams, lines), max_size=60)


def read(logs: str, *, tail: int | None = None) -> list[Line]:
    return list(joblogs.read(logs, 1, 1, tail=tail))


def write(logs: str, cap: int, chunks: Iterable[tuple[str, bytes]]) -> None:
    writer = LogWriter(logs, 1, 1, cap)
    for stream, chunk in chunks:
        writer.write(stream, chunk)
        assert joblogs.size(logs, 1, 1) <= cap
    writer.close()
    assert joblogs.size(logs, 1, 1) <= cap


def check(found: Iterable[Line], chunks: Iterable[tuple[str, bytes]]) -> None:
    """Assert that these are all lines of the output in order, but for those whose size a gap says."""
    with tempfile.TemporaryDirectory() as logs:
        write(logs, BIG, chunks)
        rest = read(logs)
    for line in found:
        missing = line.dropped
        while missing > 0:
            missing -= len(rest.pop(0).text)
        assert missing == 0
        if not line.dropped:
            expected = rest.pop(0)
            assert (line.stream, line.text) == (expected.stream, expected.text)
    assert rest == []


@given(outputs)
@settings(deadline=None)
def test_under_the_cap_each_stream_comes_back_as_it_was_printed(chunks: list[tuple[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as logs:
        write(logs, BIG, chunks)
        found = read(logs)

    for stream in ("stdout", "stderr"):
        printed = b"".join(chunk for name, chunk in chunks if name == stream)
        assert b"".join(line.text for line in found if line.stream == stream) == printed
    assert [line.stamp for line in found] == sorted(line.stamp for line in found)


@given(outputs, st.integers(0, 200_000))
@settings(deadline=None)
def test_whatever_the_cap_all_output_is_there_or_counted(chunks: list[tuple[str, bytes]], cap: int) -> None:
    with tempfile.TemporaryDirectory() as logs:
        write(logs, cap, chunks)
        check(read(logs), chunks)


@given(short_outputs, st.integers(1000, 8000))
@settings(deadline=None)
def test_over_the_cap_one_gap_parts_the_beginning_from_the_end(chunks: list[tuple[str, bytes]], cap: int) -> None:
    longest = 60 * len(chunks) + 101  # a line may come in as many pieces as there are chunks
    with tempfile.TemporaryDirectory() as logs:
        write(logs, cap, chunks)
        found = read(logs)
        size = joblogs.size(logs, 1, 1)
    gaps = [line for line in found if line.dropped]

    if longest < cap // 2:
        assert len(gaps) <= 1
    if gaps and longest < cap // 2:
        assert size >= cap - cap // 10 - 2 * longest


@given(st.lists(st.tuples(streams, lines) | st.sampled_from(["flush", "poll"]), max_size=80), st.integers(500, 8000))
@settings(deadline=None)
def test_a_follower_sees_every_line_or_its_gap_across_segments(steps: list[tuple[str, bytes] | str], cap: int) -> None:
    found: list[Line] = []
    with tempfile.TemporaryDirectory() as logs:
        writer = LogWriter(logs, 1, 1, cap)
        follower = Follower(logs, 1, 1)
        for step in steps:
            if step == "poll":
                found += follower.lines()
            elif step == "flush":
                writer.flush()
            else:
                writer.write(*step)
        writer.close()
        found += follower.lines()
        assert follower.lines() == []

    check(found, [step for step in steps if isinstance(step, tuple)])


@given(short_outputs, st.integers(500, 8000), st.integers(0, 200))
@settings(deadline=None)
def test_the_tail_is_the_end_of_what_is_read_whole(chunks: list[tuple[str, bytes]], cap: int, count: int) -> None:
    ended = [(stream, chunk + b"\n") for stream, chunk in chunks]
    with tempfile.TemporaryDirectory() as logs:
        write(logs, cap, ended)
        whole, tail = read(logs), read(logs, tail=count)

    last = [line for line in whole if not line.dropped][-count:] if count else []
    assert [line for line in tail if not line.dropped] == last
    assert tail == whole[len(whole) - len(tail) :]


def test_the_head_and_the_newest_segments_are_kept(tmp_path: Path) -> None:
    cap = 10_000
    write(str(tmp_path), cap, [("stdout", b"%059d\n" % n) for n in range(1000)])

    found = read(str(tmp_path))
    (gap,) = (number for number, line in enumerate(found) if line.dropped)
    head, tail = found[:gap], found[gap + 1 :]
    assert [int(line.text) for line in head] == list(range(50))  # 50 lines of 100 bytes: half of the cap
    assert [int(line.text) for line in tail] == list(range(1000 - len(tail), 1000))
    assert 40 <= len(tail) <= 50
    assert found[gap].dropped == (1000 - len(head) - len(tail)) * 60


@pytest.mark.parametrize(
    ("dropped", "words"),
    [
        (1, b"1 byte dropped\n"),
        (1023, b"1023 bytes dropped\n"),
        (1024, b"1 KiB dropped\n"),
        (5 * 1024 * 1024 // 2, b"2.5 MiB dropped\n"),
        (3 << 30, b"3 GiB dropped\n"),
    ],
)
def test_a_gap_says_its_size_in_units_that_people_read(tmp_path: Path, dropped: int, words: bytes) -> None:
    write(str(tmp_path), BIG, [("stdout", b"x\n")])
    (tmp_path / "jobs" / "0" / f"1.1.log.{dropped}").touch()

    assert read(str(tmp_path))[1:] == [Line("", "dropped", words, dropped)]


@pytest.mark.parametrize("count", [2, 15, 25])
def test_a_tail_within_the_last_segments_shows_no_gap(tmp_path: Path, count: int) -> None:
    write(str(tmp_path), 10_000, [("stdout", b"%059d\n" % n) for n in range(1000)])

    assert [line.text for line in read(str(tmp_path), tail=count)] == [b"%059d\n" % n for n in range(1000)][-count:]


def test_output_after_the_head_waits_for_a_flush_at_most(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), 1, 1, 10_000)
    for n in range(1000):
        writer.write("stdout", b"%059d\n" % n)

    writer.flush()

    assert int(read(str(tmp_path))[-1].text) == 999
    writer.close()


def test_a_flood_is_capped_by_its_files_and_not_by_memory(tmp_path: Path) -> None:
    cap = 10 * 1024 * 1024
    writer = LogWriter(str(tmp_path), 1, 1, cap)
    for _ in range(1600):
        writer.write("stdout", b"y\n" * 32768)
    writer.close()

    found = joblogs.read(str(tmp_path), 1, 1)
    assert sum(line.dropped or len(line.text) for line in found) == 1600 * 65536
    assert cap * 0.85 < joblogs.size(str(tmp_path), 1, 1) <= cap


def test_a_follower_leaves_a_line_that_is_half_written_for_the_next_call(tmp_path: Path) -> None:
    write(str(tmp_path), BIG, [("stdout", b"whole\n")])
    path = tmp_path / "jobs" / "0" / "1.1.log"
    line = path.read_bytes()
    follower = Follower(str(tmp_path), 1, 1)
    with path.open("ab", buffering=0) as file:
        file.write(line[:44])
        assert [found.text for found in follower.lines()] == [b"whole\n"]
        file.write(line[44:])
        assert [found.text for found in follower.lines()] == [b"whole\n"]


def test_a_follower_may_begin_before_the_log_does(tmp_path: Path) -> None:
    follower = Follower(str(tmp_path), 1, 1)
    assert follower.lines() == []

    write(str(tmp_path), BIG, [("stdout", b"late\n")])
    assert [line.text for line in follower.lines()] == [b"late\n"]


def test_a_follower_may_begin_with_the_last_lines(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), 1, 1, BIG)
    writer.write("stdout", b"a\nb\nc\n")
    follower = Follower(str(tmp_path), 1, 1, tail=1)
    writer.write("stdout", b"d\n")
    writer.close()

    assert [line.text for line in follower.lines()] == [b"c\n", b"d\n"]

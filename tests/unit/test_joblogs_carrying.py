"""Logs on their way to another directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl import joblogs
from queuectl.job import LogPart
from queuectl.joblogs import LogDirectory

if TYPE_CHECKING:
    from pathlib import Path


def write(logs: str, text: bytes, cap: int = 10**7) -> joblogs.LogWriter:
    """Write the log of run 1 of job 7."""
    writer = joblogs.LogWriter(logs, 7, 1, cap)
    for start in range(0, len(text), 50_000):
        writer.write("stdout", text[start : start + 50_000])
    writer.close()
    return writer


def read(logs: str) -> list[joblogs.Line]:
    return list(joblogs.read(logs, 7, 1))


TEXTS = {
    "nothing": b"",
    "a line": b"hello\n",
    "no newline": b"hello",
    "just below": b"x" * 999 + b"\n",
    "long": b"a line\n" * 20_000,
    "with segments": b"a longer line\n" * 400_000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_end_of_a_log_is_what_its_writer_would_have_kept(tmp_path: Path, text: bytes) -> None:
    writer = write(str(tmp_path), text, cap=4 * 2**20)

    assert LogDirectory(str(tmp_path)).end(7, 1) == joblogs.end_of(writer)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_linked_log_reads_the_same(tmp_path: Path, text: bytes) -> None:
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    write(one, text, cap=4 * 2**20)
    LogDirectory(one).link(7, 1, LogDirectory(two))
    LogDirectory(one).link(7, 1, LogDirectory(two))

    assert read(two) == read(one)
    assert LogDirectory(two).has(7, 1) == bool(text)
    joblogs.delete(one, 7)
    assert b"".join(line.text for line in read(two)).endswith(text[-5:])


@pytest.mark.parametrize("before", [0, 1000])
def test_the_end_of_a_log_becomes_a_log(tmp_path: Path, before: int) -> None:
    write(str(tmp_path / "one"), b"a\nb\n")
    end = LogDirectory(str(tmp_path / "one")).end(7, 1)
    assert end is not None
    part = LogPart(before + end.end, end.lines)
    LogDirectory(str(tmp_path / "two")).put_end(7, 1, part)

    lines = read(str(tmp_path / "two"))
    assert [line.text for line in lines if line.stream == "stdout"] == [b"a\n", b"b\n"]
    assert [line.dropped for line in lines if line.stream == joblogs.DROPPED] == [before] * bool(before)
    assert LogDirectory(str(tmp_path / "two")).end(7, 1) == part


def test_an_end_without_lines_is_a_gap(tmp_path: Path) -> None:
    LogDirectory(str(tmp_path)).put_end(7, 1, LogPart(1000, b""))

    assert [(line.stream, line.dropped) for line in read(str(tmp_path))] == [(joblogs.DROPPED, 1000)]

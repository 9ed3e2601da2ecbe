"""Logs on their way to another directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from queuectl import joblogs
from queuectl.job import LogPart
from queuectl.joblogs import LogDirectory
from queuectl.paths import Home

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


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(str(tmp_path))
    home.create()
    return home


ELSEWHERE = "f" * 32
"""Another queue of the same home."""


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_linked_log_reads_the_same_and_is_deleted_as_one(home: Home, text: bytes) -> None:
    one, two, third = home.logs, home.job_logs(ELSEWHERE), home.job_logs("e" * 32)
    write(one, text, cap=4 * 2**20)
    write(third, b"of another queue\n")
    for _ in range(2):
        joblogs.link(one, two)

    assert read(two) == read(one)
    assert LogDirectory(two).has(7, 1) == bool(text)
    joblogs.delete(home, ELSEWHERE, 7)
    assert read(one) == read(two) == []
    assert not os.listdir(f"{one}/jobs") if text else not os.path.exists(f"{one}/jobs")
    assert [line.text for line in read(third)] == [b"of another queue\n"]


def test_a_log_that_has_a_name_elsewhere_can_become_one_of_its_own_queue_alone(home: Home) -> None:
    one, two = home.logs, home.job_logs(ELSEWHERE)
    write(one, b"hello\n")
    joblogs.link(one, two)
    joblogs.unlink_elsewhere(home, None)

    assert read(two) == []
    assert [line.text for line in read(one)] == [b"hello\n"]


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

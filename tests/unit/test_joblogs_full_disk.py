"""A disk that is full costs output, never the job, and the log says how much."""

from __future__ import annotations

import errno
import os
import resource
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from queuectl import joblogs
from queuectl.joblogs import LogWriter
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CAP = 10 * 1024 * 1024
LINE = b"x" * 59 + b"\n"


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """Let every write beyond a size fail, as on a disk that is full; the last one is cut short."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def total(logs: Path) -> int:
    return sum(line.dropped or len(line.text) for line in joblogs.read(str(logs), 1, 1))


def lines(logs: Path) -> list[tuple[int, int]]:
    """Return the length of each line and gap: (length, 0) or (0, dropped)."""
    return [(0 if line.dropped else len(line.text), line.dropped) for line in joblogs.read(str(logs), 1, 1)]


@pytest.mark.parametrize("limit", [100_050, 40, 1, 0])
@pytest.mark.parametrize("at_once", [1, 1000])
def test_a_log_on_a_full_disk_ends_with_a_whole_line_and_the_size_of_what_is_lost(
    tmp_path: Path, limit: int, at_once: int
) -> None:
    writer = LogWriter(str(tmp_path), 1, 1, CAP)
    with files_at_most(limit):
        for _ in range(5000 // at_once):
            writer.write("stdout", LINE * at_once)
        writer.close()
        assert writer.failed is not None
        assert writer.failed.errno == errno.EFBIG

    kept = limit // 100
    assert lines(tmp_path) == [(60, 0)] * kept + [(0, (5000 - kept) * 60)]
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.log*")) == kept * 100


def test_what_is_lost_of_a_line_that_is_split_is_counted_too(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), 1, 1, CAP)
    with files_at_most(40_000):
        writer.write("stdout", b"x" * 100_000)
        writer.close()

    assert lines(tmp_path) == [(16384, 0), (16384, 0), (0, 100_000 - 2 * 16384)]


def test_the_log_goes_on_after_a_gap_when_there_is_space_again(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), 1, 1, CAP)
    count = 0

    def write() -> bool:
        nonlocal count
        count += 1
        writer.write("stdout", LINE)
        return writer.failed is None

    with files_at_most(100_050):
        while write():
            pass
    eventually(write)
    writer.close()

    found = lines(tmp_path)
    assert found[:1000] == [(60, 0)] * 1000
    assert found[1000][1] > 0
    assert set(found[1001:]) == {(60, 0)}
    assert total(tmp_path) == count * 60


def test_segments_that_cannot_be_written_are_gaps(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), 1, 1, 20_000)
    for _ in range(200):
        writer.write("stdout", LINE)
    with files_at_most(0):
        for _ in range(200):
            writer.write("stdout", LINE)
        writer.flush()
        assert writer.failed is not None

    def write() -> bool:
        writer.write("stdout", b"end\n")
        writer.flush()
        return writer.failed is None

    eventually(write)
    writer.close()

    *_, gap, last = joblogs.read(str(tmp_path), 1, 1)
    assert last.text == b"end\n"
    assert gap.dropped >= 200 * 60


def test_a_log_that_cannot_be_created_is_silent(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("in the way")
    writer = LogWriter(str(tmp_path), 1, 1, CAP)

    writer.write("stderr", b"still known\n")
    writer.flush()
    writer.close()

    assert writer.failed is not None
    assert writer.last_error == "still known"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = os.listdir("/dev/fd")
    writer = LogWriter(str(tmp_path), 1, 1, 20_000)
    with files_at_most(5000):
        for _ in range(500):
            writer.write("stdout", LINE)
        writer.close()
    list(joblogs.read(str(tmp_path), 1, 1, tail=3))

    assert os.listdir("/dev/fd") == before

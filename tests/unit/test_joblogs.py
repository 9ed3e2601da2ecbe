"""What is written to the log of one attempt, and what is read from it."""

from __future__ import annotations

import calendar
import os
import re
import stat
import time
from pathlib import Path

import pytest

from queuectl import joblogs
from queuectl.joblogs import LogWriter
from queuectl.paths import Home

CAP = 10 * 1024 * 1024
LINE = 16 * 1024


def written(logs: Path, *chunks: tuple[str, bytes], seq: int = 7, attempt: int = 1, cap: int = CAP) -> LogWriter:
    writer = LogWriter(str(logs), seq, attempt, cap)
    for stream, chunk in chunks:
        writer.write(stream, chunk)
    writer.close()
    return writer


def texts(logs: Path, *, tail: int | None = None, streams: frozenset[str] = joblogs.BOTH) -> list[tuple[str, bytes]]:
    return [(line.stream, line.text) for line in joblogs.read(str(logs), 7, 1, tail=tail, streams=streams)]


def head(logs: Path) -> Path:
    return logs / "jobs" / "0" / "7.1.log"


def test_a_line_is_in_the_container_format_with_nanoseconds_in_utc(tmp_path: Path) -> None:
    before = int(time.time())
    written(tmp_path, ("stderr", b"out of paper\n"))

    match = re.fullmatch(
        rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z stderr F out of paper\n", head(tmp_path).read_bytes()
    )

    assert match
    assert before <= calendar.timegm(time.strptime(match[1].decode(), "%Y-%m-%dT%H:%M:%S")) <= time.time()


def test_both_streams_are_kept_apart_in_the_order_read(tmp_path: Path) -> None:
    written(tmp_path, ("stdout", b"a\nb\n"), ("stderr", b"c\n"), ("stdout", b"d\n"))

    assert texts(tmp_path) == [("stdout", b"a\n"), ("stdout", b"b\n"), ("stderr", b"c\n"), ("stdout", b"d\n")]
    assert texts(tmp_path, streams=frozenset({"stderr"})) == [("stderr", b"c\n")]


def test_a_line_may_come_in_pieces_between_those_of_the_other_stream(tmp_path: Path) -> None:
    written(tmp_path, ("stdout", b"half"), ("stderr", b"x\n"), ("stdout", b" and half\n"))

    assert texts(tmp_path) == [("stderr", b"x\n"), ("stdout", b"half and half\n")]


def test_a_line_can_be_read_as_soon_as_it_has_come(tmp_path: Path) -> None:
    writer = LogWriter(str(tmp_path), 7, 1, CAP)
    writer.write("stdout", b"first\nsec")

    assert texts(tmp_path) == [("stdout", b"first\n")]
    writer.close()


def test_a_last_line_without_newline_is_tagged_and_comes_back_without_one(tmp_path: Path) -> None:
    written(tmp_path, ("stdout", b"a\nb"))

    assert head(tmp_path).read_bytes().endswith(b" stdout P b\n")
    assert texts(tmp_path) == [("stdout", b"a\n"), ("stdout", b"b")]


@pytest.mark.parametrize(
    "output",
    [
        b"nul \0 byte\n",
        b"not utf-8 \xff\xfe\n",
        b"carriage\rreturn\r\n",
        b"\n\n\n",
        b" F x P \x1b[31m\n",
        b"\xc2\x85\x0b\x0c\n",
    ],
)
def test_bytes_are_kept_as_they_came(tmp_path: Path, output: bytes) -> None:
    written(tmp_path, ("stdout", output))

    assert b"".join(text for _, text in texts(tmp_path)) == output


@pytest.mark.parametrize(
    ("length", "tags"),
    [(LINE - 1, "F"), (LINE, "F"), (LINE + 1, "PF"), (2 * LINE, "PF"), (2 * LINE + 1, "PPF"), (5 * LINE + 7, "PPPPPF")],
)
@pytest.mark.parametrize("step", [1 << 30, 65536, LINE, LINE - 1, 4000])
def test_a_line_over_16_kib_is_split_and_comes_back_whole(tmp_path: Path, length: int, tags: str, step: int) -> None:
    output = b"before\n" + b"x" * length + b"\nafter\n"
    written(tmp_path, *(("stdout", output[i : i + step]) for i in range(0, len(output), step)))

    raw = head(tmp_path).read_bytes().splitlines()
    assert "".join(chr(line[38]) for line in raw) == f"F{tags}F"
    assert max(len(line) for line in raw) <= LINE + 40
    assert b"".join(text for _, text in texts(tmp_path)) == output


@pytest.mark.parametrize(("length", "tags"), [(LINE, "F"), (LINE + 1, "PF"), (2 * LINE, "PF"), (2 * LINE + 1, "PPF")])
def test_a_newline_that_comes_late_still_ends_its_line(tmp_path: Path, length: int, tags: str) -> None:
    written(tmp_path, ("stdout", b"x" * length), ("stdout", b"\n"))

    assert "".join(chr(line[38]) for line in head(tmp_path).read_bytes().splitlines()) == tags
    assert b"".join(text for _, text in texts(tmp_path)) == b"x" * length + b"\n"


@pytest.mark.parametrize(("length", "tags"), [(LINE, "P"), (LINE + 1, "PP"), (2 * LINE, "PP")])
def test_long_output_without_any_newline_is_tagged_throughout(tmp_path: Path, length: int, tags: str) -> None:
    written(tmp_path, ("stdout", b"x" * length))

    assert "".join(chr(line[38]) for line in head(tmp_path).read_bytes().splitlines()) == tags
    assert b"".join(text for _, text in texts(tmp_path)) == b"x" * length


def test_a_silent_job_leaves_nothing(tmp_path: Path) -> None:
    writer = written(tmp_path, ("stdout", b""))

    assert os.listdir(tmp_path) == []
    assert writer.last_error is None
    assert joblogs.attempts_logged(str(tmp_path), 7) == []
    assert joblogs.size(str(tmp_path), 7, 1) == 0
    assert texts(tmp_path) == []


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_only_the_owner_can_read_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        written(tmp_path / "logs", *[("stdout", b"x" * 99 + b"\n")] * 40, cap=2000)
    finally:
        os.umask(before)

    paths = [tmp_path / "logs", *(tmp_path / "logs").rglob("*")]
    modes = {path.relative_to(tmp_path): stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert len(modes) > 5
    assert all(mode == (0o600 if ".log" in path.name else 0o700) for path, mode in modes.items())


def test_a_symbolic_link_in_place_of_a_log_is_not_written_through(tmp_path: Path) -> None:
    head(tmp_path).parent.mkdir(parents=True)
    head(tmp_path).symlink_to(tmp_path / "victim")

    writer = written(tmp_path, ("stdout", b"x\n"))

    assert writer.failed is not None
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([b"one\ntwo\n"], "two"),
        ([b"one\ntwo"], "two"),
        ([b"bro", b"ken\n"], "broken"),
        ([b"error: ", b"no paper"], "error: no paper"),
        ([b"real\n", b"\n", b"  \n\n"], "real"),
        ([b"real\n" + b"\n" * 100_000], "real"),
        ([b"real\n"] + [b"\n"] * 10_000, "real"),
        ([b"10 %\r50 %\rfailed\r\n"], "failed"),
        ([b"bad \xff byte, nul \0\n"], "bad \\xff byte, nul \\x00"),
        ([b"caf\xc3\xa9\n"], "caf\u00e9"),
        ([b" \n\t\n"], None),
        ([b"x" * 70_000 + b"\nlast\n"], "last"),
    ],
)
def test_the_last_error_is_the_last_line_of_stderr_that_is_not_blank(
    tmp_path: Path, chunks: list[bytes], expected: str | None
) -> None:
    writer = written(tmp_path, *(("stderr", chunk) for chunk in chunks), ("stdout", b"not this\n"))

    assert writer.last_error == expected


@pytest.mark.parametrize("character", [b"x", b"\xff", b"\xe2\x82\xac", b"\0"])
def test_the_last_error_is_at_most_one_kib(tmp_path: Path, character: bytes) -> None:
    error = written(tmp_path, ("stderr", character * 3000 + b"\n")).last_error

    assert error
    assert 1000 < len(error.encode()) <= 1024


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [b" \n"],
        [b"one\ntwo\n"],
        [b"real\n", b"\n" * 90],
        [b"error: no paper"],
        [b"10 %\r50 %\rfailed\r\n"],
        [b"bad \xff byte\n"],
        [b"x" * 3000 + b"\n"],
        [b"x" * 70_000 + b"\nlast\n"],
    ],
)
def test_the_last_error_can_be_read_from_the_log(tmp_path: Path, chunks: list[bytes]) -> None:
    writer = written(tmp_path, *(("stderr", chunk) for chunk in chunks), *[("stdout", b"not this\n")] * 200)

    assert joblogs.last_error(str(tmp_path), 7, 1) == writer.last_error


def test_attempts_are_logged_apart(tmp_path: Path) -> None:
    for attempt in (10, 2, 1):
        written(tmp_path, ("stdout", b"%d\n" % attempt), attempt=attempt)

    assert joblogs.attempts_logged(str(tmp_path), 7) == [1, 2, 10]
    assert [line.text for line in joblogs.read(str(tmp_path), 7, 10)] == [b"10\n"]


def test_the_size_is_that_of_all_files(tmp_path: Path) -> None:
    written(tmp_path, *[("stdout", b"x" * 99 + b"\n")] * 40, cap=2000)

    files = list(head(tmp_path).parent.iterdir())
    assert len(files) > 3
    assert joblogs.size(str(tmp_path), 7, 1) == sum(file.stat().st_size for file in files)


def test_deleting_takes_all_attempts_and_segments_of_these_jobs_alone(tmp_path: Path) -> None:
    home = Home(str(tmp_path))
    for seq in (7, 77, 8, 1007):
        for attempt in (1, 2):
            written(Path(home.logs), *[("stdout", b"x" * 99 + b"\n")] * 40, seq=seq, attempt=attempt, cap=2000)

    joblogs.delete(home, None, 7, 8)

    assert {seq for seq in (7, 77, 8, 1007) if joblogs.attempts_logged(home.logs, seq)} == {77, 1007}
    assert not [path for path in tmp_path.rglob("*.log*") if path.name.startswith(("7.", "8."))]


def test_deleting_the_last_log_of_a_directory_leaves_no_directory_and_a_log_can_begin_again(tmp_path: Path) -> None:
    home = Home(str(tmp_path))
    logs = Path(home.logs)
    written(logs, ("stdout", b"x\n"))

    joblogs.delete(home, None, 7)
    joblogs.delete(home, None, 7)

    assert not head(logs).parent.exists()
    written(logs, ("stdout", b"again\n"), attempt=2)
    assert joblogs.attempts_logged(home.logs, 7) == [2]


def test_foreign_files_between_the_logs_are_ignored(tmp_path: Path) -> None:
    written(tmp_path, ("stdout", b"x\n"))
    for name in ("7.log", "7.x.log", "7.1.log.old", "7.1.log.1.2", "README"):
        (head(tmp_path).parent / name).touch()

    assert joblogs.attempts_logged(str(tmp_path), 7) == [1]
    assert texts(tmp_path) == [("stdout", b"x\n")]


def test_a_damaged_line_is_told_and_those_around_it_are_read(tmp_path: Path) -> None:
    written(tmp_path, ("stdout", b"x\n"))
    whole = head(tmp_path).read_bytes()
    head(tmp_path).write_bytes(whole + b"\0" * 300 + b"\n" + whole)

    assert texts(tmp_path) == [("stdout", b"x\n"), ("dropped", b"300 bytes damaged\n"), ("stdout", b"x\n")]


def test_the_tail_of_a_big_log_is_found_without_reading_the_log(tmp_path: Path) -> None:
    written(tmp_path, *(("stdout", b"%07d\n" % n) for n in range(3)))
    with head(tmp_path).open("r+b") as file:  # as sparse as a log can be: its beginning would take minutes to read
        line = file.readline()
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + b"".join(line.replace(b"0000000", b"%07d" % n) for n in range(10_000)))

    assert texts(tmp_path, tail=3) == [("stdout", b"%07d\n" % n) for n in (9997, 9998, 9999)]
    assert len(texts(tmp_path, tail=5000)) == 5000


def test_a_line_in_pieces_counts_once_in_the_tail(tmp_path: Path) -> None:
    long = b"x" * (3 * LINE)
    written(tmp_path, ("stdout", b"a\n" + long + b"\nb\n" + long))

    assert b"".join(text for _, text in texts(tmp_path, tail=1)) == long
    assert b"".join(text for _, text in texts(tmp_path, tail=2)) == b"b\n" + long
    assert b"".join(text for _, text in texts(tmp_path, tail=3)) == long + b"\nb\n" + long
    assert texts(tmp_path, tail=0) == []
    assert texts(tmp_path, tail=99) == texts(tmp_path)

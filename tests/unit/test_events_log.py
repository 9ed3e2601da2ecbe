"""How events become lines of worker.log, written and rotated by many processes at once."""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from queuectl import events
from queuectl.observe.logging import KEPT, EventLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from queuectl.events import Event

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"

WRITER = """
import sys
from queuectl import events
from queuectl.observe.logging import EventLog
home, name, count, limit = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
log = EventLog(home + "/worker.log", home + "/log.lock", "worker")
log.limit = limit
print("ready", flush=True)
sys.stdin.read()
for number in range(count):
    log(events.JobCancelled(name, number))
"""


def open_log(home: Path, log_format: str = "text", stream: int | None = None) -> EventLog:
    return EventLog(str(home / "worker.log"), str(home / "log.lock"), "worker", log_format, stream=stream)


def logged(home: Path, event: Event, log_format: str = "text") -> str:
    open_log(home, log_format)(event)
    return (home / "worker.log").read_text()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.JobFailed("x", 1, "exited 1", "failed", 2.0),
            'WARN {} job failed id=x attempt=1 outcome="exited 1" state=failed retry_in=2',
        ),
        (
            events.JobFailed("x", 4, "exited 1", "dead", None),
            'WARN {} job failed id=x attempt=4 outcome="exited 1" state=dead',
        ),
        (events.WorkerStopping("0f", now=True), "INFO {} worker stopping worker=0f now=yes"),
        (events.SupervisorGaveUp(20, 60), "ERROR {} supervisor gave up deaths=20 seconds=60"),
        (events.JobTimedOut("x", 1, 0.123456), "WARN {} job timed out id=x attempt=1 after=0.123"),
        (events.StoreBack(), "INFO {} store back"),
    ],
)
def test_an_event_is_one_line_of_text(tmp_path: Path, event: Event, line: str) -> None:
    expected = re.escape(line.format(f"worker[{os.getpid()}]"))
    assert re.fullmatch(f"{STAMP} {expected}\n", logged(tmp_path, event))


def test_an_event_is_one_line_of_json(tmp_path: Path) -> None:
    fields = json.loads(logged(tmp_path, events.WorkerLost(77, "signalled 9"), "json"))

    assert re.fullmatch(STAMP, fields.pop("time"))
    assert fields == {
        "level": "warn",
        "source": f"worker[{os.getpid()}]",
        "event": "worker lost",
        "pid": 77,
        "status": "signalled 9",
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(
    "reason", ["two\nlines", "\x1b[31mred", "nul \0", "c1 \x9b", "separator \u2028", "half \udc80", 'quote " \\', ""]
)
def test_no_value_can_break_out_of_its_line(tmp_path: Path, reason: str, log_format: str) -> None:
    line = logged(tmp_path, events.StoreLost(reason), log_format)

    assert line.endswith("\n")
    assert line[:-1].isprintable()
    if log_format == "json":
        assert json.loads(line)["reason"] == reason


def test_a_value_that_looks_like_fields_is_quoted(tmp_path: Path) -> None:
    line = logged(tmp_path, events.StoreLost('x" id=forged'))

    assert line.endswith(' store lost reason="x\\" id=forged"\n')


def test_text_that_can_be_printed_stays_readable(tmp_path: Path) -> None:
    assert logged(tmp_path, events.StoreLost("größer")).endswith(" reason=größer\n")


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_only_the_owner_can_read_the_log_and_always_can(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        log = open_log(tmp_path)
        log.limit = 1
        log(events.StoreBack())
        log(events.StoreBack())
    finally:
        os.umask(before)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("worker.log", "worker.log.1", "log.lock"), 0o600)


def test_in_the_foreground_lines_go_to_the_stream_and_no_file_is_made(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    open_log(tmp_path, stream=writing)(events.StoreBack())
    os.close(writing)

    assert os.read(reading, 4096).endswith(b" store back\n")
    os.close(reading)
    assert os.listdir(tmp_path) == []


def test_a_file_as_the_stream_takes_the_lines_where_it_is(tmp_path: Path) -> None:
    with (tmp_path / "err").open("wb", buffering=0) as stream:
        log = open_log(tmp_path, stream=stream.fileno())
        stream.write(b"from elsewhere\n")
        log(events.StoreBack())
        stream.write(b"from elsewhere\n")

    first, middle, last = (tmp_path / "err").read_text().splitlines()
    assert first == last == "from elsewhere"
    assert middle.endswith(" store back")


def sockets() -> tuple[int, int]:
    reading, writing = socket.socketpair()
    return reading.detach(), writing.detach()


@pytest.mark.parametrize("ends", [os.pipe, os.openpty, sockets])
def test_events_for_a_reader_that_stands_still_are_dropped_and_counted(
    tmp_path: Path, ends: Callable[[], tuple[int, int]]
) -> None:
    reading, writing = ends()
    log = open_log(tmp_path, stream=writing)
    count = 20_000
    for number in range(count):
        log(events.JobCancelled("x", number))

    os.set_blocking(reading, False)
    said = b""
    while b"store back" not in said:
        try:
            said += os.read(reading, 65536)
        except BlockingIOError:
            log(events.StoreBack())
            count += 1
    os.close(reading)
    os.close(writing)

    *told, dropped, last = said.decode().splitlines()
    assert "events dropped" in dropped
    assert last.endswith(" store back")
    assert len(told) > 20
    next_one = 0
    for line in (*told, dropped):
        match = re.fullmatch(rf"{STAMP} \w+ worker\S+ (job cancelled id=x attempt|events dropped number)=(\d+)", line)
        assert match, line
        if match[1].startswith("job"):
            assert int(match[2]) == next_one
            next_one += 1
        else:
            next_one += int(match[2])
    assert next_one == count - 1


def test_a_stream_that_nobody_reads_any_more_does_no_harm(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    open_log(tmp_path, stream=writing)(events.StoreBack())
    os.close(writing)


def test_a_log_that_is_full_is_rotated_and_only_so_many_old_files_are_kept(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.limit = 1000
    for number in range(500):
        log(events.JobCancelled("x", number))

    names = ["worker.log", *(f"worker.log.{number}" for number in range(1, KEPT + 1))]
    assert sorted(os.listdir(tmp_path)) == sorted(["log.lock", *names])
    assert all((tmp_path / name).stat().st_size <= 1000 for name in names)
    lines = "".join((tmp_path / name).read_text() for name in reversed(names)).splitlines()
    numbers = [int(line.rpartition("=")[2]) for line in lines]
    assert numbers == list(range(500 - len(numbers), 500))
    assert len(numbers) > 5 * 10


def test_a_process_follows_the_rotation_of_another(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log(events.StoreBack())
    (tmp_path / "worker.log").rename(tmp_path / "worker.log.1")

    log(events.JobCancelled("x", 1))

    assert "job cancelled" in (tmp_path / "worker.log").read_text()
    assert "job cancelled" not in (tmp_path / "worker.log.1").read_text()


def test_a_lock_that_is_held_delays_the_rotation_not_the_event(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.limit = 1
    log(events.StoreBack())
    with (tmp_path / "log.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        log(events.JobCancelled("x", 1))
        assert len((tmp_path / "worker.log").read_text().splitlines()) == 2
    log(events.JobCancelled("x", 2))

    assert len((tmp_path / "worker.log").read_text().splitlines()) == 1


def test_processes_that_write_at_once_tear_and_lose_no_line(tmp_path: Path) -> None:
    count, line = 300, len("2026-11-24T10:00:00.123Z INFO worker[12345] job cancelled id=a attempt=100\n")
    limit = 4 * count * line // 5
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name, str(count), str(limit)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in "abcd"
    ]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.close()
    for writer in writers:
        with writer:
            assert writer.wait() == 0

    found: dict[str, set[int]] = {name: set() for name in "abcd"}
    files = [path for path in tmp_path.iterdir() if path.name != "log.lock"]
    for path in files:
        for text in path.read_text().splitlines():
            match = re.fullmatch(rf"{STAMP} INFO worker\[\d+\] job cancelled id=([a-d]) attempt=(\d+)", text)
            assert match, text
            found[match[1]].add(int(match[2]))
    assert len(files) > 1  # how many depends on how often the one that rotates was interrupted
    assert found == {name: set(range(count)) for name in "abcd"}


def test_a_full_disk_raises_nothing_and_tears_no_later_line(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        for number in range(10):
            log(events.JobCancelled("x", number))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    log(events.JobCancelled("x", 99))

    lines = (tmp_path / "worker.log").read_text().splitlines()
    assert lines[0].endswith("attempt=0")
    assert re.fullmatch(rf"{STAMP} INFO worker\[\d+\] job cancelled id=x attempt=99", lines[-1])


def test_a_log_that_cannot_be_opened_raises_nothing(tmp_path: Path) -> None:
    open_log(tmp_path / "missing")(events.StoreBack())

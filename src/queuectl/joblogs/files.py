"""Owns where the log of an attempt lies, in one file or several.

`<seq>.<attempt>.log` is the head. `<seq>.<attempt>.log.<start>` is a segment; `start` counts the bytes of output
between the head and the segment. What is missing between one file and the next is therefore known from their
names and contents alone, whether old segments were deleted or the disk was full.
"""

from __future__ import annotations

import os

from queuectl.paths import open_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD = -1
"""Start of the head: before every segment."""


def head_path(logs: str, seq: int, attempt: int) -> str:
    """Return the path of the head of a log."""
    return os.path.join(_directory(logs, seq), f"{seq}.{attempt}.log")


def attempts_logged(logs: str, seq: int) -> list[int]:
    """Return the attempts of a job that have printed something, oldest first."""
    return sorted({attempt for _, found, attempt, _ in _entries(_directory(logs, seq)) if found == seq})


def starts(logs: str, seq: int, attempt: int) -> list[int]:
    """Return where each file of a log starts, in order; `HEAD` for the head."""
    entries = _entries(_directory(logs, seq))
    return sorted(start for _, *job, start in entries if job == [seq, attempt])


def starts_in(directory: str) -> dict[tuple[int, int], list[int]]:
    """Return where each file of the logs in the directory of some jobs starts, in order, by job and attempt."""
    found: dict[tuple[int, int], list[int]] = {}
    for _, seq, attempt, start in _entries(directory):
        found.setdefault((seq, attempt), []).append(start)
    for starts in found.values():
        starts.sort()
    return found


def path_of(logs: str, seq: int, attempt: int, start: int) -> str:
    """Return the path of one file of a log."""
    head = head_path(logs, seq, attempt)
    return head if start == HEAD else f"{head}.{start}"


def jobs_logged(logs: str) -> Iterator[dict[int, float]]:
    """Yield the jobs that have printed something, a directory of them at a time: when their logs were last written to.

    The times are those of the wall clock.
    """
    jobs = os.path.join(logs, "jobs")
    try:
        numbers = [name for name in os.listdir(jobs) if name.isdecimal()]
    except FileNotFoundError:
        return
    for number in sorted(numbers, key=int):
        directory = os.path.join(jobs, number)
        found: dict[int, float] = {}
        for name, seq, _, _ in _entries(directory):
            try:
                written_at = os.stat(os.path.join(directory, name)).st_mtime
            except FileNotFoundError:
                continue  # another process deletes it
            found[seq] = max(written_at, found.get(seq, 0.0))
        yield found


def size(logs: str, seq: int, attempt: int) -> int:
    """Return how many bytes the log of an attempt takes; 0 when it has none."""
    total = 0
    for start in starts(logs, seq, attempt):
        try:
            total += os.stat(path_of(logs, seq, attempt, start)).st_size
        except FileNotFoundError:
            continue  # an old segment that the worker has just deleted
    return total


def delete(logs: str, *seqs: int) -> None:
    """Delete the logs of jobs that do not run. Many at once cost one look into each directory."""
    for directory, wanted in _by_directory(logs, seqs).items():
        left = 0
        for name, seq, _, _ in _entries(directory):
            if seq not in wanted:
                left += 1
                continue
            try:
                os.unlink(os.path.join(directory, name))
            except FileNotFoundError:
                continue  # another process deletes the same
        if not left:
            try:
                os.rmdir(directory)
            except OSError:
                continue  # a worker has just begun a log in it, or it was never there


def create(path: str) -> int:
    """Open a file of a log for appending, 0600, and make the directories above it, 0700, whatever the umask."""
    for _ in range(10):
        try:
            return open_private(path, os.O_WRONLY | os.O_APPEND)
        except FileNotFoundError:
            make_directories(os.path.dirname(path))  # missing, or deleted since: an empty one is
    raise FileNotFoundError(path)


def open_to_read(path: str) -> int:
    """Open a file of a log."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _directory(logs: str, seq: int) -> str:
    return os.path.join(logs, "jobs", str(seq // 1000))


def _by_directory(logs: str, seqs: Iterable[int]) -> dict[str, set[int]]:
    directories: dict[str, set[int]] = {}
    for seq in seqs:
        directories.setdefault(_directory(logs, seq), set()).add(seq)
    return directories


def _entries(directory: str) -> Iterator[tuple[str, int, int, int]]:
    """Yield name, seq, attempt and start of every file of a log in a directory."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return
    for name in names:
        match name.split("."):
            case [seq, attempt, "log"] if seq.isdecimal() and attempt.isdecimal():
                yield name, int(seq), int(attempt), HEAD
            case [seq, attempt, "log", start] if seq.isdecimal() and attempt.isdecimal() and start.isdecimal():
                yield name, int(seq), int(attempt), int(start)


def make_directories(directory: str) -> None:
    """Make the directory of the logs of some jobs, and what is missing above it, 0700 whatever the umask."""
    jobs = os.path.dirname(directory)
    for path in (os.path.dirname(jobs), jobs, directory):
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            continue
        os.chmod(path, 0o700)

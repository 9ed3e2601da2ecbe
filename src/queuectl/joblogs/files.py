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

    from queuectl.paths import Home

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
    for directory in directories(logs):
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


def link(logs: str, other: str) -> None:
    """Let each log in a directory have a name in another one of the same home as well; that takes no space."""
    for directory in directories(logs):
        target = os.path.join(other, "jobs", os.path.basename(directory))
        make_directories(target)
        for name, *_ in _entries(directory):
            try:
                os.link(os.path.join(directory, name), os.path.join(target, name))
            except FileExistsError:
                continue


def unlink_elsewhere(home: Home, queue: str | None) -> None:
    """Let the logs of a queue have no other names in a home than those that are its own."""
    others = home.other_job_logs(queue)
    for directory in directories(home.job_logs(queue)):
        for name, *_ in _entries(directory):
            _unlink_in(others, directory, name)


def delete(home: Home, queue: str | None, *seqs: int) -> None:
    """Delete the logs of jobs of a queue that do not run. Many at once cost one look into each directory.

    The log of a queue that has moved within the home has a name wherever the queue was: all of them go.
    """
    others = home.other_job_logs(queue)
    for directory, wanted in _by_directory(home.job_logs(queue), seqs).items():
        left = 0
        for name, seq, _, _ in _entries(directory):
            if seq not in wanted:
                left += 1
                continue
            _unlink_in(others, directory, name)  # first: what is still in its own directory will be found again
            try:
                os.unlink(os.path.join(directory, name))
            except FileNotFoundError:
                continue  # another process deletes the same
        if not left:
            _remove_empty(directory)


def _unlink_in(others: Iterable[str], directory: str, name: str) -> None:
    """Take away the other names of a file in the directory of some jobs."""
    for other in others:
        jobs = os.path.join(other, "jobs", os.path.basename(directory))
        path = os.path.join(jobs, name)
        try:
            if os.path.samefile(path, os.path.join(directory, name)):
                os.unlink(path)
                _remove_empty(jobs)
        except FileNotFoundError:
            continue


def _remove_empty(directory: str) -> None:
    try:
        os.rmdir(directory)
    except OSError:
        pass  # a worker has just begun a log in it, or it was never there


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


def directories(logs: str) -> list[str]:
    """Return the directories of the logs of some jobs each, in the order of their numbers."""
    jobs = os.path.join(logs, "jobs")
    try:
        numbers = [name for name in os.listdir(jobs) if name.isdecimal()]
    except FileNotFoundError:
        return []
    return [os.path.join(jobs, number) for number in sorted(numbers, key=int)]


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

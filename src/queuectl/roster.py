"""Owns what workers and supervisors tell about themselves in `run/`, without the store.

`worker list`, `worker stop` and `status` read it even when the database is damaged or of another version, so
the format of these files never changes:

- `run/workers/<uuid>.lock`, `run/supervisors/<uuid>.lock`: one line of words (`Member`; more may follow), held with
  flock(2) by its process. It appears by rename when it is already locked.
- `run/workers/<uuid>.job`: the run that the worker is at (`Assignment`), and the receipt of its end.
"""

from __future__ import annotations

import os

from queuectl import process
from queuectl.job import Ended, Outcome
from queuectl.paths import open_private
from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from queuectl.paths import Home


class Member(Record):
    """A worker or a supervisor of this home."""

    id: str
    pid: int
    started: int
    boot: str
    version: str
    supervisor: str | None = None
    """Id of a worker's supervisor."""
    queues: str | None = None
    """Those that a worker serves, as they were named; None: all."""

    @property
    def alive(self) -> bool:
        """Whether the process lives (a stopped one does)."""
        return process.alive(self.pid, self.started, self.boot)

    @property
    def stopped(self) -> bool:
        """Whether the process is stopped by a signal (SIGSTOP, a debugger)."""
        return process.run_state(self.pid) in ("T", "t")


class Assignment(Record):
    """The run that a worker is at, and, once its command has ended, the receipt: how."""

    seq: int
    attempt: int
    cookie: str
    job: str
    ended: Ended | None = None
    """How the command ended; None while it runs."""


RECORD = 256
"""Bytes of each of the two records in a job file; one write never crosses a page."""


def workers(home: Home) -> list[Member]:
    """Return the living workers, oldest first."""
    return sorted((m for m in _members(home.workers) if m.alive), key=lambda member: (member.started, member.pid))


def supervisors(home: Home) -> list[Member]:
    """Return the living supervisors, oldest first."""
    return sorted((m for m in _members(home.supervisors) if m.alive), key=lambda member: (member.started, member.pid))


def any_worker_died(home: Home) -> bool:
    """Return whether a worker has died that nobody has looked after yet."""
    return any(not member.alive for member in _members(home.workers))


def lock_path(directory: str, id: str) -> str:
    """Return the path of a member's lock file; `directory` is `home.workers` or `home.supervisors`."""
    return os.path.join(directory, f"{id}.lock")


def job_path(home: Home, worker: str) -> str:
    """Return the path of a worker's job file."""
    return os.path.join(home.workers, f"{worker}.job")


def cancel_path(home: Home, worker: str) -> str:
    """Return the path of the FIFO that tells a worker to look what is asked of its job."""
    return os.path.join(home.workers, f"{worker}.cancel")


def enrol(directory: str, member: Member) -> int:
    """Announce this process and return the locked descriptor; the lock is held until every copy of it is closed."""
    import fcntl  # noqa: PLC0415  only workers and supervisors lock

    path = lock_path(directory, member.id)
    hidden = f"{path}.new"
    descriptor = open_private(hidden, os.O_RDWR | os.O_EXCL)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        words = (*member[:5], *(word for word in member[5:] if word is not None))
        os.write(descriptor, " ".join(map(str, words)).encode() + b"\n")
        os.rename(hidden, path)
    except OSError:
        os.close(descriptor)
        os.unlink(hidden)
        raise
    return descriptor


def furnish(home: Home, worker: str) -> None:
    """Make the other files of a worker, so that it can open them when the disk is full."""
    os.close(open_job_file(home, worker))
    for path in (home.wake, cancel_path(home, worker)):
        try:
            os.mkfifo(path, 0o600)
            os.chmod(path, 0o600)  # whatever the umask
        except FileExistsError:
            continue


def remove(home: Home, worker: str) -> None:
    """Take away the files of a worker that is gone, its lock last."""
    for path in (
        job_path(home, worker),
        cancel_path(home, worker),
        _draining_path(home, worker),
        _paused_path(home, worker),
        _expired_path(home, worker),
        lock_path(home.workers, worker),
    ):
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue


def remove_supervisor(home: Home, supervisor: str) -> None:
    """Take away the lock file of a supervisor that is gone."""
    try:
        os.unlink(lock_path(home.supervisors, supervisor))
    except FileNotFoundError:
        pass  # somebody else was faster


def read_member(path: str) -> Member | None:
    """Return who wrote a lock file; None when it is gone or does not make sense."""
    try:
        with open(path, encoding="ascii") as file:
            id, pid, started, boot, version, *more = file.read(8192).split()
        return Member(id, int(pid), int(started), boot, version, *more[:2])
    except (OSError, ValueError):
        return None


def write_failure(home: Home, supervisor: str, reason: str) -> None:
    """Leave word, for `status`, why a supervisor gave up."""
    path = os.path.join(home.supervisors, f"{supervisor}.failed")
    try:
        with open(path, "x", encoding="utf-8", opener=open_private) as file:
            file.write(f"{reason}\n")
    except OSError:
        return  # a full disk; the worker log may say it


def failures(home: Home) -> list[str]:
    """Return why supervisors of this home gave up since workers were last started, a line for each."""
    reasons = []
    for path in _failure_paths(home):
        try:
            with open(path, encoding="utf-8") as file:
                reasons.append(file.read().strip())
        except OSError:
            continue  # workers are being started: they are forgotten
    return reasons


def forget_failures(home: Home) -> None:
    """Forget why supervisors gave up: workers are being started anew."""
    for path in _failure_paths(home):
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue  # somebody else starts workers, too


def _failure_paths(home: Home) -> list[str]:
    try:
        names = os.listdir(home.supervisors)
    except OSError:
        return []
    return [os.path.join(home.supervisors, name) for name in names if name.endswith(".failed")]


def mark_draining(home: Home, worker: str) -> None:
    """Say that a worker claims no more."""
    try:
        os.close(open_private(_draining_path(home, worker), os.O_WRONLY))
    except OSError:
        return  # a full disk, or the home is gone: nobody is told, and nothing else is amiss


def is_draining(home: Home, worker: str) -> bool:
    """Return whether a worker claims no more, and ends with its job."""
    return os.path.lexists(_draining_path(home, worker))


def serving(home: Home) -> list[Member]:
    """Return the living workers that claim jobs."""
    return [member for member in workers(home) if not is_draining(home, member.id)]


def _draining_path(home: Home, worker: str) -> str:
    return os.path.join(home.workers, f"{worker}.draining")


def mark_paused(home: Home, worker: str) -> None:
    """Say that the job of a worker is paused."""
    try:
        os.close(open_private(_paused_path(home, worker), os.O_WRONLY))
    except OSError:
        return  # a full disk: who stops the worker is not told why it has to wait


def unmark_paused(home: Home, worker: str) -> None:
    """Say that the job of a worker is not paused any more."""
    try:
        os.unlink(_paused_path(home, worker))
    except OSError:
        return


def is_paused(home: Home, worker: str) -> bool:
    """Return whether the job of a worker is paused."""
    return os.path.lexists(_paused_path(home, worker))


def _paused_path(home: Home, worker: str) -> str:
    return os.path.join(home.workers, f"{worker}.paused")


def mark_lease_lost(home: Home, worker: str) -> None:
    """Say, as its supervisor, that a worker is ended because it could not renew its lease: its job counts nothing."""
    try:
        os.close(open_private(_expired_path(home, worker), os.O_WRONLY))
    except OSError:
        return  # a full disk: its job counts a crash


def lease_was_lost(home: Home, worker: str) -> bool:
    """Return whether a worker was ended because it could not renew its lease."""
    return os.path.lexists(_expired_path(home, worker))


def _expired_path(home: Home, worker: str) -> str:
    return os.path.join(home.workers, f"{worker}.expired")


def holds(directory: str, id: str, lock: os.stat_result) -> bool:
    """Return whether a member's lock file is still the one that it has locked."""
    try:
        found = os.stat(lock_path(directory, id))
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == (lock.st_dev, lock.st_ino)


def open_job_file(home: Home, worker: str) -> int:
    """Make a worker's job file and return a descriptor to write it with."""
    return open_private(job_path(home, worker), os.O_RDWR)


def write_assignment(descriptor: int, assignment: Assignment) -> None:
    """Say in a worker's job file which run it is at. Clears the receipt of the run before."""
    text = f"{assignment.seq} {assignment.attempt} {assignment.cookie} {assignment.job}"
    _put(descriptor, text.encode().ljust(2 * RECORD - 1) + b"\n", 0)


def write_receipt(descriptor: int, cookie: str, ended: Ended) -> None:
    """Say in a worker's job file how the command of the run ended, before the store is told.

    A worker that is killed between the two loses no result: the rescue reads it here. At this moment `ended` has no
    line of stderr: its error, if any, is a few words of the worker's.
    """
    text = f"{cookie} {ended.outcome} {ended.exit_code} {ended.signal} {ended.duration} {ended.error or ''}"
    _put(descriptor, text.encode().ljust(RECORD - 1) + b"\n", RECORD)


def clear_assignment(descriptor: int) -> None:
    """Say in a worker's job file that it runs nothing."""
    _put(descriptor, b"\n".rjust(2 * RECORD), 0)


def _put(descriptor: int, records: bytes, at: int) -> None:
    """Write records. A full disk takes from others what they would see here, and nothing from the job."""
    try:
        os.pwrite(descriptor, records, at)
    except OSError:
        return


def read_assignment(home: Home, worker: str) -> Assignment | None:
    """Return the run that a worker is or was at; None when it runs nothing or left no file."""
    try:
        with open(job_path(home, worker), "rb") as file:
            content = file.read(2 * RECORD)
    except OSError:
        return None
    try:
        seq, attempt, cookie, job = content[:RECORD].decode().split()
        return Assignment(int(seq), int(attempt), cookie, job, _read_receipt(content[RECORD:].decode(), cookie))
    except ValueError:
        return None


def _read_receipt(text: str, cookie: str) -> Ended | None:
    fields = text.strip().split(" ", 5)
    if len(fields) < 5 or fields[0] != cookie:
        return None
    exit_code, signal = (None if field == "None" else int(field) for field in fields[2:4])
    error = fields[5] if len(fields) == 6 else None
    return Ended(Outcome(fields[1]), exit_code, signal, error, float(fields[4]))


def _members(directory: str) -> Iterator[Member]:
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return
    for name in names:
        if name.endswith(".lock") and (member := read_member(os.path.join(directory, name))):
            yield member

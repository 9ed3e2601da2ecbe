"""Records, from inside the programs, what they do to the disk: every step that a loss of power may undo.

`sitecustomize` calls `install` when a process starts, before the program's own code. Content is seen for the files
that SQLite writes; of all other files only their names, so that a replay takes their content for lost.

A step is noted when it is done; locks keep those of several processes in order. Only what is made is noted before, be
it by two processes at once: else one of them could first note what it does with a file that the other has made.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Literal, NamedTuple, ParamSpec

import apsw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

P = ParamSpec("P")

CHECKPOINT_EVERY = 60
"""Pages in the log at which SQLite checkpoints, here: so that a short run has many."""

Weakness = Literal["commits", "directories"]
"""A promise that is broken on purpose, to see that it is missed: commits that are not synced, or new directories."""


class Step(NamedTuple):
    """One thing that happened to the disk, or an acknowledgement that its user got."""

    what: str
    """write, truncate, sync, make, mkdir, mkfifo, remove, rename; asked or told."""
    path: str
    """What it was done to; of `told`, what the user was told."""
    at: int = 0
    data: bytes = b""
    to: str = ""


class Log:
    """The steps of several processes in the order in which they happened, in a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def add(self, step: Step) -> None:
        """Add a step. One write, so that the steps of several processes do not mix."""
        line = json.dumps([step.what, step.path, step.at, base64.b64encode(step.data).decode(), step.to])
        # Opened each time: a supervisor closes every descriptor that it does not know.
        descriptor = _open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)

    def __iter__(self) -> Iterator[Step]:
        with open(self._path, encoding="utf-8") as file:
            for line in file:
                if not line.endswith("\n"):
                    return  # it is being written
                what, path, at, data, to = json.loads(line)
                yield Step(what, path, at, base64.b64decode(data), to)


def startup_code(log: Path, disk: Path, weakness: Weakness | None) -> str:
    """Return a `sitecustomize.py` that records what happens below the directory `disk`."""
    return f"from tests.crash import recorder\nrecorder.install({str(log)!r}, {str(disk)!r}, {weakness!r})\n"


def install(log: str, disk: str, weakness: Weakness | None) -> None:
    """Record from here on, in this process and in those that it forks."""
    recorder = _Recorder(Log(log), disk)
    _record_calls(recorder)
    _kept.append(_RecordingVfs(recorder))
    recorder.forget_directories = weakness == "directories"
    if weakness == "commits":
        _sync_no_commit()  # and no checkpoint does it
    else:
        apsw.connection_hooks.append(lambda database: database.wal_autocheckpoint(CHECKPOINT_EVERY))


class _Recorder:
    def __init__(self, log: Log, disk: str) -> None:
        self._log = log
        self._disk = disk
        self.forget_directories = False
        """Whether syncs of directories that the program itself asks for are taken for not done."""

    def add(self, what: str, path: str, at: int = 0, data: bytes = b"", to: str = "") -> None:
        below = f"{path}/".startswith(f"{self._disk}/")
        if below and not path.endswith("-shm"):  # shared memory, which is made anew after each start
            self._log.add(Step(what, path, at, data, to))


_kept: list[apsw.VFS] = []
"""SQLite uses it for as long as something here does."""


# What the program does itself

_open = os.open


def _record_calls(recorder: _Recorder) -> None:
    """Put a recording function in the place of each that changes a directory or syncs."""

    def record_making(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_CREAT and not os.path.lexists(path):
            recorder.add("make", os.path.abspath(path))
        return _open(path, flags, mode, dir_fd=dir_fd)

    os.open = record_making  # type: ignore[assignment]
    os.mkdir = _announced(os.mkdir, recorder, "mkdir")
    os.mkfifo = _announced(os.mkfifo, recorder, "mkfifo")
    os.unlink = _recorded(os.unlink, recorder, "remove")
    os.rename = _recorded(os.rename, recorder, "rename")
    os.replace = _recorded(os.replace, recorder, "rename")
    os.fsync = _recorded(os.fsync, recorder, "sync")
    os.fdatasync = _recorded(os.fdatasync, recorder, "sync")


def _announced(original: Callable[P, None], recorder: _Recorder, what: str) -> Callable[P, None]:
    """Return a function that records what the original makes, and then makes it."""

    def call(*arguments: P.args, **named: P.kwargs) -> None:
        recorder.add(what, os.path.abspath(str(arguments[0])))
        original(*arguments, **named)

    return call


def _recorded(original: Callable[P, None], recorder: _Recorder, what: str) -> Callable[P, None]:
    """Return a function that does what the original does to a path, two, or a descriptor, and then records it."""

    def call(*arguments: P.args, **named: P.kwargs) -> None:
        original(*arguments, **named)
        path = os.readlink(f"/proc/self/fd/{arguments[0]}") if what == "sync" else os.path.abspath(str(arguments[0]))
        to = os.path.abspath(str(arguments[1])) if what == "rename" else ""
        if not (what == "sync" and recorder.forget_directories and os.path.isdir(path)):
            recorder.add(what, path, to=to)

    return call


# What SQLite does


class _RecordingVfs(apsw.VFS):
    """SQLite's file system of Unix, which is the default from here on, with a record of what it does."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__("recording", "unix", makedefault=True)
        self._recorder = recorder

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        if name is None:  # a temporary file, which nobody finds again
            return super().xOpen(name, flags)
        return _RecordingFile(self._recorder, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802
        super().xDelete(filename, syncdir)
        self._recorder.add("remove", filename)
        if syncdir:
            self._recorder.add("sync", os.path.dirname(filename))


class _RecordingFile(apsw.VFSFile):
    """A file of SQLite."""

    def __init__(self, recorder: _Recorder, name: str | apsw.URIFilename, flags: list[int]) -> None:
        self._recorder = recorder
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if not os.path.lexists(self._path):
            recorder.add("make", self._path)
        super().__init__("unix", name, flags)
        # The first sync of a journal or a log also syncs its directory, new or not (`unixSync`, seen with strace).
        self._syncs_directory = bool(flags[0] & (apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL))

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._recorder.add("write", self._path, offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._recorder.add("truncate", self._path, newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._recorder.add("sync", self._path)
        if self._syncs_directory:
            self._syncs_directory = False
            self._recorder.add("sync", os.path.dirname(self._path))


def _sync_no_commit() -> None:
    """Take from a user's commits what makes them survive a loss of power."""
    from queuectl.store.sqlite import connection  # noqa: PLC0415  only where it is asked for

    def durable(self: connection.Connection) -> connection._Transaction:
        return connection._Transaction(self, "NORMAL")  # noqa: SLF001  there is no other door to a weaker commit

    connection.Connection.durable = durable  # type: ignore[method-assign]

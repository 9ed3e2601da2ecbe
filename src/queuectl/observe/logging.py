"""Owns `worker.log`: events become lines of text or JSON, appended by many processes, in a file that is rotated.

The `logging` of the standard library costs 5 ms and memory in each worker, and rotates for one process only.
Must not know what an event means for a job or a worker.
"""

from __future__ import annotations

import fcntl
import json
import os
import time

from queuectl import events
from queuectl.observe.stream import Stream
from queuectl.paths import open_private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.events import Event

LIMIT = 10 * 1024 * 1024
"""Bytes after which a new file is begun."""

KEPT = 5
"""Old files that are kept: `worker.log.1`, the newest of them, to `worker.log.5`."""

ERRORS = frozenset({events.SupervisorGaveUp, events.JobDied, events.StoreLost})
WARNINGS = frozenset(
    {
        events.WorkerLost,
        events.WorkerHung,
        events.LeaseLost,
        events.JobFailed,
        events.JobTimedOut,
        events.JobRescued,
        events.MachineRefused,
        events.HomeLost,
        events.SettingRefused,
        events.TickMissed,
        events.PoolerFound,
        events.LogLost,
        events.EventsDropped,
    }
)


class EventLog:
    """Where the events of one process go; an `events.Emit`. A disk that is full never raises out of it."""

    def __init__(
        self,
        path: str,
        lock_path: str,
        process_name: str,
        log_format: str = "text",
        *,
        stream: int | None = None,
    ) -> None:
        """Prepare; nothing is created before the first event.

        `log_format` is `text` or `json`. A `stream` is a descriptor that takes the lines instead of the file, as
        far as somebody reads it: no event waits for that.
        """
        self._path = path
        self._lock_path = lock_path
        self._process_name = process_name
        self._form = _json if log_format == "json" else _text
        self._stream = None if stream is None else Stream(stream)
        self._dropped = 0
        """Events that the stream had no room for since the last one that it took."""
        self.limit = LIMIT
        self._descriptor = -1
        self._inode: tuple[int, int] | None = None
        self._torn = False

    def __call__(self, event: Event) -> None:
        """Log an event, in one write."""
        line = self._line(event)
        try:
            if self._stream is None:
                self._append(line)
            else:
                if self._dropped:
                    line = self._line(events.EventsDropped(self._dropped)) + line
                self._dropped = 0 if self._stream.write(line) else self._dropped + 1
        except OSError:
            return  # nobody is left who could be told

    def _line(self, event: Event) -> bytes:
        source = f"{self._process_name}[{os.getpid()}]"
        return self._form(_stamp(), _level(event), source, event).encode() + b"\n"

    def _append(self, line: bytes) -> None:
        size = self._follow()
        if size and size + len(line) > self.limit:
            self._rotate()
        if self._torn:
            line = b"\n" + line
        self._torn = os.write(self._descriptor, line) < len(line)

    def _follow(self) -> int:
        """Open the file if another process has rotated it, or nobody opened it yet; return its size."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return self._open()
        return found.st_size if (found.st_dev, found.st_ino) == self._inode else self._open()

    def _open(self) -> int:
        descriptor = open_private(self._path, os.O_WRONLY | os.O_APPEND)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor
        opened = os.fstat(descriptor)
        self._inode = (opened.st_dev, opened.st_ino)
        return opened.st_size

    def _rotate(self) -> None:
        """Begin a new file, unless another process has just done so or is at it: then this one grows a little more."""
        lock = open_private(self._lock_path, os.O_RDWR)
        try:
            # Not blocking: the process that holds it may be stopped.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.stat(self._path)
            if (found.st_dev, found.st_ino) == self._inode:
                for number in range(KEPT, 1, -1):
                    _rename(f"{self._path}.{number - 1}", f"{self._path}.{number}")
                os.rename(self._path, f"{self._path}.1")
            self._open()
        except (BlockingIOError, FileNotFoundError):
            return
        finally:
            os.close(lock)


def _rename(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except FileNotFoundError:
        return


def _stamp() -> str:
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03d}Z"


def _level(event: Event) -> str:
    if type(event) in ERRORS:
        return "ERROR"
    return "WARN" if type(event) in WARNINGS else "INFO"


def _words(event: Event) -> str:
    """Return `job failed` for a JobFailed."""
    name = type(event).__name__
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).lstrip()


def _text(stamp: str, level: str, source: str, event: Event) -> str:
    fields = [f"{name}={_value(value)}" for name, value in event._asdict().items() if value is not None]
    return " ".join([stamp, level, source, _words(event), *fields])


def _json(stamp: str, level: str, source: str, event: Event) -> str:
    head = {"time": stamp, "level": level.lower(), "source": source, "event": _words(event)}
    return json.dumps(head | event._asdict())


def _value(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return str(round(value, 3)).removesuffix(".0")
    text = str(value)
    if text and text.isprintable() and not set(text) & set(' "=\\'):
        return text
    return f'"{"".join(_escaped(character) for character in text)}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else character.encode("unicode_escape").decode()

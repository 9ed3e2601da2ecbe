"""Owns where the things of one queue lie: the home directory and every name in it.

Creates the home and refuses one that is not safe: who can write in it runs commands as its user.
"""

from __future__ import annotations

import errno
import os
import stat

from queuectl.errors import StoreUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def default_home(environ: Mapping[str, str]) -> str:
    """Return the home when none is named: QUEUECTL_HOME, else below XDG_DATA_HOME.

    A relative XDG_DATA_HOME counts as unset (XDG base directory specification).
    """
    if named := environ.get("QUEUECTL_HOME"):
        return named
    data = environ.get("XDG_DATA_HOME", "")
    if not data.startswith("/"):
        data = os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(data, "queuectl")


class Home:
    """The directory in which everything of one queue lies."""

    __slots__ = ("database", "logs", "path", "run", "supervisors", "wake", "workers", "write_lock")

    def __init__(self, path: str) -> None:
        try:
            self.path = os.path.abspath(path)
            self.path.encode()
        except FileNotFoundError:
            raise StoreUnavailable(
                "the current directory does not exist any more", "name the home by its whole path: --home /DIR"
            ) from None
        except UnicodeEncodeError:
            raise StoreUnavailable(
                f"the path of the home is not valid UTF-8: {path!r}", "name another one: --home DIR"
            ) from None
        self.database = os.path.join(self.path, "queue.db")
        self.logs = os.path.join(self.path, "logs")
        self.run = os.path.join(self.path, "run")
        self.write_lock = os.path.join(self.run, "write.lock")
        self.wake = os.path.join(self.run, "wake")
        """FIFO that idle workers read: one byte, one look for work."""
        self.workers = os.path.join(self.run, "workers")
        self.supervisors = os.path.join(self.run, "supervisors")

    def job_logs(self, queue: str | None) -> str:
        """Return the directory of what jobs print: of the queue in this home, or of one on a server, by its id.

        Each has its own, because each has its own numbers for jobs.
        """
        return self.logs if queue is None else os.path.join(self.logs, queue)

    def other_job_logs(self, queue: str | None) -> list[str]:
        """Return the directories of what jobs of other queues print, or have printed, in this home."""
        try:
            found = [entry.path for entry in os.scandir(self.logs) if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []
        mine, jobs = self.job_logs(queue), os.path.join(self.logs, "jobs")
        return [path for path in (self.logs, *found) if path not in (mine, jobs)]

    @property
    def worker_log(self) -> str:
        """File that workers and supervisors log to."""
        return os.path.join(self.logs, "worker.log")

    @property
    def log_lock(self) -> str:
        """File whose lock the one process that rotates the worker log holds."""
        return os.path.join(self.run, "log.lock")

    @property
    def rescue_lock(self) -> str:
        """File whose lock the one process that rescues holds."""
        return os.path.join(self.run, "rescue.lock")

    @property
    def sweep_lock(self) -> str:
        """File whose lock the one process that sweeps the logs holds."""
        return os.path.join(self.run, "sweep.lock")

    def identity(self) -> str:
        """Return what tells homes apart that share a store: a random id, made at the first call, and its file.

        The id alone is that of each copy as well, and of each container that has a home in its image. These have the
        kernel in common, but not the locks, and perhaps not the processes.
        """
        path = os.path.join(self.path, "home.id")
        if not os.path.exists(path):
            id = os.urandom(16).hex()
            draft = f"{path}.{id}"
            descriptor = open_private(draft, os.O_WRONLY)
            try:
                os.write(descriptor, f"{id}\n".encode())
                os.link(draft, path)  # all of it, or nothing
            except FileExistsError:
                pass  # another process was faster
            finally:
                os.close(descriptor)
                os.unlink(draft)
        with open(path, encoding="ascii") as file:
            place = os.fstat(file.fileno())
            return f"{file.read().strip()}.{place.st_dev:x}.{place.st_ino:x}"

    def exists(self) -> bool:
        """Return whether there is a queue here to read. Creates nothing.

        Raises:
            StoreUnavailable: there is something, and it is not a home of ours.
        """
        if not os.path.lexists(self.path):
            return False
        self.check()
        return os.path.lexists(self.database)

    def create(self) -> None:
        """Make what is missing of the home, 0700 whatever the umask, and check the rest.

        A home is on disk when this returns: a job in it must not vanish with the name of a directory.

        Raises:
            StoreUnavailable: it cannot be made, or is not ours.
        """
        try:
            if not os.path.isdir(self.supervisors):
                if os.path.lexists(self.path):
                    self.check()
                os.makedirs(os.path.dirname(self.path), exist_ok=True)
                for directory in (self.path, self.logs, self.run, self.workers):
                    _make_private(directory)
                _sync_names(self.run)
                _make_private(self.supervisors)  # the last: where it is, all others are there to stay
        except OSError as error:
            raise StoreUnavailable(f"cannot make the home {error.filename or self.path}: {error.strerror}") from None
        self.check()

    def check(self) -> None:
        """Refuse a home that another user owns or can write, and symbolic links in it.

        Raises:
            StoreUnavailable: the path is named, with the command that mends it.
        """
        try:
            home = os.stat(self.path)
            if not stat.S_ISDIR(home.st_mode):
                raise StoreUnavailable(f"the home {self.path} is not a directory")
            _check_owner(self.path, home)
            jobs = os.path.join(self.logs, "jobs")
            for path in (self.run, self.logs, self.database, self.workers, self.supervisors, jobs):
                try:
                    found = os.lstat(path)
                except FileNotFoundError:
                    continue
                if stat.S_ISLNK(found.st_mode):
                    raise StoreUnavailable(f"{path} is a symbolic link", "a home must hold its own files")
                _check_owner(path, found)
        except OSError as error:
            raise StoreUnavailable(f"cannot use the home {error.filename}: {error.strerror}") from None


def open_private(path: str, flags: int) -> int:
    """Open a file of a home, made where it is missing, 0600 whatever the umask: a worker's is that of its last job."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _make_private(directory: str) -> None:
    """Make a directory, or take over an empty one."""
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        if os.listdir(directory):
            return
    os.chmod(directory, 0o700)


def _sync_names(directory: str) -> None:
    """Put on disk the names in a directory and in each above it, as far as its file system goes."""
    while True:
        try:
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError:
            pass  # not this user's to read: nothing in it was made here
        else:
            try:
                os.fsync(descriptor)
            except OSError as error:
                if error.errno != errno.EINVAL:  # a file system that knows no sync of a directory
                    raise
            finally:
                os.close(descriptor)
        if os.path.ismount(directory):
            return
        directory = os.path.dirname(directory)


def _check_owner(path: str, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise StoreUnavailable(f"{path} belongs to another user (uid {found.st_uid})", "use a home of your own: --home")
    if found.st_mode & 0o022:
        raise StoreUnavailable(f"others can write {path}", f"make it private: chmod go-w {path}")

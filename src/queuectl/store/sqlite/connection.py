"""Owns the connection to the database file: opening it safely, transactions, durability, and what its errors mean.

Every write is BEGIN IMMEDIATE behind the write lock. Nothing else in the program may open the file, its -wal or
its -shm: closing any descriptor of them drops SQLite's locks in this process (POSIX advisory locks), and a commit
is lost without an error.
"""

from __future__ import annotations

import os
import stat
import time

import apsw

from queuectl import __version__, roster
from queuectl.errors import StoreBusy, StoreUnavailable
from queuectl.store import migrate, words
from queuectl.store.sqlite.lock import WriteLock
from queuectl.store.sqlite.queries import statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from types import TracebackType

    from queuectl.paths import Home
    from queuectl.store.rows import Row

    Values = Mapping[str, apsw.SQLiteValue] | Sequence[apsw.SQLiteValue]

APPLICATION_ID = 0x51435430
"""Marks the file as ours ("QCT0") in its header."""

MIGRATIONS = os.path.join(os.path.dirname(__file__), "migrations")

NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "gpfs", "lustre", "glusterfs", "fuse.sshfs", "vboxsf"}
)
"""WAL needs memory shared by all processes, which these do not give."""


class Connection:
    """One process's connection to the database of a home."""

    def __init__(self, home: Home, *, patience: float, sync_every: float) -> None:
        """Open the database; make it or migrate it where needed.

        `patience` is how long a locked database is waited for, `sync_every` how old a relaxed commit may become
        before it is put on disk, both in seconds.

        Raises:
            StoreUnavailable: the file cannot be used; it says why. Nothing is changed.
        """
        self._path = home.database
        self.place = home.path
        """The home, as people name it."""
        self._sync_every = sync_every
        self._synchronous = "FULL"
        self.unflushed_since: float | None = None
        self._data_version: apsw.SQLiteValue = None
        self._changes_before = 0
        self._counted: dict[tuple[str, str], int] = {}
        """What this transaction adds to the kept counts, by queue and state."""
        self._lock = WriteLock(home.write_lock, patience)
        try:
            _check_file(home.database)
            self._db = apsw.Connection(home.database, flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOFOLLOW)
            self._db.set_busy_timeout(int(patience * 1000))
            # The log stays for the next command: to fold it in at each last close takes a command 6 ms and three syncs.
            self._db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            opened = os.stat(home.database)
            self._file = (opened.st_dev, opened.st_ino)
            self._prepare_schema(home)
            self._db.execute("PRAGMA foreign_keys = ON")
        except apsw.Error as error:
            self._lock.close()
            raise self._unavailable(error) from None
        except BaseException:
            self._lock.close()
            raise
        self._execute = self._db.execute

    # Statements

    def rows(self, name: str, values: Values = ()) -> list[Row]:
        """Run a statement and return all its rows."""
        try:
            return self._execute(statement(name), values).fetchall()
        except apsw.ConstraintError as error:
            raise self._refused(error) from None
        except apsw.Error as error:
            raise self._unavailable(error) from None

    def row(self, name: str, values: Values = ()) -> Row | None:
        """Run a statement and return its first row."""
        rows = self.rows(name, values)
        return rows[0] if rows else None

    def change(self, name: str, values: Values = ()) -> int:
        """Run a statement that changes rows and return how many it changed."""
        try:
            self._execute(statement(name), values)
        except apsw.ConstraintError as error:
            raise self._refused(error) from None
        except apsw.Error as error:
            raise self._unavailable(error) from None
        changed: int = self._db.changes()
        return changed

    def count(self, queue: str, state: str, n: int) -> None:
        """Add to a kept count, with the commit of this transaction."""
        key = (queue, state)
        self._counted[key] = self._counted.get(key, 0) + n

    @property
    def last_number(self) -> int:
        """Number of the row that was inserted last."""
        return self._db.last_insert_rowid()

    def numbers(self, name: str, values: Values = ()) -> array[int]:
        """Run a statement whose rows are one number each, and return them in 8 bytes each."""
        from array import array  # noqa: PLC0415  not needed to enqueue

        try:
            return array("q", (row[0] for row in self._execute(statement(name), values)))
        except apsw.Error as error:
            raise self._unavailable(error) from None

    def numbers_as_value(self, numbers: Collection[int]) -> str:
        """Return numbers as one value of a statement, which reads it by `json_each`."""
        return f"[{','.join(map(str, numbers))}]"

    def know_words(self) -> None:
        """Let statements read the words of a program as one text: `words(argv)`; SQLite cannot replace a NUL."""
        self._db.create_scalar_function("words", words.joined, 1, deterministic=True)  # type: ignore[arg-type] # a BLOB

    def words_as_value(self, words: Collection[str]) -> str:
        """Return words as one value of a statement, which reads it by `json_each`; no word has a quotation mark."""
        return "[" + ",".join(f'"{word}"' for word in words) + "]"

    def gather(self, name: str, rows: Iterable[Sequence[apsw.SQLiteValue]]) -> None:
        """Run a statement on temporary tables once for each row, in one transaction, which needs no write lock."""
        try:
            with self._db:
                self._db.executemany(statement(name), rows)
        except apsw.Error as error:
            raise self._unavailable(error) from None

    def define(self, name: str, **names: str) -> None:
        """Run a statement with names of the schema in it, within a transaction."""
        try:
            self._execute(statement(name).format(**names))
        except apsw.Error as error:
            raise self._unavailable(error) from None

    def add(self, name: str, rows: Iterable[Sequence[apsw.SQLiteValue]]) -> None:
        """Run a statement once for each row, within a transaction."""
        try:
            self._db.executemany(statement(name), rows)
        except apsw.Error as error:
            raise self._unavailable(error) from None

    def in_place(self) -> bool:
        """Return whether the path of the database still leads to the file that was opened."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return False
        return (found.st_dev, found.st_ino) == self._file

    def changed(self) -> bool:
        """Return whether another connection has committed since the last call; the first call: True."""
        try:
            ((version,),) = self._execute("PRAGMA data_version")
        except apsw.BusyError:
            return False  # the next look sees it
        except apsw.Error as error:
            raise self._unavailable(error) from None
        changed: bool = version != self._data_version
        self._data_version = version
        return changed

    # Transactions

    def snapshot(self) -> apsw.Connection:
        """Begin a read of several statements: `with connection.snapshot():` they see one state, and lock nobody."""
        return self._db

    def durable(self) -> _Transaction:
        """Begin a write that is on disk when it ends without an error."""
        return _Transaction(self, "FULL")

    together = durable

    def relaxed(self) -> _Transaction:
        """Begin a write that survives the death of this process at once, and a power cut within `sync_every`.

        Every commit syncs all commits before it, so one FULL commit now and then keeps that bound.
        """
        waited = self.unflushed_since is not None and time.monotonic() - self.unflushed_since >= self._sync_every
        return _Transaction(self, "FULL" if waited or not self._sync_every else "NORMAL")

    @property
    def guarded(self) -> bool:
        """Whether triggers and foreign keys are heeded; not to be changed in a transaction."""
        return bool(self._db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, -1))

    @guarded.setter
    def guarded(self, guarded: bool) -> None:
        self._db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, int(guarded))
        self._execute(f"PRAGMA foreign_keys = {int(guarded)}")

    def begin(self, synchronous: str) -> None:
        """Take the write lock and begin a transaction."""
        self._lock.acquire()
        try:
            if synchronous != self._synchronous:
                self._execute(f"PRAGMA synchronous = {synchronous}")
                self._synchronous = synchronous
            self._execute("BEGIN IMMEDIATE")
            self._changes_before = self._db.total_changes()
        except apsw.Error as error:
            self._lock.release()
            raise self._unavailable(error) from None
        except BaseException:
            self.rollback()  # interrupted, perhaps after BEGIN had been carried out
            raise

    def commit(self) -> None:
        """Commit, and give the lock back after the checkpoint that the commit may have started."""
        try:
            for (queue, state), n in self._counted.items():
                if n:
                    self._execute(statement("count"), (queue, state, n))
            self._counted.clear()
            wrote = self._db.total_changes() != self._changes_before
            self._execute("COMMIT")
        except apsw.Error as error:
            self.rollback()
            raise self._unavailable(error) from None
        except BaseException:
            self.rollback()  # interrupted: nothing is to stay open, locked or counted
            raise
        self._lock.release()
        if self._synchronous == "FULL":
            if wrote:
                self.unflushed_since = None
        elif wrote and self.unflushed_since is None:
            self.unflushed_since = time.monotonic()

    def rollback(self) -> None:
        """Undo the transaction, which SQLite may have undone itself, and give the lock back."""
        self._counted.clear()
        try:
            if self._db.in_transaction:
                self._execute("ROLLBACK")
        except apsw.Error as error:
            raise self._unavailable(error) from None
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the database."""
        self._db.close()
        self._lock.close()

    # Opening

    def _prepare_schema(self, home: Home) -> None:
        if self._check_header() == migrate.latest(MIGRATIONS) and self._is_wal():
            return
        home.create()  # what is missing: a backup may have been restored into an empty directory
        self._lock.acquire()
        try:
            version = self._check_header()
            if not self._is_wal():  # a new file, or a copy by VACUUM INTO
                self._make_wal()
            if version == migrate.latest(MIGRATIONS):
                return
            if version:
                _refuse_other_versions(home)
            self._migrate(version)
        finally:
            self._lock.release()

    def _is_wal(self) -> bool:
        return self._db.execute("PRAGMA journal_mode").fetchall() == [("wal",)]

    def _make_wal(self) -> None:
        # 2 KiB pages: a finish with the next claim writes eight of them, and at 4 KiB costs a third more CPU.
        self._db.execute("PRAGMA page_size = 2048")
        ((mode,),) = self._db.execute("PRAGMA journal_mode = WAL")
        if mode != "wal":
            raise StoreUnavailable(f"the file system of {self._path} cannot share memory between processes")

    def _migrate(self, version: int) -> None:
        """Carry out every migration after `version`, all or none."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for migration in migrate.after(MIGRATIONS, version):
                self._db.execute(migration.sql)
                self._db.execute(f"PRAGMA user_version = {migration.number}")
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _check_header(self) -> int:
        """Return the number of the schema; 0 for a file without content."""
        with self._db:  # one state: another process may be making the schema just now
            ((application,), (version,), (tables,)) = self._db.execute(
                "PRAGMA application_id; PRAGMA user_version; SELECT count(*) FROM sqlite_schema"
            )
        if application != APPLICATION_ID and (application or version or tables):
            raise StoreUnavailable(f"{self._path} is not a queuectl database", "it was left untouched")
        newest = migrate.latest(MIGRATIONS)
        if version > newest:
            raise StoreUnavailable(
                f"{self._path} was made by a newer queuectl (schema {version}, this one knows {newest})",
                "upgrade this queuectl",
            )
        return int(version)

    # Errors

    def _refused(self, error: apsw.ConstraintError) -> apsw.ConstraintError | StoreUnavailable:
        """Return a constraint's error, or what is said when the queue is closed: its triggers refuse every change."""
        if error.extendedresult != apsw.SQLITE_CONSTRAINT_TRIGGER:  # type: ignore[attr-defined] # not in its stubs
            return error
        from queuectl.store.gate import closed  # noqa: PLC0415  rare

        ((stage, place),) = self.rows("transfer/why_closed")
        return closed(self.place, stage, place)

    def _unavailable(self, error: apsw.Error) -> StoreUnavailable:
        path = self._path
        match error:
            case apsw.BusyError() | apsw.LockedError():
                return StoreBusy(f"{path} is locked by another program", "try again", unchanged=True)
            case apsw.FullError():
                return StoreUnavailable(f"no space left on the disk of {path}", unchanged=True)
            case apsw.ReadOnlyError():
                return StoreUnavailable(f"{path} is read-only", unchanged=True)
            case apsw.NotADBError() | apsw.CorruptError():
                return StoreUnavailable(f"{path} is damaged or not a database", "restore a backup", unchanged=True)
            case apsw.CantOpenError():
                return StoreUnavailable(f"cannot open {path}", "check the directory and its permissions")
            case _:
                return StoreUnavailable(f"cannot use {path}: {error}")


class _Transaction:
    """`with connection.durable():` commits at the end of the block, or undoes it on an exception."""

    __slots__ = ("_connection", "_synchronous")

    def __init__(self, connection: Connection, synchronous: str) -> None:
        self._connection = connection
        self._synchronous = synchronous

    def __enter__(self) -> None:
        self._connection.begin(self._synchronous)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._connection.commit()
        else:
            self._connection.rollback()


def _refuse_other_versions(home: Home) -> None:
    """Refuse to change a schema under the feet of a living worker."""
    for member in roster.workers(home):
        if member.version != __version__:
            raise StoreUnavailable(
                f"worker {member.pid} runs version {member.version} on a queue that has to be upgraded",
                "stop it first: queuectl worker stop",
            )


def _check_file(path: str) -> None:
    """Make an empty file, private from the start, or refuse what cannot be a database."""
    try:
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            # Before the first connection of this process, so that closing drops no lock of ours.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.fchmod(descriptor, 0o600)  # whatever the umask
            os.close(descriptor)
            found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            raise StoreUnavailable(f"{path} is not a regular file")
        if found.st_mode & 0o077:
            _make_private(path)
        kind = _file_system(found.st_dev)
        if kind in NETWORK_FILE_SYSTEMS:
            raise StoreUnavailable(
                f"{path} is on a network file system ({kind}), on which SQLite loses data",
                "use a home on a local disk: --home",
            )
    except FileExistsError:
        return  # another process made it just now
    except OSError as error:
        raise StoreUnavailable(f"cannot open {path}: {error.strerror}") from None


def _make_private(path: str) -> None:
    """Let nobody else read a database that was put here; what SQLite keeps beside it gets the mode of the file."""
    for name in (path, f"{path}-wal", f"{path}-shm"):
        try:
            os.chmod(name, 0o600)
        except FileNotFoundError:
            continue


def _file_system(device: int) -> str | None:
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                fields = line.split()
                if fields[2] == number:
                    return fields[fields.index("-") + 1]
    except FileNotFoundError:
        return None
    return None

"""Owns the connection to the server: opening it, the schema, statements by name, and what its errors mean.

A statement is a transaction of its own unless `transaction` says otherwise, and one that met another on
the same row is simply repeated. A connection that breaks is opened again by the next statement.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from array import array
from contextlib import contextmanager, nullcontext

import psycopg
from psycopg import errors, pq
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL
from psycopg.types.numeric import Int8BinaryDumper

from queuectl import __version__
from queuectl.errors import InvalidInput, NotFound, StoreBusy, StoreUnavailable
from queuectl.store import migrate
from queuectl.store.base import Call
from queuectl.store.postgres.patience import PATIENCE, ImpatientConnection
from queuectl.store.postgres.queries import statement
from queuectl.storeurl import PUBLIC, SECRETS, unknown_parameter, without_password

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import Any

    from psycopg.abc import Buffer
    from psycopg.sql import Composable

    from queuectl.store.rows import Row

MIGRATIONS = os.path.join(os.path.dirname(__file__), "migrations")

# What goes wrong with a connection is told by whoever used it; psycopg would print it to stderr as well.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

OLDEST = 150000
"""The oldest server that is used, as PQserverVersion says it."""

CONNECT_TIMEOUT, LEAST_CONNECT_TIMEOUT = 5, 2
"""Seconds; libpq makes two of one."""

FOR_EVERYBODY = {
    # A server that is cut off is noticed after some 11 s at the latest, long before a lease is over.
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""Parameters of a connection, unless the URL has others."""

FOR_WORKERS = """
SET plan_cache_mode = force_generic_plan;
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = '30s'
"""
"""What the session of a worker is set to: its few statements are planned once, and nothing of it waits for ever."""

NUMBERS = {"port": 65535, "connect_timeout": 2**31 - 1}
"""Parameters that are whole numbers, and the largest that they may be."""

REPEATS = 20
"""Times that a statement is repeated that met another one on the same row."""


CLOSED = "QC001"
"""How a server says that the queue is closed: queuectl.refuse()."""


class ConnectionLost(StoreUnavailable):
    """The connection broke in the middle of something, which may have been done or not."""


class Connection:
    """One process's connection to a queue on a PostgreSQL server."""

    def __init__(self, url: str, *, make: bool, for_worker: bool, patience: float = PATIENCE) -> None:
        """Connect; make the schema or migrate it where needed. An answer is waited for `patience` seconds.

        Raises:
            InvalidInput: the URL makes no sense.
            NotFound: there is no queue, and `make` says not to make one.
            StoreUnavailable: the server cannot be used; it says why, never with a password.
        """
        self._url = url
        self.where = without_password(url)
        """The URL as people may see it."""
        self._for_worker = for_worker
        self._patience = patience
        self._db: ImpatientConnection | None = None
        self._cursor: psycopg.Cursor[Any]
        self._mutex = threading.RLock()
        """Held by whoever uses the connection: a late wake-up is sent by a timer's thread."""
        self._in_transaction = self._in_attempt = False
        self._channel: str | None = None
        self._calls = Call(0)
        self.pooled = False
        """Whether the server is behind a pooler, which swallows notifications and prepared statements."""
        self.queue: str
        """Random id of the queue."""
        self._connect_timeout = CONNECT_TIMEOUT
        self._until = math.inf
        """Monotonic time beyond which no answer is waited for: see `keep_free`."""
        self.losses = 0
        """How often the connection broke so far."""
        try:
            self._connected()
            self._prepare_schema(make=make)
        except psycopg.Error as error:
            unavailable = self._unavailable(error)
            self.close()
            raise unavailable from None
        except BaseException:
            self.close()
            raise

    # Statements

    def rows(self, name: str, values: Mapping[str, Any] = {}) -> list[Row]:
        """Run a statement and return all its rows."""
        with self._mutex:
            self._run(name, values)
            return self._cursor.fetchall()

    def row(self, name: str, values: Mapping[str, Any] = {}) -> Row | None:
        """Run a statement and return its first row."""
        rows = self.rows(name, values)
        return rows[0] if rows else None

    def change(self, name: str, values: Mapping[str, Any] = {}) -> int:
        """Run a statement that changes rows and return how many it changed."""
        with self._mutex:
            self._run(name, values)
            return self._cursor.rowcount

    def numbers(self, name: str, values: Mapping[str, Any] = {}) -> array[int]:
        """Run a statement whose rows are one number each, and return them in 8 bytes each."""
        with self._mutex:
            self._run(name, values)
            return array("q", (row[0] for row in self._cursor))

    def numbers_as_value(self, numbers: Collection[int]) -> str:
        """Return numbers as one value of a statement: an array in text, since a list has the type of its first ones."""
        return f"{{{','.join(map(str, numbers))}}}"

    def _run(self, name: str, values: Mapping[str, Any]) -> None:
        for repeat in range(REPEATS):
            self._connected()
            try:
                self._cursor.execute(statement(name), values)
            except (errors.SerializationFailure, errors.DeadlockDetected) as error:
                # The row was moved to another partition by a statement of the same moment.
                if self._in_transaction or repeat == REPEATS - 1:
                    raise self._unavailable(error) from None
            except psycopg.Error as error:
                if self._in_attempt and isinstance(error, errors.UniqueViolation):
                    raise
                raise self._unavailable(error) from None
            else:
                return

    def define(self, name: str, names: Mapping[str, Composable], values: Mapping[str, Any] = {}) -> list[Row]:
        """Run a statement with names of tables in it, within `transaction`; return its rows, if it has any.

        Raises:
            StoreBusy: something of it is in use, in the way, done already, or not this role's to change.
        """
        text = SQL(statement(name)).format(**names)
        try:
            self._cursor.execute(text, values or None, prepare=False)
            return self._cursor.fetchall() if self._cursor.description else []
        except (
            errors.CheckViolation,
            errors.DuplicateTable,
            errors.InsufficientPrivilege,
            errors.UndefinedTable,
        ) as error:
            raise StoreBusy(f"{self.where}: {_reason(error)}") from None
        except psycopg.Error as error:
            raise self._unavailable(error) from None

    def copy(self, name: str, blocks: Iterator[bytes]) -> None:
        """Run a COPY that reads blocks of its text format; within `transaction`."""
        try:
            with self._cursor.copy(statement(name)) as copy:
                for block in blocks:
                    copy.write(block)
        except psycopg.Error as error:
            raise self._unavailable(error) from None

    def keep_free(self, moment: float, within: float) -> None:
        """Wait for no answer beyond a monotonic time, and for a new connection hardly so many seconds.

        Whoever holds a lease has to be able to act when it ends.
        """
        self._until = moment
        self._connect_timeout = max(LEAST_CONNECT_TIMEOUT, min(CONNECT_TIMEOUT, int(within)))
        if self._db is not None:
            self._db.until = moment

    # Transactions

    def durable(self) -> AbstractContextManager[None]:
        """Begin a write of one statement, which commits itself and is on the server's disk then."""
        return nullcontext()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Begin a read of several statements: they see one state, and lock nobody."""
        with self.transaction("ISOLATION LEVEL REPEATABLE READ READ ONLY"):
            yield

    @contextmanager
    def transaction(self, mode: str = "") -> Iterator[None]:
        """Begin a transaction of several statements. The end of the block commits it, an exception undoes it.

        A command waits for as long as they take: what moves or makes a queue does it with many jobs at once.
        """
        with self._mutex:
            db = self._connected()
            if not self._for_worker:
                db.patience = math.inf
            try:
                db.execute(f"BEGIN {mode}".encode())
                self._in_transaction = True
                yield
                db.execute(b"COMMIT")
            except psycopg.Error as error:
                self._undo()
                raise self._unavailable(error) from None
            except BaseException:
                self._undo()
                raise
            finally:
                self._in_transaction = False
                db.patience = self._patience

    def _undo(self) -> None:
        if self._db is not None and self._db.info.transaction_status != pq.TransactionStatus.IDLE:
            try:
                self._db.execute(b"ROLLBACK")
            except psycopg.Error:
                self._drop()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Begin a part of a transaction that alone is undone by an exception."""
        self._cursor.execute(b"SAVEPOINT attempt")
        self._in_attempt = True
        try:
            yield
        except errors.UniqueViolation:
            self._cursor.execute(b"ROLLBACK TO SAVEPOINT attempt")
            raise
        finally:
            self._in_attempt = False

    # Calls

    def listen(self, channel: str) -> None:
        """Hear what is sent to a channel from now on, also over later connections."""
        with self._mutex:
            self._channel = channel
            try:
                self._listen(self._connected())
            except psycopg.Error as error:
                raise self._unavailable(error) from None

    @property
    def descriptor(self) -> int | None:
        """What becomes readable when there is a call; None while there is no connection, or a pooler swallows it."""
        if self._db is None or self._db.closed or self._channel is None or self.pooled:
            return None
        return self._db.fileno()

    def take_calls(self) -> Call:
        """Return why this process was called since the last time; everything when the connection broke meanwhile."""
        if self._db is not None:
            try:
                # Not `notifies`, which warns where there is a handler as well. That has those that come with answers.
                self._db.pgconn.consume_input()
                while (notify := self._db.pgconn.notifies()) is not None:
                    self._hear(work=notify.extra == b"work")
            except psycopg.Error:
                self._drop()
        calls, self._calls = self._calls, Call(0)
        return calls

    def _on_notify(self, notify: psycopg.Notify) -> None:
        self._hear(work=notify.payload == "work")

    def _hear(self, *, work: bool) -> None:
        self._calls |= Call.WORK if work else Call.LOOK

    def _listen(self, db: psycopg.Connection[Any]) -> None:
        if self._channel is not None and not self.pooled:
            db.execute(f"LISTEN {self._channel}".encode(), prepare=False)

    def close(self) -> None:
        """Let go of the server."""
        with self._mutex:
            if self._db is not None:
                self._db.close()
                self._db = None

    # Opening

    def _connected(self) -> ImpatientConnection:
        db = self._db
        if db is not None:
            if not db.closed:
                return db
            self._drop()
        parameters = {
            **FOR_EVERYBODY,
            "connect_timeout": self._connect_timeout,
            "application_name": "queuectl",
            **self._given(),
            "client_encoding": "UTF8",
        }
        try:
            db = ImpatientConnection.connect(
                make_conninfo("", **parameters),
                autocommit=True,
                prepare_threshold=0 if self._for_worker else None,
            )
        except psycopg.Error as error:
            raise self._unreachable(error) from None
        try:
            self._adopt(db)
        except psycopg.Error as error:
            db.close()
            raise self._unreachable(error) from None
        db.patience, db.until = self._patience, self._until
        if db.info.server_version < OLDEST:
            db.close()
            raise StoreUnavailable(
                f"{self.where} is PostgreSQL {db.info.server_version // 10000}", "15 is the oldest that works"
            )
        if (encoding := db.info.parameter_status("server_encoding")) != "UTF8":
            db.close()
            raise StoreUnavailable(
                f"{self.where} is a database in {encoding}, which does not take every command",
                "make one in UTF8: createdb --encoding UTF8 --template template0 NAME",
            )
        self._db = db
        self._cursor = db.cursor(binary=True)
        self._calls = Call.WORK | Call.LOOK  # what was said meanwhile went to nobody
        return db

    def _given(self) -> dict[str, Any]:
        """Return the parameters in the URL. What is said of one that makes no sense would show a part of a password."""
        try:
            conninfo_to_dict(self.where)
        except psycopg.Error as error:
            raise InvalidInput(
                f"the store {self.where} makes no sense: {_reason(error)}", "postgresql://USER@HOST/DATABASE"
            ) from None
        if (name := unknown_parameter(self._url)) is not None:
            from difflib import get_close_matches  # noqa: PLC0415  needed only here

            near = get_close_matches(name.lower(), PUBLIC | SECRETS, n=1)
            raise InvalidInput(
                f"the URL of the store {self.where} has a parameter that means nothing",
                f"did you mean: {near[0]}" if near else "postgresql://USER@HOST/DATABASE?PARAMETER=VALUE",
            )
        authority, _, path = self._url.partition("://")[2].partition("?")[0].partition("/")
        if authority.count("@") <= 1 and "@" not in path:
            try:
                return _checked(conninfo_to_dict(self._url), self.where)
            except psycopg.Error:
                pass
        raise InvalidInput(
            f"the password in the URL of the store {self.where} cannot be read",
            "write special characters as their numbers: @ as %40, / as %2F, % as %25",
        )

    def _adopt(self, db: psycopg.Connection[Any]) -> None:
        db.adapters.register_loader("timestamptz", MicrosLoader)
        db.adapters.register_dumper(int, Int8BinaryDumper)  # one type: one prepared statement
        db.add_notify_handler(self._on_notify)
        if self._for_worker:
            # A pooler invents the process id that it gives at the start.
            ((pid,),) = db.execute(b"SELECT pg_backend_pid()", prepare=False)
            self.pooled = pid != db.info.backend_pid
            if self.pooled:
                db.prepare_threshold = None
            else:
                db.execute(FOR_WORKERS.encode(), prepare=False)  # several statements
        self._listen(db)

    def _prepare_schema(self, *, make: bool) -> None:
        version = self._version()
        newest = migrate.latest(MIGRATIONS)
        if version == newest:
            return
        if version is None and not make:
            raise NotFound(f"there is no queue in {self.where}")
        self._refuse_newer(version, newest)
        with self.transaction():
            self._cursor.execute(b"SELECT pg_advisory_xact_lock(hashtext('queuectl'), 0)")
            self._cursor.execute(b"CREATE SCHEMA IF NOT EXISTS queuectl")
            version = self._version()
            self._refuse_newer(version, newest)
            if version:
                # Who registers from now on waits, and then meets the new schema.
                self._cursor.execute(b"LOCK TABLE queuectl.workers IN SHARE ROW EXCLUSIVE MODE")
            if version and (other := self.row("other_versions", {"version": __version__})):
                pid, host, theirs = other
                raise StoreUnavailable(
                    f"worker {pid} on {host} runs version {theirs} on a queue that has to be upgraded",
                    "stop it first: queuectl worker stop",
                )
            for migration in migrate.after(MIGRATIONS, version or 0):
                self._connected().execute(migration.sql.encode(), prepare=False)  # several statements
                self.change("migrated", {"number": migration.number, "name": migration.name})
            self._version()

    def _version(self) -> int | None:
        """Return the number of the schema, and note the queue's id; None when there is none."""
        with self._mutex:
            db = self._connected()
            ((exists,),) = db.execute(b"SELECT to_regclass('queuectl.migrations') IS NOT NULL", prepare=False)
            if not exists:
                return None
            ((version, self.queue),) = self.rows("schema_version")
            return int(version)

    def _refuse_newer(self, version: int | None, newest: int) -> None:
        if version is not None and version > newest:
            raise StoreUnavailable(
                f"{self.where} was made by a newer queuectl (schema {version}, this one knows {newest})",
                "upgrade this queuectl",
            )

    # Errors

    def _drop(self) -> None:
        """Forget a connection that is of no use any more."""
        if self._db is not None:
            self._db.close()
            self._db = None
            self.losses += 1
        self._calls = Call.WORK | Call.LOOK

    def _unreachable(self, error: psycopg.Error) -> StoreUnavailable:
        return StoreUnavailable(f"the store {self.where} cannot be reached: {_reason(error)}", "nothing was changed")

    def _unavailable(self, error: psycopg.Error) -> StoreUnavailable:
        where = self.where
        if error.sqlstate == CLOSED:
            from queuectl.store.gate import closed  # noqa: PLC0415  rare

            return closed(where, str(error.diag.message_primary), str(error.diag.message_detail))
        lost = self._db is None or self._db.closed or self._db.broken
        if lost or isinstance(
            error, (errors.AdminShutdown, errors.CrashShutdown, errors.IdleInTransactionSessionTimeout)
        ):
            self._drop()
            return ConnectionLost(f"the connection to the store {where} was lost: {_reason(error)}")
        match error:
            case errors.SerializationFailure() | errors.DeadlockDetected() | errors.LockNotAvailable():
                return StoreBusy(f"{where} is busy: {_reason(error)}", "nothing was changed; try again")
            case errors.DiskFull():
                return StoreUnavailable(f"no space left on the disk of {where}", "nothing was changed")
            case errors.ReadOnlySqlTransaction():
                return StoreUnavailable(f"{where} is read-only", "nothing was changed; is it a standby?")
            case _:
                return StoreUnavailable(f"cannot use {where}: {_reason(error)}", "nothing was changed")


class MicrosLoader(Loader):
    """Reads an instant as microseconds since 1970, as rows of every engine have it."""

    format = pq.Format.BINARY

    def load(self, data: Buffer) -> int:
        """Read the microseconds since 2000 that the server sends."""
        return int.from_bytes(data, "big", signed=True) + 946_684_800_000_000


def _checked(parameters: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the parameters of a connection, among them no number that libpq would only refuse when it connects."""
    for name, most in NUMBERS.items():
        for value in str(parameters.get(name) or "").split(","):
            if value and not (value.isascii() and value.isdigit() and int(value) <= most):
                raise InvalidInput(
                    f"the store {where} makes no sense: {name} must be a whole number up to {most}",
                    "an IPv6 address stands in brackets: postgresql://USER@[::1]/DATABASE" if ":" in value else None,
                )
    return parameters


def _reason(error: psycopg.Error) -> str:
    """Return what the server or libpq says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].removeprefix("connection failed: ") if lines else type(error).__name__

"""Owns the connection to a queue: statements by name, transactions, calls, and what errors mean.

A statement is a transaction of its own unless `transaction` says otherwise, and one that met another on
the same row is simply repeated. A connection that breaks is opened again by the next statement.
Must not know how a server is reached (opening.py does), nor which tables there are (schema.py does).
"""

from __future__ import annotations

import math
import threading
from array import array
from contextlib import contextmanager, nullcontext

import psycopg
from psycopg import errors, pq
from psycopg.sql import SQL

from queuectl.errors import StoreBusy, StoreUnavailable
from queuectl.store.base import Call
from queuectl.store.postgres.opening import Server, reason, unreachable
from queuectl.store.postgres.patience import PATIENCE
from queuectl.store.postgres.queries import statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import Any, TypeVar

    from psycopg.sql import Composable

    from queuectl.store.postgres.patience import ImpatientConnection
    from queuectl.store.rows import Row

    _T = TypeVar("_T")

REPEATS = 20
"""Times that a statement is repeated that met another one on the same row."""

CLOSED = "QC001"
"""How a server says that the queue is closed: queuectl.refuse()."""


class ConnectionLost(StoreUnavailable):
    """The connection broke in the middle of something, which may have been done or not."""


class Connection:
    """One process's connection to a queue on a PostgreSQL server."""

    def __init__(self, url: str, *, for_worker: bool, patience: float = PATIENCE) -> None:
        """Plan a connection, which the first statement opens. An answer is waited for `patience` seconds.

        Raises:
            InvalidInput: the URL makes no sense.
        """
        self._server = Server(url, for_worker=for_worker)
        self._for_worker = for_worker
        self._patience = patience
        self._db: ImpatientConnection | None = None
        self._cursor: psycopg.Cursor[Any]
        self._mutex = threading.RLock()
        """Held by whoever uses the connection: a late wake-up is sent by a timer's thread."""
        self._in_transaction = self._in_attempt = False
        self._channel: str | None = None
        self._calls = Call(0)
        self._connect_within = PATIENCE
        self._until = math.inf
        """Monotonic time beyond which no answer is waited for: see `keep_free`."""
        self.losses = 0
        """How often the connection broke so far."""

    @property
    def where(self) -> str:
        """The URL as people may see it."""
        return self._server.where

    @property
    def pooled(self) -> bool:
        """Whether the server is behind a pooler, as far as a worker has met it."""
        return self._server.pooled

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

    def words_as_value(self, words: Collection[str]) -> list[str]:
        """Return words as one value of a statement."""
        return list(words)

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
            raise StoreBusy(f"{self.where}: {reason(error)}") from None
        except psycopg.Error as error:
            raise self._unavailable(error) from None

    def script(self, text: str) -> list[Row]:
        """Run statements that have no names and take no values; return the rows of a single one."""
        with self._mutex:
            try:
                cursor = self._connected().execute(text.encode(), prepare=False)
                return cursor.fetchall() if cursor.description else []
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
        self._connect_within = within
        if self._db is not None:
            self._db.until = moment

    # Transactions

    def durable(self) -> AbstractContextManager[None]:
        """Begin a write of one statement, which commits itself and is on the server's disk then."""
        return nullcontext()

    def together(self) -> AbstractContextManager[None]:
        """Begin a write of several statements, all or none."""
        return self.transaction()

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

    def repeated(self, act: Callable[[], _T]) -> _T:
        """Return what some statements give in one transaction, repeated when it met another one of the moment.

        Within a transaction they are a part of it, and whoever began that one repeats it.
        """
        if self._in_transaction:
            return act()
        for repeat in range(REPEATS):
            try:
                with self.transaction():
                    return act()
            except StoreBusy:
                if repeat == REPEATS - 1:
                    raise
        raise AssertionError("unreachable")

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

    @property
    def called(self) -> bool:
        """Whether this process was called since `take_calls`, as far as was read with the answers to its statements."""
        return bool(self._calls)

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

    # The connection

    def _connected(self) -> ImpatientConnection:
        db = self._db
        if db is not None:
            if not db.closed:
                return db
            self._drop()
        db = self._server.connect(self._connect_within, self._until)
        db.patience = self._patience
        db.add_notify_handler(self._on_notify)
        try:
            self._listen(db)
        except psycopg.Error as error:
            db.close()
            raise unreachable(self.where, error) from None
        self._db = db
        self._cursor = db.cursor(binary=True)
        self._calls = Call.WORK | Call.LOOK  # what was said meanwhile went to nobody
        return db

    def _drop(self) -> None:
        """Forget a connection that is of no use any more."""
        if self._db is not None:
            self._db.close()
            self._db = None
            self.losses += 1
        self._calls = Call.WORK | Call.LOOK

    # Errors

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
            return ConnectionLost(f"the connection to the store {where} was lost: {reason(error)}")
        match error:
            case errors.SerializationFailure() | errors.DeadlockDetected() | errors.LockNotAvailable():
                return StoreBusy(f"{where} is busy: {reason(error)}", "try again", unchanged=True)
            case errors.DiskFull():
                return StoreUnavailable(f"no space left on the disk of {where}", unchanged=True)
            case errors.ReadOnlySqlTransaction():
                return StoreUnavailable(f"{where} is read-only", "is it a standby?", unchanged=True)
            case _:
                return StoreUnavailable(f"cannot use {where}: {reason(error)}", unchanged=True)

"""Owns how jobs come into the database: one in a statement of its own, many by COPY.

Whoever inserts gives its insert a random key, which is kept with the ids: when the answer to the commit is lost, the
insert is repeated, and the key tells an id that it took the first time from one of another's job.
"""

from __future__ import annotations

import os
import tempfile
import time
from itertools import chain, islice

from psycopg import errors

from queuectl import lifecycle
from queuectl.errors import StoreUnavailable
from queuectl.store import rows
from queuectl.store.engine import taken, unknown_parent
from queuectl.store.postgres import copytext
from queuectl.store.postgres.connection import ConnectionLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import datetime
    from typing import IO, Any

    from queuectl.job import NewJob
    from queuectl.store.followers import Followers
    from queuectl.store.postgres.connection import Connection
    from queuectl.store.terms import TermsTable

PATIENCE = 10.0
"""Seconds within which an insert is repeated whose answer was lost."""

COLUMNS = (
    *("id", "queue", "priority", "command", "argv", "max_retries", "timeout", "terms", "cwd", "env", "secret_env"),
    *("stdin", "run_at", "delay", "tags", "key", "key_limit", "batch", "batch_role", "array_index", "unique_key"),
    *("schedule", "tick", "on_parent_failure", "after"),
)
"""What `rows.gathered` gives."""

BLOCK = 1 << 18
"""Bytes that are sent at once."""


class Enqueuer:
    """Adds jobs over one connection."""

    def __init__(self, connection: Connection, terms: TermsTable, followers: Followers) -> None:
        self._connection = connection
        self._terms = terms
        self._followers = followers
        self._family = False
        """Whether one of the jobs that were put aside waits for others, or has a batch."""
        self._spool: IO[bytes] | None = None
        """The jobs that were added last, if they were many: their ids are read from it."""

    def enqueue(self, jobs: Iterable[NewJob], now: datetime | None) -> Collection[str]:
        """Add jobs as `Store.enqueue` says."""
        several = iter(jobs)
        first = tuple(islice(several, 2))
        key = os.urandom(16)
        if not first:
            return ()
        new = first[0]
        if len(first) == 1 and not rows.has_family(new):
            return _repeated(lambda: self._enqueue_one(new, key, now), new.id)
        self._put_aside(chain(first, several))
        return _repeated(lambda: self._enqueue_many(key, now), f"{new.id} and the others")

    def close(self) -> None:
        """Forget the jobs that were added last."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def insert(self, new: NewJob, now: datetime | None) -> int:
        """Add one job within a transaction, and return its seq.

        Raises:
            Conflict: its id is taken.
        """
        added = self._connection.row("enqueue", self._values(new, os.urandom(16), now))
        if added is None:
            raise taken(new.id, "just now")
        return int(added[0])

    def _values(self, new: NewJob, key: bytes, now: datetime | None) -> dict[str, Any]:
        return {
            **dict(zip(COLUMNS, rows.gathered(new, self._terms.number(new)), strict=True)),
            "state": lifecycle.enqueue(),
            "enqueue_key": key,
            "now": now,
        }

    def _enqueue_one(self, new: NewJob, key: bytes, now: datetime | None) -> Collection[str]:
        values = self._values(new, key, now)
        while self._connection.row("enqueue", values) is None:
            other = self._connection.row("id_taken", {"id": new.id, "enqueue_key": key})
            if other is None:
                continue  # it was forgotten in this moment
            mine, state = other
            if mine:
                break  # by the first of these repeats
            raise taken(new.id, state or "just now")
        return (new.id,)

    def _put_aside(self, jobs: Iterable[NewJob]) -> None:
        """Write jobs to a file first: a slow producer in a transaction would keep the server from vacuuming."""
        self.close()
        self._family = False
        self._spool = tempfile.TemporaryFile(prefix="queuectl-")  # noqa: SIM115  the ids are read from it later
        try:
            for new in jobs:
                self._family = self._family or rows.has_family(new)
                self._spool.write(copytext.line(rows.gathered(new, self._terms.number(new))))
        except BaseException:
            self.close()
            raise

    def _enqueue_many(self, key: bytes, now: datetime | None) -> Collection[str]:
        connection, spool = self._connection, self._spool
        assert spool is not None  # noqa: S101  `_put_aside` has just filled it

        def insert() -> None:
            spool.seek(0)
            connection.change("incoming")
            connection.copy("gather", iter(lambda: spool.read(BLOCK), b""))
            if self._family:
                connection.rows("lock_parents")
            try:
                with connection.attempt():
                    connection.change("take_gathered", {"enqueue_key": key})
            except errors.UniqueViolation:
                ((id, mine, state),) = connection.rows("first_taken", {"enqueue_key": key})
                if not mine:
                    raise taken(id, state) from None
                return
            states = {"state": lifecycle.enqueue(), "blocked": lifecycle.enqueue(waits=True)}
            connection.change("enqueue_gathered", {**states, "now": now})
            if self._family:
                self._join_family(now)

        connection.repeated(insert)
        return _SpooledIds(spool)

    def _join_family(self, now: datetime | None) -> None:
        """Tie the jobs just added to those that they wait for, which may have ended, and to their batches."""
        if (unknown := self._connection.row("unknown_parent")) is not None:
            raise unknown_parent(*unknown[:2], there=bool(unknown[2]))
        self._connection.change("link")
        ended = [seq for seq, ended in self._connection.rows("follow") if ended]
        batches = [batch for (batch,) in self._connection.rows("gathered_batches")]
        self._followers.recall((), batches, now)
        self._followers.settle(ended, (), now)


def _repeated(insert: Callable[[], Collection[str]], what: str) -> Collection[str]:
    """Insert, and repeat it while the connection breaks in the middle."""
    deadline = time.monotonic() + PATIENCE
    lost = False
    while True:
        try:
            return insert()
        except StoreUnavailable as error:
            lost = lost or isinstance(error, ConnectionLost)
            if not lost:
                raise
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"{error.message}; whether {what} was enqueued is not known", "look for it once the store is back"
                ) from None
            if not isinstance(error, ConnectionLost):
                time.sleep(0.1)  # noqa: TID251  the server is starting again


class _SpooledIds:
    """The ids of the jobs that were put aside, in order, read from the file: memory use stays flat."""

    def __init__(self, spool: IO[bytes]) -> None:
        self._spool = spool
        spool.seek(0)
        self._count = sum(1 for _ in spool)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, id: object) -> bool:
        return any(id == other for other in self)

    def __iter__(self) -> Iterator[str]:
        self._spool.seek(0)
        for line in self._spool:
            yield line.partition(b"\t")[0].decode()

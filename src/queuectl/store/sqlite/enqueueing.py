"""Owns how jobs come into the database: one in a statement of its own, many through a private table.

The private table is filled before the write lock is taken, so that a slow producer holds up nobody.
"""

from __future__ import annotations

import apsw

from queuectl import lifecycle
from queuectl.errors import Conflict
from queuectl.store.sqlite import rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from queuectl.job import NewJob
    from queuectl.store.sqlite.connection import Connection


def enqueue(connection: Connection, jobs: Iterable[NewJob], now: int) -> Collection[str]:
    """Add jobs as `Store.enqueue` says; `now` is in microseconds since 1970."""
    several = iter(jobs)
    first = next(several, None)
    if first is None:
        return ()
    second = next(several, None)
    if second is None:
        return _enqueue_one(connection, first, now)
    return _enqueue_many(connection, _chain(first, second, several), now)


def _enqueue_one(connection: Connection, new: NewJob, now: int) -> Collection[str]:
    values = rows.gathered(new)
    with connection.durable():
        try:
            connection.rows("enqueue", (*values, now, lifecycle.enqueue()))
        except apsw.ConstraintError:
            taken = connection.row("get", {"id": new.id})
            raise _taken(new.id, "unknown" if taken is None else taken[2]) from None
    return (new.id,)


def _enqueue_many(connection: Connection, jobs: Iterable[NewJob], now: int) -> Collection[str]:
    connection.rows("drop_incoming")
    connection.rows("incoming")
    try:
        connection.gather("gather", map(rows.gathered, jobs))
    except apsw.ConstraintError:
        raise Conflict("an id comes twice among the new jobs", "nothing was enqueued") from None
    with connection.durable():
        try:
            connection.rows("enqueue_gathered", {"state": lifecycle.enqueue(), "now": now})
        except apsw.ConstraintError:
            raise _taken(*connection.rows("first_taken")[0]) from None
    return _GatheredIds(connection)


class _GatheredIds:
    """The ids of the jobs enqueued last, in order, read from the private table: memory use stays flat."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __len__(self) -> int:
        count: int
        ((count,),) = self._connection.rows("count_gathered")
        return count

    def __contains__(self, id: object) -> bool:
        return any(id == other for other in self)

    def __iter__(self) -> Iterator[str]:
        after = 0
        while page := self._connection.rows("gathered_ids", {"after": after, "limit": 1000}):
            yield from (id for _, id in page)
            after = page[-1][0]


def _chain(first: NewJob, second: NewJob, others: Iterator[NewJob]) -> Iterator[NewJob]:
    yield first
    yield second
    yield from others


def _taken(id: str, state: str) -> Conflict:
    return Conflict(
        f'job "{id}" already exists ({state})', "use another id, or clear the finished jobs: queuectl clear"
    )

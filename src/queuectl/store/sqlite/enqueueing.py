"""Owns how jobs come into the database: one in a statement of its own, many through a private table.

The private table is filled before the write lock is taken, so that a slow producer holds up nobody.
"""

from __future__ import annotations

from itertools import chain, islice

import apsw

from queuectl import lifecycle
from queuectl.clock import micros
from queuectl.store import rows
from queuectl.store.engine import taken, unknown_parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from queuectl.job import NewJob
    from queuectl.store.followers import Followers
    from queuectl.store.sqlite.connection import Connection
    from queuectl.store.terms import TermsTable

CHUNK = 1000
"""Jobs gathered at once."""


def enqueue(
    connection: Connection, terms: TermsTable, followers: Followers, jobs: Iterable[NewJob], now: datetime | None
) -> Collection[str]:
    """Add jobs as `Store.enqueue` says."""
    several = iter(jobs)
    first = tuple(islice(several, 2))
    if not first:
        return ()
    if len(first) == 1 and not rows.has_family(first[0]):
        return _enqueue_one(connection, terms, first[0], now)
    return _enqueue_many(connection, terms, followers, chain(first, several), now)


def _enqueue_one(connection: Connection, terms: TermsTable, new: NewJob, now: datetime | None) -> Collection[str]:
    values = rows.gathered(new, terms.number(new))
    with connection.durable():
        insert(connection, new, values, micros(now))
    return (new.id,)


def insert(connection: Connection, new: NewJob, values: rows.Row, now: int) -> None:
    """Add one job, with its row of `incoming`, within a transaction."""
    state = lifecycle.enqueue()
    try:
        connection.change("enqueue", (*values, now, state))
    except apsw.ConstraintError:
        other = connection.row("get", {"id": new.id})
        raise taken(new.id, None if other is None else other[2]) from None
    connection.count(new.queue, state, 1)


def _enqueue_many(
    connection: Connection, terms: TermsTable, followers: Followers, jobs: Iterator[NewJob], now: datetime | None
) -> Collection[str]:
    connection.rows("drop_incoming")
    connection.rows("incoming")
    family = False
    while chunk := list(islice(jobs, CHUNK)):
        family = family or any(map(rows.has_family, chunk))
        connection.gather("gather", [rows.gathered(new, terms.number(new)) for new in chunk])
    counts = connection.rows("count_gathered")
    states = (lifecycle.enqueue(), lifecycle.enqueue(waits=True))
    moment = micros(now)
    with connection.durable():
        try:
            connection.change("enqueue_gathered", {"state": states[0], "blocked": states[1], "now": moment})
        except apsw.ConstraintError:
            raise taken(*connection.rows("first_taken")[0]) from None
        for queue, waits, n in counts:
            connection.count(queue, states[waits], n)
        if family:
            _join_family(connection, followers, moment)
    return _GatheredIds(connection, sum(n for _, _, n in counts))


def _join_family(connection: Connection, followers: Followers, now: int) -> None:
    """Tie the jobs just added to those that they wait for, which may have ended, and to their batches."""
    if (unknown := connection.row("unknown_parent")) is not None:
        raise unknown_parent(*unknown[:2], there=bool(unknown[2]))
    connection.change("link")
    ended = [seq for seq, ended in connection.rows("follow") if ended]
    batches = [batch for (batch,) in connection.rows("gathered_batches")]
    followers.recall((), batches, now)
    followers.settle(ended, (), now)


class _GatheredIds:
    """The ids of the jobs enqueued last, in order, read from the private table: memory use stays flat."""

    def __init__(self, connection: Connection, count: int) -> None:
        self._connection = connection
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __contains__(self, id: object) -> bool:
        return any(id == other for other in self)

    def __iter__(self) -> Iterator[str]:
        after = 0
        while page := self._connection.rows("gathered_ids", {"after": after, "limit": 1000}):
            yield from (id for _, id in page)
            after = page[-1][0]

"""Owns how a queue leaves a SQLite file or comes into one."""

from __future__ import annotations

from contextlib import contextmanager

from queuectl.store.gate import EngineGate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from queuectl.job import LogPart
    from queuectl.store.sqlite.connection import Connection
    from queuectl.store.terms import TermsTable
    from queuectl.store.transfers import Batch, Rest

REFUSED = {
    "jobs": ("insert", "update", "delete"),
    "config": ("insert", "update", "delete"),
    "durations": ("insert", "update", "delete"),
    "schedules": ("insert", "update", "delete"),
    "queues": ("insert", "update", "delete"),
    "workers": ("insert",),
}
"""What is refused while the queue is closed, by table. What else is written is written only together with these."""

EMPTIED = (
    "dependencies",
    "attempts",
    "requests",
    "jobs",
    "counts",
    "durations",
    "config",
    "ticks",
    "schedules",
    "queues",
    "starts",
    "openings",
)


class SqliteGate(EngineGate):
    """A `queuectl.store.transfers.Gate` of a home."""

    def __init__(self, connection: Connection, terms: TermsTable) -> None:
        super().__init__(connection, terms, connection.place)
        self._connection = connection

    @contextmanager
    def _alone(self) -> Iterator[None]:
        # Without foreign keys and triggers a table is emptied at once, and not row by row.
        self._connection.guarded = False
        try:
            with self._connection.durable():
                yield
        finally:
            self._connection.guarded = True

    def _close(self) -> None:
        for table, events in REFUSED.items():
            for event in events:
                self._connection.define("transfer/refuse", table=table, event=event)

    def _open(self) -> None:
        for table, events in REFUSED.items():
            for event in events:
                self._connection.define("transfer/allow", table=table, event=event)

    def _empty(self) -> None:
        for table in EMPTIED:
            self._connection.define("transfer/empty", table=table)

    def _add(
        self,
        batch: Batch,
        log: Callable[[int, int], LogPart | None],  # noqa: ARG002  they are in the home
    ) -> None:
        self._connection.add("transfer/add_job", batch.jobs)
        self._connection.add("transfer/add_attempt", batch.attempts)
        self._connection.add("transfer/add_dependency", batch.dependencies)

    def _add_rest(self, rest: Rest) -> None:
        for table in ("counts", "durations", "config", "ticks", "schedules", "queues", "starts", "openings"):
            self._connection.define("transfer/empty", table=table)
        self._connection.add("transfer/add_setting", rest.settings)
        self._connection.add("transfer/add_rule", rest.rules)
        self._connection.add("transfer/add_start", rest.starts)
        self._connection.add("transfer/add_duration", rest.durations)
        self._connection.add("transfer/add_schedule", rest.schedules)
        self._connection.add("transfer/add_tick", rest.ticks)
        self._change("open_held")
        self._change("count")
        self._change("forget_last_seq", {"seq": rest.last_seq})
        self._change("keep_last_seq", {"seq": rest.last_seq})

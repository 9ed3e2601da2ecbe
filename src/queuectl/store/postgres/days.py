"""Owns the days: the tables of finished jobs, made ahead and dropped as a whole, so that history leaves no dead rows.

Nothing waits for a day that cannot be made or dropped: its jobs are in the last partition, or stay until the next time.
"""

from __future__ import annotations

from psycopg import sql

from queuectl.errors import StoreBusy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from queuectl.job import State
    from queuectl.store.postgres.connection import Connection
    from queuectl.store.rows import Row

BATCH = 100_000
"""Jobs forgotten in one transaction: about a second, and old rows elsewhere cannot be vacuumed while it is open."""


class Days:
    """The days of completed and of cancelled jobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def make(self, now: datetime | None) -> None:
        """Make the days of today and the next two by the database's clock, where they are missing."""
        self._make(self._connection.rows("missing_days", {"now": now}))

    def make_past(self, days: Sequence[date], most: int) -> None:
        """Make days for jobs that finished on them elsewhere, where they are missing and at most so many days ago."""
        self._make(self._connection.rows("transfer/missing_days", {"days": days, "most": most}))

    def _make(self, missing: Sequence[Row]) -> None:
        for kept, day, first, last in missing:
            names = {"kept": sql.Identifier(kept), "day": sql.Identifier(day)}
            bounds = {"first": sql.Literal(first), "last": sql.Literal(last)}
            try:
                with self._connection.transaction():
                    if self._alone():
                        self._connection.define("make_day", names)
                        self._connection.define("attach_day", {**names, **bounds})
            except StoreBusy:
                continue

    def drop(self, kept: State, age: float, now: datetime | None) -> None:
        """Forget jobs of the oldest day that has been over for `age` seconds, at most `BATCH`; drop it after the last.

        Their logs are left.
        """
        found = self._connection.row("past_day", {"kept": kept, "age": age, "now": now})
        if found is None:
            return
        names = {"kept": sql.Identifier(kept), "day": sql.Identifier(found[0])}
        try:
            with self._connection.transaction():
                if not self._alone() or self._forget(names) == BATCH:
                    return
            with self._connection.transaction():
                if self._alone():
                    self._connection.define("close_days", names)
                    if self._forget(names) < BATCH:  # what was about to finish when the day ended
                        self._connection.define("drop_day", names)
        except StoreBusy:
            return

    def _alone(self) -> bool:
        """Begin a change of the days, unless another process does."""
        self._connection.change("wait_briefly")
        ((alone,),) = self._connection.rows("change_days")
        return bool(alone)

    def _forget(self, names: Mapping[str, sql.Composable]) -> int:
        ((gone,),) = self._connection.define("forget_day", names, {"limit": BATCH})
        return int(gone)

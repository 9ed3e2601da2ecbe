"""Owns how a queue leaves a database on a server or comes into one."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice

from psycopg.sql import SQL, Identifier

from queuectl.job import LogPart, State
from queuectl.store.gate import EngineGate
from queuectl.store.postgres import copytext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from queuectl.store.postgres.connection import Connection
    from queuectl.store.postgres.days import Days
    from queuectl.store.rows import Row
    from queuectl.store.terms import TermsTable
    from queuectl.store.transfers import Batch, Rest

REFUSED = {
    "job_ids": "INSERT OR UPDATE OR DELETE",
    "jobs": "INSERT OR UPDATE OR DELETE",
    "unfinished": "INSERT OR UPDATE OR DELETE",
    "config": "INSERT OR UPDATE OR DELETE",
    "durations": "INSERT OR UPDATE OR DELETE",
    "schedules": "INSERT OR UPDATE OR DELETE",
    "queues": "INSERT OR UPDATE OR DELETE",
    "workers": "INSERT",
}
"""What is refused while the queue is closed, by table, in the order in which an enqueue and most other statements lock
them. What else is written is written only together with these."""

JOB_TIMES = (19, 20, 21, 22, 23, 31, 40, 42, 44)
ATTEMPT_TIMES = (3, 4)
SCHEDULE_TIMES = (10, 11, 12)
TICK_TIMES = (1,)
RULE_TIMES = (4, 7)
START_TIMES = (2,)
"""Columns that are instants."""

ATTEMPT, FINISHED_AT = 15, 23
"""Where these are in the row of a job."""

DAYS = 31
"""Days back for which finished jobs get tables of their own; older ones are in the last partition."""

LOGS = 100
"""Ends of logs that are read at once, 64 KiB each."""

LINES = 100
"""Rows that are sent at once; some have the end of a log."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PostgresGate(EngineGate):
    """A `queuectl.store.transfers.Gate` of a database."""

    def __init__(self, connection: Connection, terms: TermsTable, days: Days) -> None:
        super().__init__(connection, terms, connection.where)
        self._connection = connection
        self._days = days
        self._logs: dict[tuple[int, int], LogPart] = {}
        """What was read last of the ends of logs."""
        self._logs_from = self._logs_to = (0, 0)
        """Between which runs, the first and not the last among them, these are all."""

    def kept_log(self, seq: int, attempt: int) -> LogPart | None:
        """See `Gate.kept_log`."""
        run = (seq, attempt)
        if not self._logs_from <= run < self._logs_to:
            rows = self._rows("logs", {"seq": seq, "attempt": attempt, "limit": LOGS})
            self._logs = {(seq, attempt): LogPart(end, lines) for seq, attempt, end, lines in rows}
            self._logs_from = run
            self._logs_to = (rows[-1][0], rows[-1][1] + 1) if len(rows) == LOGS else (sys.maxsize, 0)
        return self._logs.get(run)

    def take_in(self, id: str, after: int, batch: Batch, log: Callable[[int, int], LogPart | None]) -> None:
        """See `Gate.take_in`."""
        finished = (job[FINISHED_AT] for job in batch.jobs if job[2] in (State.COMPLETED, State.CANCELLED))
        days = {moment.date() for moment in map(_moment, finished)}
        if days:
            self._days.make_past(sorted(days), DAYS)
        super().take_in(id, after, batch, log)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._connection.transaction():
            self._rows("begin_alone")
            yield

    def _served(self) -> bool:
        return bool(self._connection.rows("workers"))  # whose leases are not over

    def _close(self) -> None:
        for table, events in REFUSED.items():
            self._connection.define("transfer/refuse", {"table": Identifier(table), "events": SQL(events)})

    def _open(self) -> None:
        for table in REFUSED:
            self._connection.define("transfer/allow", {"table": Identifier(table)})

    def _empty(self) -> None:
        self._change("empty")

    def _add(self, batch: Batch, log: Callable[[int, int], LogPart | None]) -> None:
        def log_of(seq: int, attempt: int) -> Row:
            part = log(seq, attempt) if attempt else None
            return (None, None) if part is None else (part.lines, part.end)

        self._copy("add_ids", ((job[1], job[0], b"") for job in batch.jobs), ())
        self._copy("add_jobs", ((*job, *log_of(job[0], job[ATTEMPT])) for job in batch.jobs), JOB_TIMES)
        self._copy("add_attempts", ((*run, *log_of(*run[:2])) for run in batch.attempts), ATTEMPT_TIMES)
        self._copy("add_dependencies", batch.dependencies, ())

    def _add_rest(self, rest: Rest) -> None:
        self._change("empty_rest")
        self._copy("add_settings", rest.settings, ())
        self._copy("add_rules", rest.rules, RULE_TIMES)
        self._copy("add_starts", rest.starts, START_TIMES)
        self._copy("add_durations", rest.durations, ())
        self._copy("add_schedules", rest.schedules, SCHEDULE_TIMES)
        self._copy("add_ticks", rest.ticks, TICK_TIMES)
        self._change("open_held")
        self._change("count")
        self._rows("keep_last_seq", {"seq": rest.last_seq})
        self._change("analyze")

    def _copy(self, name: str, rows: Iterable[Row], times: Sequence[int]) -> None:
        lines = (_line(row, times) for row in rows)
        blocks = iter(lambda: b"".join(islice(lines, LINES)), b"")
        self._connection.copy(f"transfer/{name}", blocks)


def _line(row: Row, times: Sequence[int]) -> bytes:
    values = list(row)
    for column in times:
        values[column] = None if row[column] is None else _moment(row[column])
    return copytext.line(values)


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)

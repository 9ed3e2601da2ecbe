"""Owns how records become rows and rows become records. Must not know a connection."""

from __future__ import annotations

from functools import lru_cache

from queuectl.clock import instant, micros
from queuectl.errors import StoreUnavailable
from queuectl.job import Attempt, Job, Outcome, Policy, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from queuectl.job import NewJob

    Row = Sequence[Any]
    """What SQLite gives; STRICT tables and the order of the columns make the types sure."""

JOB_COLUMNS = 36
"""Columns of the view `job`."""

_STATES = {state.value: state for state in State}
_OUTCOMES: dict[str | None, Outcome | None] = {outcome.value: outcome for outcome in Outcome} | {None: None}


def job(row: Row) -> Job:
    """Make a job of a row of the view `job`.

    Raises:
        StoreUnavailable: the row makes no sense: a page of the file is torn.
    """
    try:
        argv = row[7]
        return Job(
            row[0],
            row[1],
            _STATES[row[2]],
            row[3] == 1,
            row[4],
            row[5],
            row[6],
            None if argv is None else _words(argv),
            Policy(*row[8:14]),
            row[14],
            row[15],
            _environment(row[16]),
            _environment(row[17]),
            _words(row[18]),
            row[19],
            row[20],
            row[21],
            row[22],
            row[23],
            instant(row[24]),
            maybe_instant(row[25]),
            maybe_instant(row[26]),
            maybe_instant(row[27]),
            None if row[28] is None else row[28] / 1e6,
            _OUTCOMES[row[29]],
            row[30],
            row[31],
            row[32],
            row[33],
            row[34],
            maybe_instant(row[35]),
        )
    except (KeyError, TypeError, ValueError):
        raise _damaged() from None


def claimed_job(row: Row, state: State, worker: str, cookie: str, now: int) -> Job:
    """Make a job of a row of the view `job` as the claim changes it."""
    columns = list(row)
    columns[2], columns[3] = state, 0
    columns[20] += 1
    columns[25], columns[26] = None, now
    columns[28:32] = None, None, None, None
    columns[33:] = worker, cookie, None
    return job(columns)


def attempt(row: Row) -> Attempt:
    """Make an attempt of a row of `attempts`; raises as `job` does."""
    try:
        number, worker, started_at, finished_at, duration, outcome, exit_code, signal, error = row
        return Attempt(
            number,
            worker,
            instant(started_at),
            instant(finished_at),
            duration / 1e6,
            Outcome(outcome),
            exit_code,
            signal,
            error,
        )
    except (KeyError, TypeError, ValueError):
        raise _damaged() from None


def _damaged() -> StoreUnavailable:
    return StoreUnavailable("the database is damaged: a row in it makes no sense", "restore a backup")


def gathered(new: NewJob) -> tuple[str | bytes | int | float | None, ...]:
    """Make a row of `incoming` of a new job."""
    policy = new.policy
    return (
        new.id,
        new.queue,
        new.priority,
        new.command,
        None if new.argv is None else _bytes(new.argv),
        policy.max_retries,
        policy.timeout,
        policy.backoff_base,
        policy.backoff_max,
        policy.backoff_jitter,
        policy.max_crashes,
        new.cwd,
        new.umask,
        _bytes(f"{name}={value}" for name, value in new.caller_env.items()),
        _bytes(f"{name}={value}" for name, value in new.env.items()),
        _bytes(new.secret_env),
        new.stdin,
        None if new.run_at is None else micros(new.run_at),
    )


def maybe_instant(microseconds: int | None) -> datetime | None:
    """Return a stored instant; None stays None."""
    return None if microseconds is None else instant(microseconds)


def _bytes(words: Iterable[str]) -> bytes:
    """Return words as the kernel has them, a NUL after each; none of them holds one."""
    return "".join(f"{word}\0" for word in words).encode("utf-8", "surrogateescape")


@lru_cache(maxsize=64)
def _words(stored: bytes) -> tuple[str, ...]:
    """Undo `_bytes`; jobs that were enqueued together have the same words."""
    return tuple(stored.decode("utf-8", "surrogateescape").split("\0")[:-1])


@lru_cache(maxsize=64)
def _environment(stored: bytes) -> Mapping[str, str]:
    return dict(word.split("=", 1) for word in _words(stored))

"""Owns the terms of jobs: what those have in common that one caller enqueues under one configuration.

A job's row has the number of its terms. Rows of `terms` never change and never go, so that each connection may
remember what it has seen (docs/decisions/0016-terms-are-stored-once.md).
"""

from __future__ import annotations

from queuectl.record import Record
from queuectl.store.sqlite import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from queuectl.job import NewJob
    from queuectl.store.sqlite.connection import Connection

MOST = 256
"""Terms remembered by a connection; a queue has a handful."""


class Terms(Record):
    """What a job shares with others."""

    backoff_base: float
    backoff_max: float
    backoff_jitter: float
    max_crashes: int
    umask: int
    caller_env: Mapping[str, str]


class TermsTable:
    """The table `terms`, as one connection knows it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._terms: dict[int, Terms] = {}
        self._numbers: dict[tuple[float | int | bytes, ...], int] = {}
        self._last: tuple[object, object, object, int] = (None, None, None, 0)

    def of(self, number: int) -> Terms:
        """Return the terms of a number."""
        known = self._terms.get(number)
        if known is None:
            ((base, most, jitter, crashes, umask, caller_env),) = self._connection.rows("terms", {"number": number})
            if len(self._terms) == MOST:
                self._terms.clear()
            known = self._terms[number] = Terms(base, most, jitter, crashes, umask, words.environment(caller_env))
        return known

    def number(self, new: NewJob) -> int:
        """Return the number of a new job's terms, which are stored where they are new. Not for use in a transaction."""
        policy, umask, caller_env = new.policy, new.umask, new.caller_env
        last_policy, last_umask, last_env, number = self._last
        if policy is last_policy and caller_env is last_env and umask == last_umask:
            return number  # as those of the job before it, which it was made with
        values = (
            policy.backoff_base,
            policy.backoff_max,
            policy.backoff_jitter,
            policy.max_crashes,
            umask,
            words.of_environment(caller_env),
        )
        number = self._numbers.get(values) or self._stored(values)
        self._last = (policy, umask, caller_env, number)
        return number

    def _stored(self, values: tuple[float | int | bytes, ...]) -> int:
        found = self._connection.rows("terms_number", values)
        if not found:
            with self._connection.durable():
                self._connection.change("keep_terms", values)
                found = self._connection.rows("terms_number", values)
        if len(self._numbers) == MOST:
            self._numbers.clear()
        number: int = found[0][0]
        self._numbers[values] = number
        return number

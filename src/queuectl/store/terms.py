"""Owns the terms of jobs: what those have in common that one caller enqueues under one configuration.

A job's row has the number of its terms. Rows of `terms` never change and never go, so that each connection may
remember what it has seen (docs/decisions/0016-terms-are-stored-once.md).
"""

from __future__ import annotations

from queuectl.record import Record
from queuectl.store import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from queuectl.job import NewJob
    from queuectl.store.engine import Statements

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


class StoredTerms(Record):
    """Terms as they are stored."""

    backoff_base: float
    backoff_max: float
    backoff_jitter: float
    max_crashes: int
    umask: int
    caller_env: bytes


class TermsTable:
    """The table `terms`, as one connection knows it."""

    def __init__(self, connection: Statements) -> None:
        self._connection = connection
        self._terms: dict[int, Terms] = {}
        self._numbers: dict[StoredTerms, int] = {}
        self._stored: dict[int, StoredTerms] = {}
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
        values = StoredTerms(
            policy.backoff_base,
            policy.backoff_max,
            policy.backoff_jitter,
            policy.max_crashes,
            umask,
            words.of_environment(caller_env),
        )
        number = self.number_of(values)
        self._last = (policy, umask, caller_env, number)
        return number

    def stored(self, number: int) -> StoredTerms:
        """Return the terms of a number as they are stored."""
        known = self._stored.get(number)
        if known is None:
            (row,) = self._connection.rows("terms", {"number": number})
            if len(self._stored) == MOST:
                self._stored.clear()
            known = self._stored[number] = StoredTerms(*row)
        return known

    def number_of(self, terms: StoredTerms) -> int:
        """Return the number of terms, which are stored where they are new. Not for use in a transaction."""
        return self._numbers.get(terms) or self._store(terms)

    def _store(self, terms: StoredTerms) -> int:
        values = terms._asdict()
        found = self._connection.rows("terms_number", values)
        if not found:
            with self._connection.durable():
                self._connection.change("keep_terms", values)
                found = self._connection.rows("terms_number", values)
        if len(self._numbers) == MOST:
            self._numbers.clear()
        number: int = found[0][0]
        self._numbers[terms] = number
        return number

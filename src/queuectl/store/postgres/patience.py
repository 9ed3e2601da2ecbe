"""Owns how long an answer is waited for. Must not know what was asked.

A server that hangs, and a pooler that has lost its server, keep a connection open and say nothing. The worker has to go
on, or its supervisor would take it for one that hangs, and count its job as crashed; a command has to say so.
"""

from __future__ import annotations

import time
from math import inf
from typing import Any

import psycopg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from psycopg.abc import PQGen

    T = TypeVar("T")

PATIENCE = 15.0
"""Seconds."""


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection that closes itself when an answer does not come in time."""

    patience = PATIENCE
    until = inf
    """Monotonic time at which it waits no longer, as long as that is to come: there is something to be done then."""

    def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:  # noqa: ANN401  the version's own
        """See `psycopg.Connection.wait`.

        Raises:
            OperationalError: no answer came in time; what was asked may have been done, or be done yet.
        """
        try:
            now = time.monotonic()
            patience = min(self.patience, self.until - now) if now < self.until else self.patience
            return super().wait(_until(gen, now + patience), *args, **options)
        except TimeoutError:
            self.close()
            raise psycopg.OperationalError(f"no answer within {patience:.3g} s") from None


def _until(gen: PQGen[T], deadline: float) -> PQGen[T]:
    """Be a generator of psycopg, which is told every 0.1 s that nothing has come, until that is so at a deadline."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() >= deadline:
                raise TimeoutError
            wanted = gen.send(ready)
    except StopIteration as end:
        answer: T = end.value
        return answer

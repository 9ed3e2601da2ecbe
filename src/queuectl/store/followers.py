"""Owns what the end of a job means for others: the children that wait for it, and what waits for its batch.

Everything here happens in the transaction of the move that it follows, set by set, however many generations there are.
Which of them run and which are given up is said by lifecycle.py and in the statements. Must not know a database.
"""

from __future__ import annotations

from queuectl import lifecycle
from queuectl.lifecycle import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Any

    from queuectl.job import Job, Role, State
    from queuectl.store.engine import Statements
    from queuectl.store.rows import Row

    Carry = Callable[[str, Mapping[str, Any], State, State], list[Row]]
    """Runs a statement that moves jobs from a state to another one, counts them, and returns for each its number, its
    queue, whether its end concerns others, its batch, and its role there."""


class Followers:
    """Those whom the end of a job concerns."""

    def __init__(self, statements: Statements, carry: Carry, lock_batch: Callable[[str], object]) -> None:
        """`lock_batch` keeps others from judging a batch at the same time; until the transaction ends."""
        self._statements = statements
        self._carry = carry
        self._lock_batch = lock_batch

    def settle(self, ended: Collection[int], batches: Iterable[str], now: object) -> int:
        """Draw the consequences of the end of jobs, and for batches in which jobs have ended.

        Returns how many jobs may run now that could not before.
        """
        released = 0
        open_batches = set(batches)
        while ended or open_batches:
            given_up: list[Row] = []
            if ended:
                values = {"parents": self._statements.numbers_as_value(ended), "now": now}
                self._statements.change("resolve", values)
                released += len(self._release("release", values))
                given_up = self._drop("drop", values)
            else:
                batch = open_batches.pop()
                self._lock_batch(batch)
                run, give_up = lifecycle.callbacks(self._progress(batch))
                values = {"batch": batch, "now": now}
                if run:
                    released += len(self._release("release_callbacks", {**values, "roles": _as_value(run)}))
                if give_up:
                    given_up = self._drop("drop_callbacks", {**values, "roles": _as_value(give_up)})
            ended = [row[0] for row in given_up if row[2]]
            open_batches.update(_batches_of(given_up))
        return released

    def recall(self, again: Collection[int], batches: Iterable[str], now: object) -> int:
        """Let those wait again that were given up because of jobs that run again now, and of batches that go on.

        Returns what `settle` does, which is called for those that wait for others that have ended badly as well.
        """
        open_batches = set(batches)
        while again:
            values = {"parents": self._statements.numbers_as_value(again)}
            self._statements.change("unresolve", values)
            recalled = self._recall("recall", values)
            again = [row[0] for row in recalled if row[2]]
            open_batches.update(_batches_of(recalled))
        for batch in open_batches:
            self._lock_batch(batch)
            self._recall("recall_callbacks", {"batch": batch})
        return self.settle((), open_batches, now)

    def _release(self, name: str, values: Mapping[str, Any]) -> list[Row]:
        return self._move(name, values, lifecycle.enqueue(waits=True), lifecycle.release())

    def _drop(self, name: str, values: Mapping[str, Any]) -> list[Row]:
        return self._move(name, values, lifecycle.enqueue(waits=True), lifecycle.drop())

    def _recall(self, name: str, values: Mapping[str, Any]) -> list[Row]:
        return self._move(name, values, lifecycle.drop(), lifecycle.recall())

    def _move(self, name: str, values: Mapping[str, Any], was: State, state: State) -> list[Row]:
        return self._carry(name, {**values, "state": state}, was, state)

    def _progress(self, batch: str) -> Progress:
        (found,) = self._statements.rows("batch_progress", {"batch": batch})
        return Progress(*map(bool, found))


def is_followed(job: Job) -> tuple[Collection[int], Collection[str]]:
    """Return what `Followers.settle` and `Followers.recall` take, of one job."""
    flow = job.flow
    return (job.seq,), () if flow.batch is None or flow.batch_role is not None else (flow.batch,)


def _batches_of(rows: Iterable[Row]) -> set[str]:
    """Return the batches to which jobs belong, and not only wait for."""
    return {row[3] for row in rows if row[3] is not None and row[4] is None}


def _as_value(roles: Iterable[Role]) -> str:
    """Return roles as a list in JSON."""
    return "[" + ",".join(f'"{role}"' for role in sorted(roles)) + "]"

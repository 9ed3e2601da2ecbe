"""Owns which queues a worker serves, and in which order it looks into them. Pure.

In strict order the first named queue that has something goes first. By weights they take turns: of `a:3,b:1` three of
four jobs come from `a` while both have some.
"""

from __future__ import annotations

from queuectl.errors import InvalidInput
from queuectl.quoting import quoted
from queuectl.record import Record
from queuectl.request import check_queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

WEIGHTS = range(1, 1001)

MOST = 64
"""Queues that a worker serves by name."""

FORMS = "examples: --queue urgent,default (in this order), --queue mail:3,reports:1 (three turns to one)"


class Served(Record):
    """Queues that a worker serves."""

    names: tuple[str, ...]
    weights: tuple[int, ...] | None
    """None: in their order."""

    def __str__(self) -> str:
        """Return it as it is written."""
        if self.weights is None:
            return ",".join(self.names)
        return ",".join(f"{name}:{weight}" for name, weight in zip(self.names, self.weights, strict=True))


def parse_served(text: str) -> Served:
    """Read which queues a worker serves: names with commas between them, in order, or each with its weight.

    Raises:
        InvalidInput: another form, a name that no queue has, or one that comes twice.
    """
    pairs = [word.partition(":") for word in text.split(",")]
    names = tuple(name for name, _, _ in pairs)
    for name in names:
        check_queue(name)
    if len(set(names)) < len(names):
        raise InvalidInput(f"{quoted(text)} names a queue twice")
    if len(names) > MOST:
        raise InvalidInput(f"a worker serves at most {MOST} queues by name", "without --queue it serves all")
    if not any(colon for _, colon, _ in pairs):
        return Served(names, None)
    if not all(colon for _, colon, _ in pairs):
        raise InvalidInput("either every queue has a weight or none has", FORMS)
    return Served(names, tuple(_weight(weight) for _, _, weight in pairs))


def _weight(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and int(text) in WEIGHTS):
        raise InvalidInput(f"{quoted(text)} is not a weight from {WEIGHTS[0]} to {WEIGHTS[-1]}", FORMS)
    return int(text)


class Turns:
    """Whose turn it is among the queues of one worker: smooth weighted round robin.

    A queue that is looked into and has nothing begins anew, so that it does not save up turns for later.
    """

    def __init__(self, served: Served) -> None:
        self._names = served.names
        self._weights = None if served.weights is None else dict(zip(served.names, served.weights, strict=True))
        self._credit = dict.fromkeys(served.names, 0)

    def order(self) -> Sequence[str]:
        """Return the queues in the order in which the next claim is to look into them."""
        weights = self._weights
        if weights is None:
            return self._names
        return sorted(self._names, key=lambda name: self._credit[name] + weights[name], reverse=True)

    def took(self, queue: str) -> None:
        """Note from which queue the last claim has taken a job."""
        weights = self._weights
        if weights is None:
            return
        order = self.order()
        at = order.index(queue)
        for name in order[:at]:
            self._credit[name] = 0
        for name in order[at:]:
            self._credit[name] += weights[name]
        self._credit[queue] -= sum(weights[name] for name in order[at:])

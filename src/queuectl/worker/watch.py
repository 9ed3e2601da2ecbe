"""Owns the waiting of a worker's and a supervisor's loop: which descriptors are watched, and what each one calls.

poll(2) called directly: with `selectors`, watching and forgetting three descriptors took 8 us more of every job
(docs/decisions/0012-poll-instead-of-selectors.md).
"""

from __future__ import annotations

import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Watch:
    """Descriptors, and what to call when one is readable or its other end is closed."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._reactions: dict[int, tuple[Callable[[], None], Callable[[], None]]] = {}

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._reactions

    def add(self, descriptor: int, react: Callable[[], None], at_end: Callable[[], None] | None = None) -> None:
        """Watch a descriptor from the next wait on.

        `at_end` is called in place of `react` when its other end is closed and nothing is left to be read.
        """
        self._reactions[descriptor] = (react, at_end or react)
        self._poll.register(descriptor, select.POLLIN)

    def discard(self, descriptor: int) -> None:
        """Watch a descriptor no more, if it is watched; call it before the descriptor is closed."""
        if self._reactions.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)

    def wait(self, seconds: float) -> None:
        """Wait until a descriptor calls, or the time is over, and react to each that does."""
        for descriptor, event in self._poll.poll(seconds * 1000):
            if (reactions := self._reactions.get(descriptor)) is not None:  # not discarded by the one before
                react, at_end = reactions
                if event & select.POLLIN:
                    react()
                else:
                    at_end()

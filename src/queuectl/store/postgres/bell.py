"""Owns what wakes a worker from anywhere: notifications on a channel of its own, over its one connection."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from queuectl.store.base import Call
    from queuectl.store.postgres.connection import Connection


class NotifyBell:
    """A `queuectl.store.base.Bell` of LISTEN. It is watched by busy workers, too: a cancel comes the same way."""

    def __init__(self, connection: Connection, worker: str, take_calls: Callable[[], Call]) -> None:
        self._connection = connection
        self._take_calls = take_calls
        connection.listen(f"queuectl_{worker}")

    @property
    def deaf(self) -> bool:
        """See `Bell.deaf`."""
        return self._connection.pooled

    @property
    def heard(self) -> bool:
        """See `Bell.heard`."""
        return self._connection.called

    def descriptors(self, *, idle: bool) -> Collection[int]:  # noqa: ARG002
        """See `Bell.descriptors`."""
        descriptor = self._connection.descriptor
        return () if descriptor is None else (descriptor,)

    def answer(self, descriptor: int) -> Call:  # noqa: ARG002
        """See `Bell.answer`."""
        return self._take_calls()

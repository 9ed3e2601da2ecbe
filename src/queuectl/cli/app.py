"""Owns the composition of the program: which home, which engine, how it speaks. The only module that knows the engines.

Nothing is opened, or made, before a command asks for it.
"""

from __future__ import annotations

from queuectl.cli.output import Output
from queuectl.errors import InvalidInput, NotFound
from queuectl.paths import Home, default_home
from queuectl.queue import Queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

    from queuectl.store.base import Store

WORKER_PATIENCE = 0.25
"""Seconds that a worker waits for a locked store before it goes on with what else it has to do."""

WORKER_SYNC_EVERY = 0.05
"""Seconds within which a worker's commits are safe from a power cut."""


class App:
    """What one call of the program works with."""

    def __init__(self, options: Namespace, argv: tuple[str, ...] | None, environ: Mapping[str, str]) -> None:
        self.options = options
        self.argv = argv
        """The job's own words, after `--`; None when there was none."""
        self.environ = environ
        self.home = Home(options.home or default_home(environ))
        self.out = Output(options.output or "table", options.color or "auto", environ, quiet=bool(options.quiet))
        self._store: Store | None = None

    def queue(self) -> Queue:
        """Return the queue, made if there is none yet.

        Raises:
            StoreUnavailable: the home or the store cannot be used.
        """
        self._refuse_other_engines()
        if self._store is None:
            self.home.create()
        return self._open()

    def reading_queue(self) -> Queue | None:
        """Return the queue; None when there is none, and then nothing is made.

        Raises:
            StoreUnavailable: the home or the store cannot be used.
        """
        self._refuse_other_engines()
        return self._open() if self.home.exists() else None

    def existing_queue(self) -> Queue:
        """Return the queue in which a named job should be.

        Raises:
            NotFound: there is no queue here, so no job either.
            StoreUnavailable: the home or the store cannot be used.
        """
        queue = self.reading_queue()
        if queue is None:
            raise NotFound(f"there is no queue in {self.home.path}", "another place is named with --home DIR")
        return queue

    def call(self, command: str) -> str:
        """Return how to call another command on this queue, for advice."""
        if self.options.home is None:
            return f"queuectl {command}"
        from shlex import quote  # noqa: PLC0415  1 ms, rare

        return f"queuectl --home {quote(self.options.home)} {command}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _open(self) -> Queue:
        if self._store is None:
            from queuectl.store.sqlite.engine import SqliteStore  # noqa: PLC0415  help and completion need no engine

            self._store = SqliteStore(self.home)
        return Queue(self._store, self.home, self.environ)

    def _refuse_other_engines(self) -> None:
        url = self.options.store or self.environ.get("QUEUECTL_STORE")
        if not url:
            return
        scheme, separator, _ = url.partition("://")
        if separator and scheme in ("postgresql", "postgres"):
            raise InvalidInput("this version has no PostgreSQL engine", "without --store the queue is a file in --home")
        raise InvalidInput("the store is not a URL that this version knows", "without it the queue is a file in --home")


def prepare_worker_store() -> None:
    """Load what `open_worker_store` and its store need, once for all workers."""
    from queuectl.store.sqlite import engine, queries  # noqa: F401, PLC0415

    queries.load_all()


def open_worker_store(home: Home) -> Store:
    """Open the store of a home as a worker does: it waits briefly for a lock, and its commits are synced together.

    Raises:
        StoreUnavailable: it cannot be used now.
    """
    from queuectl.store.sqlite.engine import SqliteStore  # noqa: PLC0415

    return SqliteStore(home, patience=WORKER_PATIENCE, sync_every=WORKER_SYNC_EVERY)

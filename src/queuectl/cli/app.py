"""Owns the composition of the program: which home, which engine, how it speaks. The only module that knows the engines.

Nothing is opened, or made, before a command asks for it.
"""

from __future__ import annotations

from queuectl.cli.output import Output
from queuectl.errors import InvalidInput, NotFound, StoreUnavailable
from queuectl.paths import Home, default_home
from queuectl.queue import Queue
from queuectl.storeurl import is_known, without_password

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
        self.url = options.store or environ.get("QUEUECTL_STORE") or None
        """Where the store is that is not a file of the home."""
        self.out = Output(options.output or "table", options.color or "auto", environ, quiet=bool(options.quiet))
        self._store: Store | None = None

    def queue(self) -> Queue:
        """Return the queue, made if there is none yet.

        Raises:
            StoreUnavailable: the home or the store cannot be used.
        """
        if self._store is None and self.url is None:
            self.home.create()
        return self._open(make=True)

    def reading_queue(self) -> Queue | None:
        """Return the queue; None when there is none, and then nothing is made.

        Raises:
            StoreUnavailable: the home or the store cannot be used.
        """
        if self.url is None:
            return self._open(make=True) if self.home.exists() else None
        try:
            return self._open(make=False)
        except NotFound:
            return None

    def existing_queue(self) -> Queue:
        """Return the queue in which a named job should be.

        Raises:
            NotFound: there is no queue here, so no job either.
            StoreUnavailable: the home or the store cannot be used.
        """
        queue = self.reading_queue()
        if queue is None:
            if self.url is not None:
                raise NotFound(f"there is no queue in {without_password(self.url)}", "enqueue makes one")
            raise NotFound(f"there is no queue in {self.home.path}", "another place is named with --home DIR")
        return queue

    @property
    def logs(self) -> str:
        """Directory of what jobs of the queue print on this machine; known once the queue is open."""
        return self.home.job_logs(None if self._store is None else self._store.id)

    def existing_store(self) -> Store:
        """Return the store of the queue itself; raises as `existing_queue` does."""
        self.existing_queue()
        assert self._store is not None  # noqa: S101  it has just been opened
        return self._store

    def store_at(self, place: str) -> Store:
        """Open another store than that of the queue: that of a URL, or with `sqlite` the file of the home.

        Raises:
            InvalidInput: it is no such place, or that of the queue itself.
            StoreUnavailable: the store cannot be used.
        """
        if place != "sqlite":
            return _postgres_store(place)
        if self.url is None:
            raise InvalidInput(
                "the queue is in the file of the home already", "where it is to go: --to postgresql://..."
            )
        self.home.create()
        return _sqlite_store(self.home)

    def call(self, command: str) -> str:
        """Return how to call another command on this queue, for advice."""
        named = {"--home": self.options.home, "--store": self.options.store and without_password(self.options.store)}
        if not any(named.values()):
            return f"queuectl {command}"
        from shlex import quote  # noqa: PLC0415  1 ms, rare

        words = [f"{option} {quote(value)}" for option, value in named.items() if value]
        return f"queuectl {' '.join(words)} {command}"

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

    def _open(self, *, make: bool) -> Queue:
        if self._store is None:
            self._store = _sqlite_store(self.home) if self.url is None else _postgres_store(self.url, make=make)
        return Queue(self._store, self.environ)


def _sqlite_store(home: Home) -> Store:
    from queuectl.store.sqlite.engine import SqliteStore  # noqa: PLC0415  help and completion need no engine

    return SqliteStore(home)


def _postgres_store(url: str, *, make: bool = True, for_worker: bool = False) -> Store:
    if not is_known(url):
        raise InvalidInput(
            "the store is not a URL that this version knows",
            "postgresql://USER@HOST/DATABASE; without it the queue is a file in --home",
        )
    try:
        from queuectl.store.postgres.engine import PostgresStore  # noqa: PLC0415  200 ms, only for such a URL
    except ImportError as error:
        # Without a name: the package alone was installed, and there is no libpq on this machine.
        if error.name is not None and not error.name.startswith("psycopg"):
            raise
        missing = error.name in ("psycopg", "psycopg_binary", "psycopg_c")
        raise StoreUnavailable(
            "PostgreSQL needs the package psycopg, which "
            + ("is not installed" if missing else f"cannot be loaded: {str(error).partition(chr(10))[0]}"),
            "pip install 'psycopg[binary]'; after pipx: pipx inject queuectl 'psycopg[binary]'",
        ) from None
    return PostgresStore(url, make=make, for_worker=for_worker)


def prepare_worker_store(url: str | None) -> None:
    """Load what `open_worker_store` and its store need, once for all workers."""
    from importlib import import_module  # noqa: PLC0415  only workers prepare

    engine = "queuectl.store.sqlite" if url is None else "queuectl.store.postgres"
    import_module(f"{engine}.engine")
    import_module(f"{engine}.queries").load_all()
    import_module("queuectl.store.schedules")  # 4 MiB, which each worker would have of its own after its first tick


def open_worker_store(home: Home, url: str | None) -> Store:
    """Open the store as a worker does: it waits briefly for a lock, and its commits are synced together.

    Raises:
        StoreUnavailable: it cannot be used now.
    """
    if url is not None:
        return _postgres_store(url, for_worker=True)
    from queuectl.store.sqlite.engine import SqliteStore  # noqa: PLC0415

    return SqliteStore(home, patience=WORKER_PATIENCE, sync_every=WORKER_SYNC_EVERY)

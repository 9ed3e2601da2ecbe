"""Stores of every engine, by the place where they are: a home, or the URL of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queuectl.paths import Home
from queuectl.store.postgres.engine import PostgresStore
from queuectl.store.sqlite.engine import SqliteStore
from tests.support.postgres_run import older

if TYPE_CHECKING:
    from queuectl.store.base import Store

ENGINES = ["sqlite", "postgres"]

URLS = {"postgres": "postgres_url", "older_postgres": "older_postgres_url"}
"""The fixtures that give a database of an engine."""

OLDER = ["older_postgres"] if older() else []
"""What is quick and touches much is done on the oldest server, too, where there are two."""


def opened(place: str, *, sync_every: float = 0.0) -> Store:
    """Open the store of a place, in which it is made if there is none."""
    if place.startswith("postgresql://"):
        return PostgresStore(place)
    home = Home(place)
    home.create()
    return SqliteStore(home, sync_every=sync_every)

"""The engines that have to keep the contract, and stores that each test finds empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from queuectl.paths import Home
from queuectl.store.sqlite.engine import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from queuectl.store.base import Store

ENGINES = ["sqlite"]


class OpenStore(Protocol):
    """Opens one more handle on the queue of the test."""

    def __call__(self, *, sync_every: float = 0.0) -> Store: ...


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(str(tmp_path / "home"))
    home.create()
    return home


@pytest.fixture(params=ENGINES)
def open_store(home: Home) -> Iterator[OpenStore]:
    opened: list[Store] = []

    def open_one(*, sync_every: float = 0.0) -> Store:
        store: Store = SqliteStore(home, sync_every=sync_every)
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()

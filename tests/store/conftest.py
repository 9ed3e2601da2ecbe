"""The engines that have to keep the contract, and stores that each test finds empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from queuectl.paths import Home
from tests.support.stores import ENGINES, OLDER, URLS, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from queuectl.store.base import Store


class OpenStore(Protocol):
    """Opens one more handle on the queue of the test."""

    def __call__(self, *, sync_every: float = 0.0) -> Store: ...


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(str(tmp_path / "home"))
    home.create()
    return home


QUICK = {"test_claim", "test_rescue"}
"""Modules whose tests run with an older server, too."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the contract with every engine, but for those whose mark names one."""
    named = any("place" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "place" in metafunc.fixturenames and not named:
        quick = metafunc.module.__name__.rpartition(".")[2] in QUICK
        metafunc.parametrize("place", [*ENGINES, *OLDER] if quick else ENGINES, indirect=True)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> str:
    """Where the queue of the test is: a home, or a database of its own."""
    if request.param in URLS:
        url: str = request.getfixturevalue(URLS[request.param])
        return url
    home: Home = request.getfixturevalue("home")
    return home.path


@pytest.fixture
def open_store(place: str) -> Iterator[OpenStore]:
    handles: list[Store] = []

    def open_one(*, sync_every: float = 0.0) -> Store:
        handles.append(opened(place, sync_every=sync_every))
        return handles[-1]

    yield open_one
    for store in handles:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()

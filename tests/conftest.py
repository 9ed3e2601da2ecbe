"""What holds for every test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from zlib import crc32

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

# No deadline: the machine may be busy. Without chance in CI: a red run must be red again at home (CI=1 make test).
settings.register_profile("default", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("default")

pytest_plugins = ["tests.support.postgres_run"]

REPEATED = ("tests/cli", "tests/worker", "tests/crash")
"""Tests of processes, which nearly all run on both engines."""

WHOLE = (
    *("test_founding.py", "test_acting.py", "test_migrate_store.py", "test_walkthrough.py", "test_rescue.py"),
    *("test_machines.py", "test_network.py", "test_pooler.py", "test_servers.py", "test_calls.py"),
    *("test_retries.py", "test_stopping.py", "test_chaos.py", "test_crash_points.py"),
)
"""Those of which each runs on both, each time: what moves jobs, and what only a server has."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    parser.addoption("--every-engine", action="store_true", help="run all tests of processes on both engines")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the tests of processes run all on SQLite, and a third, always the same, on PostgreSQL too: 3 minutes less."""
    if config.getoption("--every-engine"):
        return
    left_out = [item for item in items if _is_repeated(item) and crc32(item.nodeid.encode()) % 3]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def _is_repeated(item: pytest.Item) -> bool:
    """Return whether a test is one on PostgreSQL that there is on SQLite as well."""
    path, _, name = item.nodeid.partition("::")
    return path.startswith(REPEATED) and not path.endswith(WHOLE) and "postgres" in name.partition("[")[2]

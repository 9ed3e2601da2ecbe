"""A PostgreSQL server for a whole run, shared by the processes of pytest-xdist; a database for each test.

A plugin of pytest. The first test that asks for `postgres_url` starts the server. The process that leads the run holds
the pipe by which the server lives, and so takes it along, whatever becomes of the run. QUEUECTL_TEST_POSTGRES chooses:
the URL of a server that runs, as a role that may create databases; or the major version of one to start, otherwise
the newest that is found. Without a choice, `older_postgres_url` does the same with the oldest.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from queuectl.store.postgres.engine import PostgresStore
from tests.support.postgres import Cluster, Server, binaries, following

if TYPE_CHECKING:
    from collections.abc import Iterator

CHOICE = "QUEUECTL_TEST_POSTGRES"

NUMBERS = count(1)
"""Tells the databases of a process apart."""


def older() -> int | None:
    """Return the oldest version that is found; None when it is the one that every test has, or that was chosen."""
    versions = binaries()
    return min(versions) if len(versions) > 1 and not os.environ.get(CHOICE) else None


def make_template(url: str) -> None:
    """Make, in an empty database, what the database of every test begins with: an empty queue."""
    PostgresStore(url).close()


class Shared(NamedTuple):
    """What the processes of a run tell each other of its server."""

    url: str
    guard: int | None = None  # None: not ours


class Run:
    """A run of the tests: a directory that all its processes know, and at most one server of a version."""

    def __init__(self, directory: Path) -> None:
        """Take part in the run that has this directory."""
        self.directory = directory
        self.name = directory.name

    @property
    def template(self) -> str:
        """The name of the database that `make_template` has filled."""
        return f"{self.name}-template"

    def cluster(self, version: int | None = None) -> Cluster:
        """Return the server, which has the template; the first caller of a run starts it.

        A version is that of another server than the usual one.
        """
        with open(self.directory / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # held for as long as a start takes, which is bounded
            file = self.directory / f"server-{version or 'usual'}"
            if file.exists():
                shared = _read(file)
            else:
                shared = self._start(version)
                cluster = Cluster(shared.url)
                make_template(cluster.create_database(self.template))
                file.write_text(json.dumps(shared))
        return Cluster(shared.url)

    def _start(self, version: int | None) -> Shared:
        choice = os.environ.get(CHOICE, "")
        if "://" in choice:
            return Shared(choice)
        versions = binaries()
        if not versions:
            pytest.skip(f"no PostgreSQL is installed: give the URL of a server in {CHOICE}")
        programs = versions[version or int(choice or max(versions))]
        # Without O_NONBLOCK this waited for a writer, and none may be left.
        alive = os.open(self.directory / "alive", os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.set_blocking(alive, True)
            server = Server(programs, alive=alive)
        finally:
            os.close(alive)
        return Shared(server.url("postgres"), server.guard)

    @contextmanager
    def database(self, cluster: Cluster, *, empty: bool = False) -> Iterator[str]:
        """Make a database that begins as the template, or empty, and drop it."""
        name = f"{self.name}-{os.getpid()}-{next(NUMBERS)}"
        yield cluster.create_database(name, None if empty else self.template)
        cluster.drop_database(name)

    @classmethod
    def lead(cls, config: pytest.Config) -> Run:
        """Begin a run, which ends with pytest; no server starts yet."""
        run = cls(Path(tempfile.mkdtemp(prefix="queuectl-test-")))
        os.mkfifo(run.directory / "alive")
        held = os.open(run.directory / "alive", os.O_RDWR)
        config.add_cleanup(lambda: run._end(held))
        return run

    def _end(self, held: int) -> None:
        servers = [_read(file) for file in self.directory.glob("server-*")]
        for cluster in (Cluster(server.url) for server in servers if server.guard is None):
            for name in cluster.databases(self.name):
                cluster.drop_database(name)
        with following([server.guard for server in servers if server.guard is not None]):
            os.close(held)
        shutil.rmtree(self.directory)


def _read(file: Path) -> Shared:
    return Shared(*json.loads(file.read_text()))


class Node(Protocol):
    """The side of pytest-xdist's worker on which the run is led."""

    config: pytest.Config
    workerinput: dict[str, object]


RUN = pytest.StashKey[Run]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin a run, or take part in the one that started this process."""
    given = getattr(config, "workerinput", None)
    config.stash[RUN] = Run.lead(config) if given is None else Run(Path(given["postgres_run"]))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Node) -> None:
    """Tell a process of pytest-xdist which run it belongs to."""
    node.workerinput["postgres_run"] = str(node.config.stash[RUN].directory)


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Cluster:
    """The server of this run, which starts when a test first wants it."""
    return pytestconfig.stash[RUN].cluster()


@pytest.fixture
def postgres_url(postgres: Cluster, pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of a database of the test's own, which begins as the template; dropped at the end."""
    with pytestconfig.stash[RUN].database(postgres) as url:
        yield url


@pytest.fixture
def empty_postgres_url(postgres: Cluster, pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of a database in which there is nothing yet; dropped at the end."""
    with pytestconfig.stash[RUN].database(postgres, empty=True) as url:
        yield url


@pytest.fixture(scope="module")
def postgres_url_of_module(postgres: Cluster, pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of a database as of `postgres_url`, shared by the tests of a module."""
    with pytestconfig.stash[RUN].database(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def older_postgres(pytestconfig: pytest.Config) -> Cluster:
    """The server of the oldest version, of this run, which starts when a test first wants it."""
    return pytestconfig.stash[RUN].cluster(older())


@pytest.fixture
def older_postgres_url(older_postgres: Cluster, pytestconfig: pytest.Config) -> Iterator[str]:
    """The same as `postgres_url`, on the server of the oldest version."""
    with pytestconfig.stash[RUN].database(older_postgres) as url:
        yield url

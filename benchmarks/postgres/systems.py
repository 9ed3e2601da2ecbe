"""Owns the systems that are measured: how each is called, and the processes that do it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from peers import Peers
    from server import Server

DEADLINE = 300
"""Seconds that one verb of a driver may take."""

STOPPING = 20
"""Seconds within which workers have to end when they are told to."""

DRIVERS = Path(__file__).parent / "drivers"

FLOOR = "floor"

FOREIGN = ("QUEUECTL_", "PYTHON", "PG", "NODE_")
"""What would change a system or its interpreter, when it is set where the benchmark is run."""


class Broken(Exception):
    """A system did not do what it was asked for."""


class System(NamedTuple):
    """A system, and how to call its driver."""

    name: str
    words: tuple[str, ...]
    environ: Mapping[str, str]
    one_core: bool
    """Whether a process of it uses one core whatever it runs at a time; it then gets a process for each core.

    Node.js starts processes in its one thread, Python holds its lock meanwhile: with a process for each of two cores
    all three peers drained about 1.3 times as fast as with one of twice the concurrency.
    """


class Trial(NamedTuple):
    """A system with an empty database and an empty directory."""

    system: System
    directory: Path
    environ: Mapping[str, str]

    def ask(self, verb: str, *words: object) -> float:
        """Return what a verb of the driver answers.

        Raises:
            Broken: it failed.
        """
        command = [*self.system.words, verb, *map(str, words)]
        try:
            done = subprocess.run(
                command,
                env=self.environ,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=DEADLINE,
                check=True,
            )
            return float(done.stdout or "nan")
        except subprocess.CalledProcessError as error:
            raise Broken(f"{verb} exited {error.returncode}: {error.stderr.strip()[-2000:]}") from None
        except subprocess.TimeoutExpired:
            raise Broken(f"{verb} took more than {DEADLINE} s") from None

    @contextmanager
    def workers(self, count: int) -> Iterator[None]:
        """Keep workers that run so many jobs at a time.

        Raises:
            Broken: they ended before they were told to.
        """
        log = self.directory / "workers.log"
        processes = min(count, os.cpu_count() or 1) if self.system.one_core else 1
        shares = [count // processes + (number < count % processes) for number in range(processes)]
        with ExitStack() as stack, open(log, "ab") as file:
            running = [stack.enter_context(self._worker(share, file)) for share in shares]
            yield
            if any(process.poll() is not None for process in running):
                raise Broken(f"workers ended: {log.read_text(encoding='utf-8', errors='replace').strip()[-2000:]}")

    @contextmanager
    def _worker(self, count: int, log: BinaryIO) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [*self.system.words, "work", str(count)],
            env=self.environ,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # the leader of a session of its own
                process.wait()


@contextmanager
def trial(system: System, server: Server) -> Iterator[Trial]:
    """Give a system an empty database and an empty directory, prepared, and remove them."""
    with server.database() as url, tempfile.TemporaryDirectory(prefix="queuectl-bench-") as name:
        environ = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        environ |= {**system.environ, "BENCH_DATABASE": url, "BENCH_DIRECTORY": name}
        run = Trial(system, Path(name), environ)
        run.ask("prepare")
        yield run


def systems(peers: Peers) -> dict[str, System]:
    """Return the systems by name, the floor first."""

    def python(name: str, interpreter: str, driver: str) -> System:
        # queuectl has a process for each of its workers by itself.
        return System(name, (interpreter, str(DRIVERS / driver)), {}, one_core=name != "queuectl")

    def node(name: str, driver: str) -> System:
        return System(name, (peers.node, str(DRIVERS / driver)), {"BENCH_NODE_MODULES": peers.modules}, one_core=True)

    every = (
        python(FLOOR, peers.python, "drive_raw.py"),
        python("queuectl", sys.executable, "drive_queuectl.py"),
        python("procrastinate", peers.python, "drive_procrastinate.py"),
        node("graphile-worker", "drive_graphile.mjs"),
        node("pg-boss", "drive_pgboss.mjs"),
    )
    return {system.name: system for system in every}

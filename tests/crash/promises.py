"""What users of real programs ask of a queue and are told, recorded together with all that reaches the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from queuectl.job import FINISHED, State
from tests.crash.recorder import Log, Step, startup_code
from tests.support.children import ROOT
from tests.support.processes import RealQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from queuectl.job import Job
    from queuectl.store.sqlite.engine import SqliteStore
    from tests.crash.recorder import Weakness

    Kept = Callable[[SqliteStore], bool]
    """Whether a store keeps a promise."""


class Promise(NamedTuple):
    """What a user was told, and how to see whether it holds."""

    text: str
    kept: Kept
    voids: tuple[str, ...]
    """Promises that hold only until this one is asked for."""


class Recording(NamedTuple):
    """What programs did to a disk, and what they promised meanwhile."""

    disk: str
    home: str
    steps: list[Step]
    promises: dict[str, Promise]

    @property
    def wal(self) -> str:
        """Where SQLite's log is."""
        return f"{self.home}/queue.db-wal"


class Session:
    """A user of the real program, whose every step is recorded."""

    def __init__(self, directory: Path, weakness: Weakness | None = None) -> None:
        directory = directory.resolve()
        self._disk = directory / "disk"
        self._disk.mkdir()
        startup = directory / "startup"
        startup.mkdir()
        log = directory / "steps"
        (startup / "sitecustomize.py").write_text(startup_code(log, self._disk, weakness), encoding="utf-8")
        self._log = Log(str(log))
        self._promises: dict[str, Promise] = {}
        # Below a directory that is not there yet: its name has to reach the disk as well.
        self.queue = RealQueue(directory, "disk/data/queue", PYTHONPATH=f"{startup}:{ROOT}")

    def do(self, *argv: str, kept: Kept, voids: Iterable[str] = (), code: int = 0, stdin: str = "") -> str:
        """Run `queuectl` and note what its exit code promises; return the name of the promise."""
        name = f"{len(self._promises)}: {' '.join(argv)}"
        self._promises[name] = Promise(name, kept, tuple(voids))
        self._log.add(Step("asked", name))
        result = self.queue.run(*argv, stdin=stdin)
        assert result.code == code, (argv, result)
        self._log.add(Step("told", name))
        return name

    def recording(self) -> Recording:
        """Return what has been recorded so far."""
        return Recording(str(self._disk), self.queue.home.path, list(self._log), self._promises)


# Promises


def enqueued(id: str, **fields: object) -> Kept:
    """The job is there, with what was asked for."""

    def kept(store: SqliteStore) -> bool:
        job = store.get(id)
        return job is not None and fields.items() <= {**job._asdict(), **job.policy._asdict()}.items()

    return kept


def job_is(id: str, test: Callable[[Job], object]) -> Kept:
    """The job is there, and so."""

    def kept(store: SqliteStore) -> bool:
        job = store.get(id)
        return job is not None and bool(test(job))

    return kept


def setting(key: str, value: str) -> Kept:
    """The setting has the value."""
    return lambda store: store.settings().get(key) == value


def finished(*ids: str, code: int = 0) -> Kept:
    """The jobs have ended, with that exit code."""

    def kept(store: SqliteStore) -> bool:
        jobs = [store.get(id) for id in ids]
        return all(job is not None and job.state in FINISHED and job.exit_code == code for job in jobs)

    return kept


# What is recorded


def use(session: Session) -> list[str]:
    """Ask a queue without workers for everything that a user can ask for; return the names of the promises."""
    do = session.do
    lines = "".join(f'{{"id":"bulk{n}","command":"true"}}\n' for n in range(5))
    promises = [
        do("config", "set", "default_max_retries", "5", kept=setting("default_max_retries", "5")),
        do(
            *("enqueue", "--id", "full", "-c", "exit 0", "--priority", "7", "--max-retries", "1", "--timeout", "30"),
            kept=enqueued("full", command="exit 0", priority=7, max_retries=1, timeout=30.0),
        ),
        do("enqueue", '{"id":"json","command":"true"}', kept=enqueued("json", command="true", max_retries=5)),
        do("enqueue", "--file", "-", stdin=lines, kept=lambda store: len(store.ids("bulk", 9)) == 5),
        do("enqueue", "--id", "argv", "--", "true", kept=enqueued("argv", argv=("true",))),
        do("enqueue", "--id", "late", "-c", "true", "--run-at", "+1d", kept=enqueued("late", command="true")),
        do("cancel", "bulk0", kept=job_is("bulk0", lambda job: job.state is State.CANCELLED)),
    ]
    cancelled = do("cancel", "bulk1", kept=job_is("bulk1", lambda job: job.state is State.CANCELLED))
    retried = job_is("bulk1", lambda job: job.state is not State.CANCELLED)
    return [*promises, do("retry", "bulk1", voids=[cancelled], kept=retried)]


def work(session: Session, number: int, jobs: int) -> list[str]:
    """Let workers run jobs while more come, one is cancelled as it runs, and a dead one is retried."""
    do, queue = session.do, session.queue
    ids = [f"job{number}-{n}" for n in range(jobs)]
    runs, dies = f"runs{number}", f"dies{number}"
    queue.start(count=2)
    promises = [do("enqueue", "--id", id, "-c", "true", kept=enqueued(id, command="true")) for id in ids]
    promises.append(do("enqueue", "--id", runs, "-c", f"echo >>{runs}; exec sleep 600", kept=enqueued(runs)))
    promises.append(do("enqueue", "--id", dies, "-c", "exit 3", "--max-retries", "0", kept=enqueued(dies)))
    waited = do("wait", dies, code=3, kept=finished(dies, code=3))
    retried = job_is(dies, lambda job: job.attempt > 1 or job.state is not State.DEAD)
    promises.append(do("dlq", "retry", dies, voids=[waited], kept=retried))
    queue.wait_for_lines(runs)
    cancelled = job_is(runs, lambda job: job.cancel_requested_at or job.state is State.CANCELLED)
    promises.append(do("cancel", runs, kept=cancelled))
    promises.append(do("wait", *ids, kept=finished(*ids)))
    promises.append(do("worker", "stop", kept=finished(*ids)))
    return promises


def use_and_work(session: Session, rounds: int = 1, jobs: int = 4) -> None:
    """Do all of it, and forget all jobs after each round."""
    promises = use(session)
    for number in range(rounds):
        promises += work(session, number, jobs)
        clear = session.do("clear", voids=promises, kept=lambda store: store.get("full") is None)
        promises = [clear]


def record(
    directory: Path, use: Callable[[Session], object] = use_and_work, weakness: Weakness | None = None
) -> Recording:
    """Record in an empty directory what is done with a queue."""
    session = Session(directory, weakness)
    try:
        use(session)
        return session.recording()
    finally:
        session.queue.close()

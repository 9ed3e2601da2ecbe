"""Owns the port to the database: what the rest of queuectl may ask of a store.

The docstrings are the contract; `tests/store` proves it for every engine. Each method is one transaction,
or one read of a consistent state, unless it says otherwise. `now=None` is the store's own clock; only tests
pass a value. A method that cannot reach or lock the database raises `StoreUnavailable` (`StoreBusy` when
waiting may help) and has changed nothing.
"""

from __future__ import annotations

from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import Protocol

    from queuectl.job import Attempt, Ended, Job, NewJob, State
    from queuectl.lifecycle import Loss
else:
    Protocol = object


class Identity(Record):
    """Which process a worker is, so that nobody takes another one for it."""

    worker: str
    """Random, 32 hexadecimal digits; names the worker's lock file."""
    pid: int
    started: int
    """Start time of the process in clock ticks since boot (proc(5), stat, field 22)."""
    boot: str
    """Random id of this boot of the machine."""
    home: str
    """Random id kept in the home directory: tells machines apart that share a store."""
    version: str


class Running(Record):
    """A job in the hands of a worker."""

    job: Job
    identity: Identity | None
    """None when the worker never registered or its row is gone."""
    stopping_at: datetime | None
    """When the worker began to stop; a loss after that counts as nothing."""


class Durations(Record):
    """How long runs took. Percentiles come from a logarithmic histogram, at most 5 % off."""

    runs: int
    mean: float
    shortest: float
    longest: float
    p50: float
    p95: float
    p99: float


class Metrics(Record):
    """Exact counts of jobs, and durations of completed runs, of all queues and of each."""

    counts: Mapping[State, int]
    """Every state is a key."""
    completed: Durations | None
    """None when nothing has completed since the last clear, within `keep_completed`."""
    queues: Mapping[str, tuple[Mapping[State, int], Durations | None]]


class Store(Protocol):
    """One queue, kept by one engine."""

    # Jobs in

    def enqueue(self, jobs: Iterable[NewJob], now: datetime | None = None) -> Collection[str]:
        """Add jobs, all or none, and return their ids in order; they are on disk when this returns.

        The ids of many jobs are read when they are asked for, until the next call that adds many.
        A job whose `run_at` is not in the future may run at once. Memory use does not grow with the number
        of jobs, and the write lock is held only for the final insert.

        Raises:
            Conflict: an id is taken, or comes twice.
        """

    # A worker's side

    def register(self, identity: Identity, now: datetime | None = None) -> None:
        """Make a worker known, before its first claim. Once more changes nothing."""

    def deregister(self, worker: str) -> None:
        """Forget a worker that holds no job; one that holds a job is kept until it is rescued."""

    def mark_stopping(self, worker: str, now: datetime | None = None) -> None:
        """Record, on disk when this returns, that a worker stops on request: its loss counts as nothing."""

    def claim(self, worker: str, cookie: str, now: datetime | None = None) -> Job | None:
        """Promote due jobs, then give the best ready one to `worker`; None when there is none.

        The attempt's number grows by one. Not on disk at once: see `flush`.
        """

    def finish(self, job: Job, ended: Ended, now: datetime | None = None, *, share: float = 0.0) -> Job | None:
        """Record the end of a run and move its job on; return the job as it is now.

        Fenced by (seq, attempt): None, and nothing is changed, when the job is not that worker's run any more.
        Not on disk at once: see `flush`.
        """

    def finish_and_claim(
        self, job: Job, ended: Ended, cookie: str, now: datetime | None = None, *, share: float = 0.0
    ) -> tuple[Job | None, Job | None]:
        """`finish`, then `claim` for the same worker, in one transaction."""

    def flush(self, *, everyone: bool = False) -> bool:
        """Put every commit of this process so far on disk; return whether there was one that was not.

        `everyone` puts the commits of all processes there; this one cannot know of theirs, and returns True.
        """

    @property
    def unflushed_since(self) -> float | None:
        """Monotonic time of this process's oldest commit that may not be on disk; None when all are."""

    def cancel_requested(self, job: Job) -> bool:
        """Return whether this run of the job has been asked to end."""

    def next_due_at(self) -> datetime | None:
        """Return when the next waiting job becomes due (perhaps in the past); None when none waits for a time."""

    def in_place(self) -> bool:
        """Return whether what this store was opened on is still there: a file may be deleted, or a backup restored."""

    def changed(self) -> bool:
        """Return whether another process has committed something since the last call. The first call: True."""

    def unfinished(self, now: datetime | None = None) -> bool:
        """Return whether a job is running, is ready or due, or backs off: what `--drain` waits for."""

    # Rescue

    def identities(self) -> Sequence[Identity]:
        """Return every worker that is registered."""

    def running(self) -> Sequence[Running]:
        """Return every job in the hands of a worker, oldest claim first."""

    def rescue(self, job: Job, loss: Loss, now: datetime | None = None) -> Job | None:
        """Take a job from a worker that is gone, and return it as it is now; fenced as `finish` is.

        The attempt is recorded as lost (given back when `loss` is STOPPED). Not on disk at once: see `flush`.
        """

    # Requests of a user

    def get(self, id: str) -> Job | None:
        """Return the job of that id."""

    def attempts(self, seq: int) -> Sequence[Attempt]:
        """Return the finished runs of a job, oldest first."""

    def list(
        self, state: State | None = None, *, scheduled: bool = False, limit: int = 0, now: datetime | None = None
    ) -> Iterator[Job]:
        """Yield jobs, at most `limit` (0: all).

        All and processing: newest first. Completed, dead, cancelled: last finished first. Pending, failed,
        blocked: in the order in which they will run. `scheduled` narrows pending to jobs of the future.
        The iterator holds no lock and no transaction between two items for longer than a page of rows takes.
        """

    def ids(self, prefix: str, limit: int) -> Sequence[str]:
        """Return ids that start with `prefix`, the last by their letters first: of generated ids, the newest."""

    def cancel(self, id: str, now: datetime | None = None) -> Job:
        """Cancel a waiting job, or durably ask for the end of a running one; return the job as it is now.

        A job that is cancelled already stays as it is.

        Raises:
            NotFound: no job of that id.
            Conflict: it has already completed or died.
        """

    def retry(self, id: str, now: datetime | None = None) -> Job:
        """Let a finished job run again, or a failed one run now; return the job as it is now.

        Raises:
            NotFound: no job of that id.
            Conflict: it is running, or has yet to run.
        """

    def clear(self) -> Iterator[Sequence[int]]:
        """Forget every job that is not running, and the durations; yield the seqs that went, batch by batch.

        One transaction a batch; the jobs enqueued after the call began stay. Runs as far as it is iterated.
        """

    def prune(self, state: State, before: datetime, limit: int) -> Sequence[int]:
        """Forget at most `limit` jobs that came to this final state before an instant; return their seqs.

        Durations of the hours before it go with the completed ones.
        """

    def sum_up_durations(self, before: datetime) -> None:
        """Keep the durations of whole hours before an instant by the hour instead of by the minute.

        So what `metrics` reads does not grow with the minutes of `keep_completed`.
        """

    # What there is

    def counts(self) -> Mapping[str, Mapping[State, int]]:
        """Return how many jobs are in each state, by queue; every state is a key. As cheap at any number of jobs."""

    def metrics(self) -> Metrics:
        """Return counts and durations, at a cost that does not depend on the number of jobs."""

    def oldest_waiting(self) -> Job | None:
        """Return the ready job that was enqueued first."""

    def last_failures(self, limit: int) -> Sequence[Job]:
        """Return the failed and dead jobs whose last runs ended last, the last first."""

    def settings(self) -> dict[str, str]:
        """Return the configuration values that are set, by key."""

    def set_setting(self, key: str, value: str) -> None:
        """Set a configuration value; every worker has it within a second."""

    def close(self) -> None:
        """Let go of the database. The store is not used again."""

"""Owns the port to the database: what the rest of queuectl may ask of a store.

The docstrings are the contract; `tests/store` proves it for every engine. Each method is one transaction,
or one read of a consistent state, unless it says otherwise. `now=None` is the store's own clock; only tests
pass a value. A method that cannot reach or lock the database raises `StoreUnavailable` (`StoreBusy` when
waiting may help) and has changed nothing.
"""

from __future__ import annotations

from enum import Flag, StrEnum, auto

from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import Protocol

    from queuectl.job import Attempt, Dependency, Ended, Job, LogPart, NewJob, State
    from queuectl.lifecycle import Loss
    from queuectl.rules import Limits, NewPause, Rule
    from queuectl.selection import Selection
    from queuectl.store.schedules import Schedules
    from queuectl.store.transfers import Gate
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
    host: str
    """Name of the machine, for people."""
    version: str


class Running(Record):
    """A job in the hands of a worker."""

    job: Job
    identity: Identity | None
    """None when the worker never registered or its row is gone."""
    stopping_at: datetime | None
    """When the worker began to stop; a loss after that counts as nothing."""


class Registered(Record):
    """A worker, as the store knows it."""

    identity: Identity
    age: float
    """Seconds since it was registered."""
    stopping: bool
    """Whether it claims no more because a stop was asked for."""
    job: str | None
    """Id of the job that it runs."""
    after_stop: int
    """Number of the last request to stop that was made before its supervisor was started."""
    queues: str | None
    """Those that it serves, as they were named; None: all."""
    lease_left: float
    """Seconds for which its lease lasts, unless it is renewed."""


LEASE_ENDS_AFTER = 3 / 4
"""Share of a lease after which its holder is ended, long before others may take its job."""


class Lease(Record):
    """What a worker is told when it renews its lease."""

    kept: bool
    """False: the lease was over, and this worker's job has been given to others."""
    stop: bool = False
    """Whether its host was asked to stop since its supervisor was started."""
    stop_now: bool = False
    """Whether the running job is not to be waited for."""
    log_wanted: float = 0.0
    """Seconds for which somebody wants to read, elsewhere, what the running job prints."""


class What(StrEnum):
    """What can be asked of a run any number of times."""

    SIGNAL = "signal"
    """Send a signal, `value`, to its processes."""
    CANCEL = "cancel"
    """End it, with a grace of `value` seconds."""


class Request(Record):
    """Something that a user asks of a run, once."""

    number: int
    what: What
    value: float


class Asked(Record):
    """What users ask of a run now."""

    cancel: bool
    paused: bool
    told_paused: bool
    """Whether the store has been told that the run is paused."""
    requests: Sequence[Request]
    """Those that nobody has said to be carried out, oldest first."""


class Call(Flag):
    """Why a worker is woken."""

    WORK = auto()
    """A job may be ready."""
    LOOK = auto()
    """Something may be asked of it, or of its job."""


class Bell(Protocol):
    """What wakes one worker. Never needed for correctness: who misses a call looks by itself."""

    @property
    def deaf(self) -> bool:
        """Whether no call comes through, so that the worker has to look often."""

    @property
    def heard(self) -> bool:
        """Whether a call has come that makes no descriptor readable any more: with the answer to a statement."""

    def descriptors(self, *, idle: bool) -> Collection[int]:
        """Return what to watch now; another collection than the last time when something has changed."""

    def answer(self, descriptor: int) -> Call:
        """Take the calls that made a descriptor readable, and return why they came; nothing when others were faster."""


class Durations(Record):
    """How long runs took. Percentiles come from a logarithmic histogram, at most 5 % off."""

    runs: int
    mean: float
    shortest: float
    longest: float
    p50: float
    p95: float
    p99: float


class Upkeep(Record):
    """What keeps a server from cleaning up after the jobs that have run, and how much that is."""

    dead_rows: int
    """Rows of the table of unfinished jobs that are to be cleaned away, as the server estimates them."""
    oldest_transaction: float
    """Seconds for which the oldest transaction that keeps them has been open; 0.0 when there is none."""


class Metrics(Record):
    """Exact counts of jobs, and durations of completed runs, of all queues and of each."""

    counts: Mapping[State, int]
    """Every state is a key."""
    completed: Durations | None
    """None when nothing has completed since the last clear, within `keep_completed`."""
    queues: Mapping[str, tuple[Mapping[State, int], Durations | None]]
    upkeep: Upkeep | None = None
    """None where the engine cleans up as it goes."""


class Store(Protocol):
    """One queue, kept by one engine."""

    @property
    def id(self) -> str | None:
        """Random id of a queue that machines share; None where a home has its own."""

    # Jobs in

    def enqueue(self, jobs: Iterable[NewJob], now: datetime | None = None) -> Collection[str]:
        """Add jobs, all or none, and return their ids in order; they are on disk when this returns.

        The ids of many jobs are read when they are asked for, until the next call that adds many.
        A job whose `run_at` is not in the future may run at once; one in seconds counts from the insert. Memory use
        does not grow with the number of jobs, and the write lock is held only for the final insert.

        Raises:
            Conflict: an id is taken, or comes twice.
        """

    # A worker's side

    leased: bool
    """Whether workers hold leases, because machines share this store; where they do not, the kernel's locks suffice."""

    def last_stop(self) -> int:
        """Return the number of the last request to stop: who is started after this is concerned by later ones alone."""

    def register(
        self,
        identity: Identity,
        lease: float,
        now: datetime | None = None,
        *,
        after_stop: int = 0,
        queues: str | None = None,
    ) -> None:
        """Make a worker known, before its first claim, with a lease of so many seconds, and the queues that it serves.

        `after_stop` is what `last_stop` returned before its supervisor was started. Once more, because the answer was
        lost, begins the lease anew.
        """

    def renew(self, worker: str, lease: float, now: datetime | None = None) -> Lease:
        """Let the lease of a worker last `lease` seconds from now on, and hear what is asked of it.

        A lease that is over is renewed all the same until `rescue_expired` has taken it.
        """

    def deregister(self, worker: str) -> None:
        """Forget a worker that holds no job; one that holds a job is kept until it is rescued."""

    def mark_stopping(self, worker: str, now: datetime | None = None) -> None:
        """Record, on disk when this returns, that a worker stops on request: its loss counts as nothing."""

    def claim(
        self, worker: str, cookie: str, now: datetime | None = None, queues: Sequence[str] | None = None
    ) -> Job | None:
        """Promote due jobs, then give the best ready one that may start to `worker`; None when there is none.

        What is set for its queue (`limit_queue`, `pause_queue`) and the limit of its key keep a job from starting;
        others overtake it. It is held then: due, and not ready.

        None also when the host of the worker that this store has registered was asked to stop, even if the worker has
        not heard of it.
        With `queues`, only of these; the first of them that has one that may start gives it.
        The attempt's number grows by one. Not on disk at once: see `flush`.
        """

    def finish(self, job: Job, ended: Ended, now: datetime | None = None, *, share: float = 0.0) -> Job | None:
        """Record the end of a run and move its job on; return the job as it is now.

        Fenced by (seq, attempt): None, and nothing is changed, when the job is not that worker's run any more.
        Not on disk at once: see `flush`. The end of the log is kept where machines share the store.
        """

    def finish_and_claim(  # noqa: PLR0913  what ends a run, and what the next claim may take
        self,
        job: Job,
        ended: Ended,
        cookie: str,
        now: datetime | None = None,
        *,
        share: float = 0.0,
        queues: Sequence[str] | None = None,
    ) -> tuple[Job | None, Job | None]:
        """`finish`, then `claim` for the same worker, in one transaction."""

    def flush(self, *, everyone: bool = False) -> bool:
        """Put every commit of this process so far on disk; return whether there was one that was not.

        `everyone` puts the commits of all processes there; this one cannot know of theirs, and returns True.
        """

    @property
    def unflushed_since(self) -> float | None:
        """Monotonic time of this process's oldest commit that may not be on disk; None when all are."""

    def requests(self, job: Job) -> Asked | None:
        """Return what is asked of this run of the job; None when it is not its worker's any more."""

    def carried_out(self, requests: Collection[int]) -> None:
        """Forget requests, by their numbers: they have been carried out.

        By numbers and not up to one, since a smaller number may be committed after a larger one.
        """

    def tell_paused(self, job: Job, *, paused: bool) -> None:
        """Tell that every process of a run is stopped, as was asked for, or is not any more; fenced as `finish` is."""

    def send_log(self, job: Job, part: LogPart) -> None:
        """Send a part of the log of a run to who reads it elsewhere. Where no machines share the store: nothing."""

    def bell(self, worker: str) -> Bell:
        """Return what wakes a worker."""

    def begin_idle(self, worker: str) -> bool:
        """Let others know that a worker is about to sleep; return whether it has to look for work once more before."""

    def next_due_at(self, now: datetime | None = None) -> datetime | None:
        """Return when, by this machine's clock, the next waiting job becomes due; None when none waits for a time.

        Held jobs count when it is a matter of time until they may start.
        The instant is in the past when jobs are due that nobody has promoted yet.
        """

    def in_place(self) -> bool:
        """Return whether what this store was opened on is still there: a file may be deleted, or a backup restored."""

    def changed(self) -> bool:
        """Return whether another process has committed something since the last call. The first call: True.

        Where that cannot be told cheaply: whether it is time to look.
        """

    def unfinished(self, now: datetime | None = None, queues: Sequence[str] | None = None) -> bool:
        """Return whether a job is running, is ready or due, or backs off: what `--drain` waits for.

        With `queues`, a job of one of these. What a paused queue holds does not count, as what is scheduled does not.
        """

    # Rescue

    def identities(self, near: Identity | None = None) -> Sequence[Identity]:
        """Return every worker that is registered; where machines share the store, only those `near` one.

        Near are the workers of one home in one boot: the kernel there can tell whether one of them lives. A copy of a
        machine has the home, but not the boot.
        """

    def running(self, near: Identity | None = None) -> Sequence[Running]:
        """Return every job in the hands of a worker, oldest claim first; `near` as in `identities`."""

    def rescue(self, job: Job, loss: Loss, now: datetime | None = None, *, log: LogPart | None = None) -> Job | None:
        """Take a job from a worker that is gone, and return it as it is now; fenced as `finish` is.

        The attempt is recorded as lost (given back when `loss` is STOPPED), with the end of its `log`. Not on disk at
        once: see `flush`.
        """

    def rescue_expired(self, now: datetime | None = None) -> Sequence[Job]:
        """Forget workers whose lease has been over for a quarter of its length; return the jobs taken from them.

        In the hands of no worker, too, a job is taken when it has been for that long. Without leases: none.
        """

    def workers(self) -> Sequence[Registered]:
        """Return the workers that are registered and whose lease is not over, oldest first."""

    # Requests of a user

    def request_stop(self, host: str, *, now: bool) -> int:
        """Ask the workers of a host to stop, `now` without waiting for their jobs; return the number of the request.

        It is for all whose supervisors were started before it, be they registered or cut off: they claim nothing more,
        and hear of it when they renew their lease. Without leases nobody does.
        """

    def wake_idle(self, jobs: int = 1) -> None:
        """Wake at most as many idle workers as there are new jobs. Call it after they are committed.

        Where workers serve some queues only, all are woken: who serves those of the jobs is among them.
        """

    def wake_worker(self, worker: str) -> None:
        """Let a worker look whether something is asked of it, or of its job."""

    def want_log(self, worker: str, seconds: float) -> None:
        """Say that for so long somebody wants to read what a worker's job prints. It hears of that when it is woken."""

    def log_parts(self, seq: int, attempt: int, after: int, *, ended: bool) -> Sequence[LogPart]:
        """Return the parts of a log that the store has and that end after so many bytes of output, by their ends.

        What was sent while the job ran; of a run that has ended the end of its log as well. Parts may overlap.
        """

    def get(self, id: str) -> Job | None:
        """Return the job of that id."""

    def attempts(self, seq: int) -> Sequence[Attempt]:
        """Return the finished runs of a job, oldest first."""

    def parents(self, job: Job) -> Sequence[Dependency]:
        """Return what a job waits for, or has waited for."""

    def batches(self, name: str | None = None) -> Mapping[str, Mapping[State, int]]:
        """Return how many jobs of each batch are in each state, by its name, or of the one that is named.

        Every state is a key. What waits for a batch is none of its jobs.
        """

    def batch_callbacks(self, name: str) -> Sequence[Job]:
        """Return the jobs that wait for a batch, or have run at its end."""

    def list(
        self, state: State | None = None, *, scheduled: bool = False, limit: int = 0, now: datetime | None = None
    ) -> Iterator[Job]:
        """Yield jobs, at most `limit` (0: all).

        All and processing: newest first. Completed, dead, cancelled: last finished first. Pending, failed,
        blocked: in the order in which they will run. `scheduled` narrows pending to jobs of the future.
        The iterator holds no lock and no transaction between two items for longer than a page of rows takes.
        """

    def select(self, selection: Selection, *, limit: int = 0, now: datetime | None = None) -> Iterator[Job]:
        """Yield the jobs of a selection, at most `limit` (0: all).

        Those of one state in the order of `list`, else newest first; read page by page as there.
        """

    def matching(
        self, selection: Selection, states: Collection[State], now: datetime | None = None
    ) -> Mapping[State, Sequence[int]]:
        """Return the numbers of those jobs of a selection that are in one of some states, by state, 8 bytes each.

        All as they are in one moment. Each of the states that the selection takes is a key, also without a job.
        """

    def named(self, ids: Collection[str], states: Collection[State]) -> Mapping[State, Sequence[int]]:
        """Return the numbers of those jobs of some ids that are in one of some states, as `matching` does."""

    def jobs(self, seqs: Sequence[int]) -> Iterator[Job]:
        """Yield the jobs of some numbers, in that order, each as it is when its page is read.

        Those that are gone are left out.
        """

    def ids(self, prefix: str, limit: int) -> Sequence[str]:
        """Return ids that start with `prefix`, the last by their letters first: of generated ids, the newest."""

    def cancel(self, id: str, now: datetime | None = None, *, grace: float | None = None) -> Job:
        """Cancel a waiting job, or durably ask for the end of a running one; return the job as it is now.

        `grace` is the seconds between TERM and KILL for a running one, instead of the configured ones; of several
        requests that with the earliest end counts. A job that is cancelled already stays as it is.

        Raises:
            NotFound: no job of that id.
            Conflict: it has already completed or died.
        """

    def pause(self, id: str, now: datetime | None = None) -> Job:
        """Keep a waiting job from starting, or durably ask for a running one to be stopped; return it as it is now.

        It is held until it is resumed: also when its run ends and it has to run again. A job that is paused already
        stays as it is.

        Raises:
            NotFound: no job of that id.
            Conflict: it is finished, or is being cancelled.
        """

    def resume(self, id: str, now: datetime | None = None) -> Job:
        """Let a paused job go on, or start when it is due; return the job as it is now.

        A job that is not paused stays as it is.

        Raises:
            NotFound: no job of that id.
            Conflict: it is finished.
        """

    def signal(self, id: str, signal: int, now: datetime | None = None) -> Job:
        """Durably ask for a signal to the processes of a running job; return the job.

        Raises:
            NotFound: no job of that id.
            Conflict: it is not running.
        """

    def retry(self, id: str, now: datetime | None = None) -> Job:
        """Let a finished job run again, or a failed one run now; return the job as it is now.

        A failed one that is paused is due now, but stays paused.

        Raises:
            NotFound: no job of that id.
            Conflict: it is running, or has yet to run.
        """

    def cancel_all(
        self, chosen: Mapping[State, Sequence[int]], now: datetime | None = None, *, grace: float | None = None
    ) -> Iterator[Sequence[Job]]:
        """`cancel` many jobs, given as `matching` returns them; yield those that were, as they are now, by batches.

        Each batch is a transaction that is on disk when its jobs are yielded. A job that is in none of the states by
        now is passed over. Runs as far as it is iterated.
        """

    def retry_all(self, chosen: Mapping[State, Sequence[int]], now: datetime | None = None) -> Iterator[Sequence[Job]]:
        """`retry` many jobs; see `cancel_all`."""

    def pause_all(self, chosen: Mapping[State, Sequence[int]], now: datetime | None = None) -> Iterator[Sequence[Job]]:
        """`pause` many jobs; see `cancel_all`."""

    def resume_all(self, chosen: Mapping[State, Sequence[int]], now: datetime | None = None) -> Iterator[Sequence[Job]]:
        """`resume` many jobs; see `cancel_all`."""

    def clear(self) -> Iterator[Sequence[int]]:
        """Forget every job that is not running, and the durations; yield the seqs that went, batch by batch.

        One transaction a batch; the jobs enqueued after the call began stay. Runs as far as it is iterated.
        """

    def prune(self, state: State, age: float, limit: int, now: datetime | None = None) -> Sequence[int]:
        """Forget at most `limit` jobs that came to this final state more than `age` seconds ago; return their seqs.

        Durations of the hours before that instant go with the completed ones. An engine that keeps finished jobs by
        the day may keep those of the instant's day until that day is over, and then drops them without their seqs.
        """

    def forgotten(self, seqs: Collection[int]) -> Collection[int]:
        """Return those of some numbers that belong to no job any more."""

    def begin_round(self, every: float, now: datetime | None = None) -> bool:
        """Return whether it is this process's turn to look after the store: of machines that share it, one's each time.

        `every` is the seconds between two rounds of all of them together.
        """

    def upkeep(self, minutes_kept: float, now: datetime | None = None) -> None:
        """Keep small what others read; call it in each round, about once a minute.

        Durations of whole hours that ended more than `minutes_kept` seconds ago are kept by the hour from then on, so
        that what `metrics` reads does not grow with the minutes of `keep_completed`.
        """

    # What there is

    def now(self) -> datetime:
        """Return what time it is by the store's own clock."""

    def counts(self) -> Mapping[str, Mapping[State, int]]:
        """Return how many jobs are in each state, by queue; every state is a key. As cheap at any number of jobs."""

    def metrics(self) -> Metrics:
        """Return counts and durations, at a cost that does not depend on the number of jobs."""

    def paused(self, limit: int) -> Sequence[Job]:
        """Return jobs that are paused, those of the highest priority first; running ones once they are stopped."""

    def oldest_waiting(self) -> Job | None:
        """Return the ready job that was enqueued first."""

    def last_failures(self, limit: int) -> Sequence[Job]:
        """Return the failed and dead jobs whose last runs ended last, the last first."""

    # What holds for queues

    def rules(self, now: datetime | None = None) -> Sequence[Rule]:
        """Return what is set for queues, in the order of their names."""

    def limit_queue(self, queue: str, limits: Limits, now: datetime | None = None) -> None:
        """Set limits of a queue, for every claim that begins after this.

        No more of its jobs run at once than `concurrency`, over all workers, and no more start within any period of
        `rate` than its number. Starts from before there was a rate do not count.
        """

    def pause_queue(self, queue: str, pause: NewPause, now: datetime | None = None) -> None:
        """Let no job of a queue start; those that run go on. A pause that is in force is replaced."""

    def resume_queue(self, queue: str, now: datetime | None = None) -> bool:
        """End the pause of a queue; False when it has none."""

    def forget_rule(self, queue: str, now: datetime | None = None) -> bool:
        """Forget the limits and the pause of a queue; False when nothing is set for it."""

    def settings(self) -> dict[str, str]:
        """Return the configuration values that are set, by key."""

    def set_setting(self, key: str, value: str) -> None:
        """Set a configuration value; every worker has it within a second."""

    def next_tick_at(self, now: datetime | None = None) -> datetime | None:
        """Return when, by this machine's clock, the next schedule ticks; None when none does."""

    def schedules(self) -> Schedules:
        """Return what becomes a job at its times; see there."""

    def gate(self) -> Gate:
        """Return where the whole queue leaves for another store, or comes in from one."""

    def close(self) -> None:
        """Let go of the database. The store is not used again."""

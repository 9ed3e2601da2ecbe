"""Owns the data of a job: where it is (`State`), how a run ended (`Outcome`, `Ended`), and the records.

Frozen data without behaviour. Must not know the store, a clock, a process or how anything is shown.
"""

from __future__ import annotations

from enum import StrEnum

from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class State(StrEnum):
    """Where a job is. `lifecycle.py` is the only module that moves a job from one to another."""

    PENDING = "pending"
    BLOCKED = "blocked"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"


WAITING = frozenset({State.PENDING, State.BLOCKED, State.FAILED})
"""States from which a job may still start a run."""

FINISHED = frozenset({State.COMPLETED, State.DEAD, State.CANCELLED})
"""States that only a manual retry leaves."""


class Outcome(StrEnum):
    """How one attempt ended."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    NOT_STARTED = "not_started"
    CANCELLED = "cancelled"
    GIVEN_BACK = "given_back"


class Policy(Record):
    """What was decided about a job's retries when it was enqueued; later configuration never changes it."""

    max_retries: int = 3
    timeout: float | None = None
    """Seconds one attempt may run; None is without end."""
    backoff_base: float = 2.0
    backoff_max: float = 3600.0
    """Seconds."""
    backoff_jitter: float = 0.0
    """Share of the delay, 0 to 1, up to which a random part is added."""
    max_crashes: int = 3


class Condition(StrEnum):
    """How a parent has to end for its child to run."""

    OK = "ok"
    """Completed."""
    FAIL = "fail"
    """Dead or cancelled."""
    ANY = "any"


class OnParentFailure(StrEnum):
    """What becomes of a child when a parent has ended otherwise than its child waits for."""

    CANCEL = "cancel"
    """It is cancelled, and comes back when the parent is retried."""
    RUN = "run"
    """It runs all the same."""
    WAIT = "wait"
    """It goes on waiting, for the parent to be retried."""


class Role(StrEnum):
    """When a job that waits for a batch runs."""

    THEN = "then"
    """When all jobs of the batch have completed."""
    CATCH = "catch"
    """When the first of them has died."""
    FINALLY = "finally"
    """When all of them have ended, however that was."""


class Parent(Record):
    """A job that another one waits for."""

    id: str
    condition: str = Condition.OK


class Flow(Record):
    """Which job runs when, and beside which: what its enqueuer has said about it. `NO_FLOW` for most."""

    tags: Mapping[str, str] = {}
    key: str | None = None
    """At most `key_limit` jobs of this key run at once; the others let those of other keys pass."""
    key_limit: int | None = None
    """None without a key."""
    batch: str | None = None
    """Name of the batch that it is of, or that it waits for when it has a `batch_role`."""
    batch_role: str | None = None
    """What it does for its batch when that has come to an end; None when it is one of its jobs."""
    array_index: int | None = None
    unique_key: str | None = None
    schedule: str | None = None
    """Name of the schedule that has made it."""
    tick: datetime | None = None
    """For which of the schedule's times."""
    on_parent_failure: str | None = None
    """None where it has no parents."""


NO_FLOW = Flow()


class NewJob(Record):
    """A job that is about to be enqueued. Exactly one of `command` (for sh) and `argv` is given."""

    id: str
    policy: Policy
    command: str | None = None
    argv: tuple[str, ...] | None = None
    queue: str = "default"
    priority: int = 0
    run_at: datetime | float | None = None
    """Not before this instant, or so many seconds after the store has taken the job in, by its own clock."""
    cwd: str = "/"
    umask: int = 0o022
    caller_env: Mapping[str, str] = {}
    """PATH, VIRTUAL_ENV, LANG, LC_* and TZ as the enqueuer had them."""
    env: Mapping[str, str] = {}
    secret_env: tuple[str, ...] = ()
    """Names whose values the worker takes from its own environment at the start of a run."""
    stdin: str | None = None
    """Absolute path of the file that becomes the command's standard input."""
    flow: Flow = NO_FLOW
    after: tuple[Parent, ...] = ()
    """What it waits for: jobs that are stored, or come before it in the same call."""


class Job(Record):
    """A stored job."""

    seq: int
    """The store's own number, never reused; with `attempt` it fences every write after a claim."""
    id: str
    state: State
    ready: bool
    """May run now. True only for pending and failed jobs that are due."""
    queue: str
    priority: int
    command: str | None
    argv: tuple[str, ...] | None
    policy: Policy
    cwd: str
    umask: int
    caller_env: Mapping[str, str]
    env: Mapping[str, str]
    secret_env: tuple[str, ...]
    stdin: str | None
    attempt: int
    """Number of the last run; 0 before the first. Grows with every claim, never goes back."""
    failures: int
    crashes: int
    interruptions: int
    created_at: datetime
    next_run_at: datetime | None
    started_at: datetime | None
    """Start of the last run."""
    finished_at: datetime | None
    """When the job became completed, dead or cancelled."""
    duration: float | None
    """Seconds the last finished run took."""
    outcome: Outcome | None
    exit_code: int | None
    signal: int | None
    last_error: str | None
    worker: str | None
    """Who runs it, or ran it last."""
    cookie: str | None
    """Mark of the run that goes on: 32 hexadecimal digits in its environment."""
    cancel_requested_at: datetime | None
    flow: Flow
    not_before: datetime | None
    """When a blocked job may run at the earliest."""
    held_by: str | None
    """What keeps it from being ready although it is due; None when nothing does."""
    paused_at: datetime | None
    followed: bool
    """Whether its end concerns others: jobs that wait for it, or its batch."""


class Attempt(Record):
    """One finished run of a job."""

    attempt: int
    worker: str
    started_at: datetime
    finished_at: datetime
    duration: float
    outcome: Outcome
    exit_code: int | None
    signal: int | None
    error: str | None


class Dependency(Record):
    """What a job waits for, or has waited for."""

    parent: str
    """Its id."""
    condition: Condition
    met: bool | None
    """None while the parent has not ended; False when it ended otherwise than the job waits for."""
    state: State | None
    """Of the parent; None when it is forgotten."""


class LogPart(Record):
    """A part of the log of one attempt, as it goes through a store that machines share."""

    end: int
    """Bytes of output up to its end, from the beginning of the attempt."""
    lines: bytes
    """Whole lines of the log, nothing missing between them; may be empty."""


class Ended(Record):
    """How a run ended, as its worker or its rescuer saw it."""

    outcome: Outcome
    exit_code: int | None = None
    signal: int | None = None
    error: str | None = None
    """One line, at most 1 KiB: the last line of stderr, or why the run did not start."""
    duration: float | None = None
    """Seconds on a monotonic clock; None (a rescue does not know) means until now by the store's clock."""
    log: LogPart | None = None
    """The end of what it has printed, kept where machines share the store; None when it has printed nothing."""

    @property
    def well(self) -> bool:
        """Whether the command ended by itself with exit code 0."""
        return self.outcome is Outcome.EXITED and self.exit_code == 0

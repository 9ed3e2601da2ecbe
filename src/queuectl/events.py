"""Owns what workers and supervisors tell about: one record for each thing that has happened.

An event names jobs, attempts, pids and reasons. It never carries a command line, output or a value of an environment.
Must not know who listens: whoever has something to tell is given an `Emit`.
"""

from __future__ import annotations

from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class WorkerStarted(Record):
    """A worker may claim."""

    worker: str


class WorkerStopping(Record):
    """A worker claims no more; `now` says whether its job is ended too."""

    worker: str
    now: bool


class WorkerStopped(Record):
    """A worker has ended in order."""

    worker: str
    reason: str
    """Why: a stop was asked for, its supervisor died, the queue is drained."""


class WorkerLost(Record):
    """A supervisor found a worker dead that nobody had stopped."""

    pid: int
    status: str
    """How it died: `exited 1`, `signalled 9`."""


class WorkerHung(Record):
    """A worker gave no sign of life and was killed."""

    pid: int
    seconds: int


class LeaseLost(Record):
    """A worker could not renew its lease in time and is ended, before others may take its job."""

    pid: int


class SupervisorStarted(Record):
    """A supervisor keeps this many workers alive."""

    workers: int


class SupervisorStopped(Record):
    """The last worker of a supervisor has ended."""


class HomeLost(Record):
    """The home of a supervisor was taken away or replaced: its workers end, and others may be started."""


class SupervisorGaveUp(Record):
    """Workers died so fast that starting more would help nobody."""

    deaths: int
    seconds: int


class JobFailed(Record):
    """An attempt ended badly; the job is retried, or dead."""

    id: str
    attempt: int
    outcome: str
    """How it ended, in words: `exited 1`, `signalled 9`, `not started`."""
    state: str
    retry_in: float | None
    """Seconds; None when there is no retry."""


class JobTimedOut(Record):
    """An attempt reached its time limit and is being ended."""

    id: str
    attempt: int
    after: float
    """Seconds."""


class JobDied(Record):
    """A job has no retries left, or was lost too often."""

    id: str
    reason: str


class JobCancelled(Record):
    """A running job ended because it was cancelled."""

    id: str
    attempt: int


class JobPaused(Record):
    """Every process of a running job was stopped, on request."""

    id: str
    attempt: int


class JobResumed(Record):
    """The processes of a paused job go on."""

    id: str
    attempt: int


class JobSignalled(Record):
    """A signal was sent to every process of a running job, on request."""

    id: str
    attempt: int
    signal: int


class JobGivenBack(Record):
    """A stop ended an attempt; the job waits again, and nothing was counted."""

    id: str
    attempt: int


class JobRescued(Record):
    """A job was taken from a worker that is gone."""

    id: str
    attempt: int
    loss: str | None
    """Why it had no worker any more; None when its command had ended and only the record was missing."""
    state: str


class MachineRefused(Record):
    """The machine could not start a process, whatever the command."""

    reason: str


class SettingRefused(Record):
    """A stored setting is one that this version does not take; the worker goes on with those of before."""

    reason: str


class TickMissed(Record):
    """A tick of a schedule made no job: it was seen too late, or the schedule means nothing here and is off."""

    schedule: str
    tick: str
    why: str
    """`missed`, with perhaps some ticks after it, or `refused`."""


class StoreLost(Record):
    """A worker can not write to the store and claims no more until it can."""

    reason: str


class PoolerFound(Record):
    """Workers reach the store through a pooler; told once by their supervisor."""

    meaning: str = "nothing can call workers through it: they look for work every second, for a cancel every half"
    advice: str = "start workers with the URL of the server itself"


class StoreBack(Record):
    """The store that was lost takes writes again."""


class LogLost(Record):
    """Output of a job could not be written to its log; the job runs on."""

    id: str
    attempt: int
    reason: str


class EventsDropped(Record):
    """So many events before this one found no room in a stream whose reader stood still."""

    number: int


if TYPE_CHECKING:
    Event = (
        WorkerStarted
        | WorkerStopping
        | WorkerStopped
        | WorkerLost
        | WorkerHung
        | LeaseLost
        | SupervisorStarted
        | SupervisorStopped
        | HomeLost
        | SupervisorGaveUp
        | JobFailed
        | JobTimedOut
        | JobDied
        | JobCancelled
        | JobPaused
        | JobResumed
        | JobSignalled
        | JobGivenBack
        | JobRescued
        | MachineRefused
        | SettingRefused
        | TickMissed
        | StoreLost
        | PoolerFound
        | StoreBack
        | LogLost
        | EventsDropped
    )
    Emit = Callable[[Event], None]

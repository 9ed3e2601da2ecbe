"""Owns every move of a job from state to state. Nothing else names a new state.

`MOVES` is the table of legal moves. One pure function for each says what is to be written; the store
carries it out with the guard (seq, attempt, state) in its WHERE clause. Instants are left to the store's
clock: a move says `delay`, seconds from the moment of writing.

Last of the five files that a job flows through: cli/enqueue.py, queue.py, worker/loop.py,
worker/runner.py, lifecycle.py.
"""

from __future__ import annotations

from enum import StrEnum

from queuectl.backoff import backoff
from queuectl.errors import Conflict
from queuectl.job import FINISHED, WAITING, Outcome, Role, State
from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.job import Ended, Job

MAX_INTERRUPTIONS = 20
"""Times that the machine may go down under a job before the job is dead."""

PAUSED = "paused"
"""What holds a job that a user has paused."""

MOVES: dict[str, tuple[frozenset[State | None], frozenset[State]]] = {
    "enqueue": (frozenset({None}), frozenset({State.PENDING, State.BLOCKED})),
    "release": (frozenset({State.BLOCKED}), frozenset({State.PENDING})),
    "drop": (frozenset({State.BLOCKED}), frozenset({State.CANCELLED})),
    "recall": (frozenset({State.CANCELLED}), frozenset({State.BLOCKED})),
    "claim": (frozenset({State.PENDING, State.FAILED}), frozenset({State.PROCESSING})),
    "finish": (
        frozenset({State.PROCESSING}),
        frozenset({State.COMPLETED, State.FAILED, State.DEAD, State.CANCELLED, State.PENDING}),
    ),
    "rescue": (frozenset({State.PROCESSING}), frozenset({State.PENDING, State.DEAD, State.CANCELLED})),
    "cancel": (WAITING, frozenset({State.CANCELLED})),
    "retry": (
        FINISHED | {State.FAILED},
        frozenset({State.PENDING, State.FAILED}),
    ),
}
"""Each move with the states it may start from (None: not stored yet) and those it may lead to."""


class Loss(StrEnum):
    """Why a claimed job has no worker any more; decides which counter grows."""

    STOPPED = "stopped"
    CRASHED = "crashed"
    REBOOTED = "rebooted"
    SILENT = "silent"
    """Of another machine, which let its lease run out: it went down, or is cut off."""


class Move(Record):
    """What is to be written into a job's row."""

    state: State
    delay: float | None
    """Seconds until the job may run; None when it is finished or processing."""
    failures: int = 0
    crashes: int = 0
    interruptions: int = 0
    reason: str | None = None
    """Why the job is dead, where the last line of stderr does not say it."""
    held_by: str | None = None
    """What keeps the job from being ready when it is due."""

    @property
    def ready(self) -> bool:
        """Whether the job may run at once."""
        return self.delay == 0.0 and self.held_by is None

    @property
    def finished(self) -> bool:
        """Whether the job is at the end of its life."""
        return self.state in FINISHED


class MoveAll(Record):
    """What is to be written into the rows of all jobs of one state that a user's request is about."""

    state: State
    delay: float | None
    """As of `Move`."""
    anew: bool = False
    """Whether their counters begin again at zero; otherwise they stay."""

    @property
    def finished(self) -> bool:
        """Whether the jobs are at the end of their lives."""
        return self.state in FINISHED


CANCELLABLE = WAITING | {State.PROCESSING}
"""States of jobs that can be cancelled, or asked to end."""

RETRIABLE = FINISHED | {State.FAILED}
"""States of jobs that can be given back to the queue."""


def enqueue(*, waits: bool = False) -> State:
    """Give a new job its first state; it `waits` for parents, or for its batch."""
    return State.BLOCKED if waits else State.PENDING


def release() -> State:
    """Let a job run whose parents, or whose batch, have ended as it has waited for."""
    return State.PENDING


def drop() -> State:
    """Take a job off the queue that will never run, since what it waits for has ended otherwise."""
    return State.CANCELLED


def recall() -> State:
    """Let a job that was dropped wait again, because what it waits for may end well after all."""
    return State.BLOCKED


class Progress(Record):
    """How far the jobs of a batch are."""

    some: bool
    """Whether there is any."""
    unfinished: bool
    """Whether any has not come to its end."""
    died: bool
    uncompleted: bool
    """Whether any has died or was cancelled."""


def callbacks(batch: Progress) -> tuple[frozenset[Role], frozenset[Role]]:
    """Decide which of the jobs that wait for a batch run now, and which will not."""
    if batch.unfinished or not batch.some:
        return frozenset({Role.CATCH} if batch.died else ()), frozenset()
    if not batch.uncompleted:
        return frozenset({Role.THEN, Role.FINALLY}), frozenset({Role.CATCH})
    if batch.died:
        return frozenset({Role.CATCH, Role.FINALLY}), frozenset({Role.THEN})
    return frozenset({Role.FINALLY}), frozenset({Role.THEN, Role.CATCH})


def claim() -> State:
    """Give a job to a worker."""
    return State.PROCESSING


def finish(job: Job, ended: Ended, share: float = 0.0) -> Move:
    """Decide what the end of a run means for its job.

    `job` is the row as it is now, a request to cancel included. `share` is the random number in [0, 1)
    that spreads retries by `backoff_jitter`.
    """
    match ended.outcome:
        case Outcome.EXITED if ended.exit_code == 0:
            return _keep(job, State.COMPLETED)
        case _ if job.cancel_requested_at is not None:
            return _keep(job, State.CANCELLED)
        case Outcome.CANCELLED:
            return _keep(job, State.CANCELLED)
        case Outcome.GIVEN_BACK:
            return _keep(job, State.PENDING, delay=0.0)
        case Outcome.LOST:
            return _crashed(job)
        case _:
            return _failed(job, share)


def rescue(job: Job, loss: Loss) -> Move:
    """Decide what the loss of its worker means for a job."""
    if job.cancel_requested_at is not None:
        return _keep(job, State.CANCELLED)
    match loss:
        case Loss.STOPPED:
            return _keep(job, State.PENDING, delay=0.0)
        case Loss.CRASHED:
            return _crashed(job)
        case Loss.REBOOTED | Loss.SILENT:
            return _interrupted(job)


def cancel(job: Job) -> Move | None:
    """Take a waiting job off the queue; None for a running job, whose worker has to be asked.

    Raises:
        Conflict: the job is finished.
    """
    if job.state is State.PROCESSING:
        return None
    if job.state in FINISHED:
        raise Conflict(f'job "{job.id}" is already {job.state}')
    return _keep(job, State.CANCELLED)


def retry(job: Job) -> Move:
    """Let a finished job run again, or a failed one run now, with its counters at zero.

    Raises:
        Conflict: the job is running or has yet to run.
    """
    if job.state is State.FAILED:
        return Move(State.FAILED, delay=0.0, held_by=_held_by(job))
    if job.state in FINISHED:
        return Move(State.PENDING, delay=0.0)
    raise Conflict(f'job "{job.id}" is {job.state}', hint="only failed and finished jobs can be retried")


def cancel_all(state: State) -> MoveAll | None:
    """Take the waiting jobs of a state off the queue; None for running ones: `cancel` has to decide on each."""
    return None if state is State.PROCESSING else MoveAll(State.CANCELLED, delay=None)


def retry_all(state: State) -> MoveAll:
    """Let finished jobs run again, or failed ones run now, as `retry` does with each."""
    return MoveAll(State.FAILED if state is State.FAILED else State.PENDING, delay=0.0, anew=True)


def pause(job: Job) -> str | None:
    """Return what a job is held by until it is resumed; None for a running job, which its worker has to stop.

    Raises:
        Conflict: the job is finished, or is being cancelled.
    """
    if job.state in FINISHED:
        raise Conflict(f'job "{job.id}" is already {job.state}')
    if job.cancel_requested_at is not None:
        raise Conflict(f'job "{job.id}" is being cancelled')
    return pause_all(job.state)


def pause_all(state: State) -> str | None:
    """Return what jobs of an unfinished state are held by that are paused; as `pause`."""
    return None if state is State.PROCESSING else PAUSED


def resume(job: Job) -> None:
    """Make sure that a job may be resumed, be it paused or not.

    Raises:
        Conflict: the job is finished.
    """
    if job.state in FINISHED:
        raise Conflict(f'job "{job.id}" is already {job.state}')


def signal(job: Job) -> None:
    """Make sure that a job has processes that can be signalled.

    Raises:
        Conflict: the job is not running.
    """
    if job.state is not State.PROCESSING:
        raise Conflict(f'job "{job.id}" is {job.state}', "only a running job can be signalled")


def _failed(job: Job, share: float) -> Move:
    failures = job.failures + 1
    policy = job.policy
    if failures > policy.max_retries:
        return _keep(job, State.DEAD)._replace(failures=failures)
    delay = backoff(failures, policy.backoff_base, policy.backoff_max, policy.backoff_jitter, share)
    return _keep(job, State.FAILED, delay=delay)._replace(failures=failures)


def _crashed(job: Job) -> Move:
    crashes = job.crashes + 1
    if crashes >= job.policy.max_crashes:
        reason = "its worker was lost" if crashes == 1 else f"its worker was lost {crashes} times"
        return _keep(job, State.DEAD, reason=reason)._replace(crashes=crashes)
    return _keep(job, State.PENDING, delay=0.0)._replace(crashes=crashes)


def _interrupted(job: Job) -> Move:
    interruptions = job.interruptions + 1
    if interruptions >= MAX_INTERRUPTIONS:
        reason = f"its machine went down or was cut off {interruptions} times"
        return _keep(job, State.DEAD, reason=reason)._replace(interruptions=interruptions)
    return _keep(job, State.PENDING, delay=0.0)._replace(interruptions=interruptions)


def _keep(job: Job, state: State, delay: float | None = None, reason: str | None = None) -> Move:
    held_by = None if state in FINISHED else _held_by(job)
    return Move(state, delay, job.failures, job.crashes, job.interruptions, reason, held_by)


def _held_by(job: Job) -> str | None:
    """Return what holds a job that waits: a pause outlasts the run during which it was asked for."""
    return None if job.paused_at is None else PAUSED

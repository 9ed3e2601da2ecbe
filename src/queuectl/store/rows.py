"""Owns how records become rows and rows become records. Must not know a connection."""

from __future__ import annotations

import json

from queuectl.clock import instant, micros
from queuectl.errors import StoreUnavailable
from queuectl.job import NO_FLOW, Attempt, Condition, Dependency, Flow, Job, Outcome, Policy, State
from queuectl.rules import KEEP, Keep, Pause, Rate, Rule
from queuectl.store import words
from queuectl.store.base import Identity, Registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from queuectl.job import Ended, NewJob
    from queuectl.lifecycle import Move
    from queuectl.rules import Limits
    from queuectl.schedule.record import Schedule, Tick
    from queuectl.store.terms import TermsTable

    Row = tuple[Any, ...]
    """What an engine gives; its tables and the order of the columns make the types sure."""

JOB_COLUMNS = 45
"""Columns of the view `job`."""

FLOW = slice(31, 41)
"""Where the columns of `queuectl.job.Flow` are among them."""

_WITHOUT_FLOW = (None,) * 10

_MET = {0: None, 1: True, 2: False}

_STATES = {state.value: state for state in State}
_OUTCOMES: dict[str | None, Outcome | None] = {outcome.value: outcome for outcome in Outcome} | {None: None}


def job(row: Row, terms: TermsTable) -> Job:
    """Make a job of a row of the view `job`.

    Raises:
        StoreUnavailable: the row makes no sense: a page of the file is torn.
    """
    try:
        shared = terms.of(row[10])
        argv = row[7]
        return Job(
            row[0],
            row[1],
            _STATES[row[2]],
            row[3] == 1,
            row[4],
            row[5],
            row[6],
            None if argv is None else words.unpacked(argv),
            Policy(row[8], row[9], *shared[:4]),
            row[11],
            shared.umask,
            shared.caller_env,
            words.environment(row[12]),
            words.unpacked(row[13]),
            row[14],
            row[15],
            row[16],
            row[17],
            row[18],
            instant(row[19]),
            maybe_instant(row[20]),
            maybe_instant(row[21]),
            maybe_instant(row[22]),
            None if row[23] is None else row[23] / 1e6,
            _OUTCOMES[row[24]],
            row[25],
            row[26],
            row[27],
            row[28],
            row[29],
            maybe_instant(row[30]),
            NO_FLOW if row[FLOW] == _WITHOUT_FLOW else _flow(row[FLOW]),
            maybe_instant(row[41]),
            row[42],
            maybe_instant(row[43]),
            row[44] == 1,
        )
    except (KeyError, TypeError, ValueError):
        raise _damaged() from None


def claimed(row: Row, state: State, worker: str, cookie: str, now: int) -> Row:
    """Return a row of the view `job` as the claim changes it."""
    return (
        row[0],
        row[1],
        state,
        0,
        *row[4:15],
        row[15] + 1,
        *row[16:20],
        None,
        now,
        *row[22:23],
        *(None, None, None, None),
        row[27],
        worker,
        cookie,
        None,
        *row[31:JOB_COLUMNS],
    )


def finished(job: Job, ended: Ended, move: Move, row: Row) -> Job:
    """Return a job as the end of its run has left it; the row is its due time, its end and its duration."""
    next_run_at, finished_at, duration = row
    return job._replace(
        state=move.state,
        ready=move.ready,
        next_run_at=maybe_instant(next_run_at),
        finished_at=maybe_instant(finished_at),
        failures=move.failures,
        crashes=move.crashes,
        interruptions=move.interruptions,
        duration=duration / 1e6,
        outcome=ended.outcome,
        exit_code=ended.exit_code,
        signal=ended.signal,
        last_error=move.reason or ended.error,
        cookie=None,
        cancel_requested_at=None,
        held_by=move.held_by,
        paused_at=None if move.held_by is None else job.paused_at,
    )


def attempt(row: Row) -> Attempt:
    """Make an attempt of a row of `attempts`; raises as `job` does."""
    try:
        number, worker, started_at, finished_at, duration, outcome, exit_code, signal, error = row
        return Attempt(
            number,
            worker,
            instant(started_at),
            instant(finished_at),
            duration / 1e6,
            Outcome(outcome),
            exit_code,
            signal,
            error,
        )
    except (KeyError, TypeError, ValueError):
        raise _damaged() from None


def registered(row: Row) -> Registered:
    """Make a registered worker of a row of `workers`."""
    *identity, age, stopping_at, job, after_stop, queues, lease_left = row
    return Registered(Identity(*identity), age, stopping_at is not None, job, after_stop, queues, lease_left)


def schedule(row: Row) -> Schedule:
    """Make a schedule of a row of `schedules`; raises as `job` does."""
    from queuectl.schedule.catchup import CatchUp  # noqa: PLC0415  not needed to enqueue
    from queuectl.schedule.record import Overlap, Schedule  # noqa: PLC0415

    try:
        name, times, zone, job, overlap, catch_up, within, splay, umask, caller_env, *moments, last_seq = row
        return Schedule(
            name,
            times,
            zone,
            job,
            Overlap(overlap),
            CatchUp(catch_up),
            within,
            splay,
            umask,
            words.environment(caller_env),
            instant(moments[0]),
            maybe_instant(moments[1]),
            maybe_instant(moments[2]),
            last_seq,
        )
    except (KeyError, TypeError, ValueError):
        raise _damaged() from None


def tick(row: Row) -> Tick:
    """Make what became of a tick of a row of `ticks`; raises as `job` does."""
    from queuectl.schedule.record import Outcome as TickOutcome  # noqa: PLC0415  not needed to enqueue
    from queuectl.schedule.record import Tick  # noqa: PLC0415

    try:
        return Tick(instant(row[0]), TickOutcome(row[1]), row[2], row[3])
    except (TypeError, ValueError):
        raise _damaged() from None


def by_own_clock(due: int | None, moment: list[int], now: datetime | None) -> datetime | None:
    """Return a time by this machine's clock that is `due` by a store's, whose time is `moment` where it has a clock."""
    if due is None:
        return None
    return instant(due - moment[0] + micros(now)) if moment else instant(due)


def _damaged() -> StoreUnavailable:
    return StoreUnavailable("the database is damaged: a row in it makes no sense", "restore a backup")


def gathered(new: NewJob, terms: int) -> Row:
    """Make a row of `incoming` of a new job and the number of its terms."""
    policy = new.policy
    return (
        new.id,
        new.queue,
        new.priority,
        new.command,
        None if new.argv is None else words.packed(new.argv),
        policy.max_retries,
        policy.timeout,
        terms,
        new.cwd,
        words.of_environment(new.env),
        words.packed(new.secret_env),
        new.stdin,
        *_run_at(new.run_at),
        *(_WITHOUT_FLOW if new.flow is NO_FLOW else _of_flow(new.flow)),
        json.dumps(new.after) if new.after else None,
    )


def has_family(new: NewJob) -> bool:
    """Return whether a new job waits for others, or has a batch."""
    return bool(new.after) or new.flow.batch is not None


def dependency(row: Row) -> Dependency:
    """Make a `Dependency` of a row of `dependencies`."""
    parent, condition, met, state = row
    return Dependency(parent, Condition(condition), _MET[met], None if state is None else State(state))


def rule(row: Row) -> Rule:
    """Make what is set for a queue of a row of `queues`."""
    queue, concurrency, rate, period, paused_at, by, reason, until = row
    return Rule(
        queue,
        concurrency,
        None if rate is None else Rate(rate, period / 1e6),
        None if paused_at is None else Pause(instant(paused_at), by, reason, maybe_instant(until)),
    )


def of_limits(limits: Limits) -> dict[str, int | bool | None]:
    """Return the values of `limit_queue`."""
    concurrency, rate = limits
    return {
        "set_concurrency": concurrency is not KEEP,
        "concurrency": None if isinstance(concurrency, Keep) else concurrency,
        "set_rate": rate is not KEEP,
        "rate": rate.number if isinstance(rate, Rate) else None,
        "rate_period": round(rate.seconds * 1e6) if isinstance(rate, Rate) else None,
    }


def _flow(row: Row) -> Flow:
    """Make a `Flow` of its columns."""
    tags, *others = row
    flow = Flow({} if tags is None else json.loads(tags), *others)
    return flow if flow.tick is None else flow._replace(tick=maybe_instant(row[8]))


def _of_flow(flow: Flow) -> Row:
    """Return the columns of a `Flow`; tags as JSON, their names in order."""
    tags, *given, tick, on_parent_failure = flow
    return (
        json.dumps(tags, sort_keys=True, separators=(",", ":")) if tags else None,
        *given,
        None if tick is None else micros(tick),
        on_parent_failure,
    )


def _run_at(run_at: datetime | float | None) -> tuple[int | None, int]:
    """Return the instant at which a job may run, or what comes to that of its insert; microseconds."""
    if run_at is None:
        return None, 0
    if isinstance(run_at, int | float):
        return None, round(run_at * 1e6)
    return micros(run_at), 0


def maybe_instant(microseconds: int | None) -> datetime | None:
    """Return a stored instant; None stays None."""
    return None if microseconds is None else instant(microseconds)

"""Jobs for tests: new ones, and stored ones in any state, which the public moves of the store have put there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from queuectl.job import NO_FLOW, Ended, NewJob, OnParentFailure, Outcome, Parent, Policy, State
from queuectl.store.base import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from queuectl.job import Job
    from queuectl.store.base import Store

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
"""When things happen in a test that does not say otherwise."""

WORKER = "a" * 32
COOKIE = "c" * 32

WELL = Ended(Outcome.EXITED, exit_code=0, duration=1.0)
BADLY = Ended(Outcome.EXITED, exit_code=3, error="it broke", duration=1.0)
GIVEN_BACK = Ended(Outcome.GIVEN_BACK, duration=1.0)

_numbers = count(1)


def after(seconds: float) -> datetime:
    """Return an instant that many seconds after NOW; before it, if negative."""
    return NOW + timedelta(seconds=seconds)


def identity(worker: str = WORKER, pid: int = 1234) -> Identity:
    """Return who a worker says that it is."""
    return Identity(worker, pid, 5678, "b" * 36, "h" * 32, "here", "0.1.0")


def new_job(  # noqa: PLR0913  each names what a test is about
    id: str | None = None,
    *,
    argv: tuple[str, ...] | None = None,
    queue: str = "default",
    priority: int = 0,
    max_retries: int = 3,
    policy: Policy | None = None,
    run_at: datetime | float | None = None,
    after: Sequence[str | Parent] = (),
    on_parent_failure: str | None = None,
    batch: str | None = None,
    batch_role: str | None = None,
    key: str | None = None,
    limit: int = 1,
) -> NewJob:
    """Return a job that is about to be enqueued; without an id it gets the next unused one."""
    parents = tuple(Parent(parent) if isinstance(parent, str) else parent for parent in after)
    if parents and on_parent_failure is None:
        on_parent_failure = OnParentFailure.CANCEL
    flow = NO_FLOW._replace(key=key, key_limit=None if key is None else limit)
    flow = flow._replace(batch=batch, batch_role=batch_role, on_parent_failure=on_parent_failure)
    return NewJob(
        id or f"job-{next(_numbers)}",
        policy or Policy(max_retries=max_retries),
        command=None if argv else "true",
        argv=argv,
        queue=queue,
        priority=priority,
        run_at=run_at,
        flow=NO_FLOW if flow == NO_FLOW else flow,
        after=parents,
    )


def job(
    store: Store, state: State = State.PENDING, new: NewJob | None = None, *, now: datetime = NOW, worker: str = WORKER
) -> Job:
    """Enqueue a job at `now` and bring it to `state` in that instant; a dead one gets `max_retries` 0.

    A state that is reached by running needs a store in which nothing else may run before this job.
    """
    new = new or new_job()
    if state is State.DEAD:
        new = new._replace(policy=new.policy._replace(max_retries=0))
    store.enqueue((new,), now)
    match state:
        case State.PENDING:
            pass
        case State.CANCELLED:
            store.cancel(new.id, now)
        case State.PROCESSING:
            claimed(store, new.id, now=now, worker=worker)
        case State.COMPLETED:
            store.finish(claimed(store, new.id, now=now, worker=worker), WELL, now)
        case State.FAILED | State.DEAD:
            store.finish(claimed(store, new.id, now=now, worker=worker), BADLY, now)
        case State.BLOCKED:
            raise ValueError("a job that waits needs a parent: new_job(after=...)")
    stored = stored_job(store, new.id)
    assert stored.state is state, stored
    return stored


def claimed(store: Store, id: str | None = None, *, now: datetime = NOW, worker: str = WORKER) -> Job:
    """Claim the next job, which has to be there, and to be the one of that id if one is named."""
    found = store.claim(worker, COOKIE, now)
    assert found is not None, "nothing may run"
    assert id is None or found.id == id, found
    return found


def stored_job(store: Store, id: str) -> Job:
    """Return the job of that id, which has to be there."""
    found = store.get(id)
    assert found is not None, id
    return found


def asked_to_end(store: Store, job: Job) -> bool:
    """Return whether the run of a job has been asked to end."""
    asked = store.requests(job)
    return asked is not None and asked.cancel

"""Owns what a user can do with a queue: the only door through which the edges (command line, pages) go in.

Must not know which engine keeps the queue, nor how anything is shown.
Second of the five files that a job flows through; the next is worker/loop.py.
"""

from __future__ import annotations

import os
from functools import partial

from queuectl import config
from queuectl.errors import Conflict, InvalidInput, NotFound
from queuectl.ids import IdMaker
from queuectl.job import NewJob, Policy, State
from queuectl.quoting import quoted
from queuectl.request import check_queue
from queuectl.rules import Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from queuectl.config import Settings
    from queuectl.errors import StoreClosed
    from queuectl.job import Attempt, Dependency, Job, LogPart
    from queuectl.request import JobRequest
    from queuectl.rules import Limits, NewPause
    from queuectl.scheduling import Timetable
    from queuectl.selection import Selection
    from queuectl.store.base import Metrics, Registered, Store

CALLER_VARIABLES = ("PATH", "VIRTUAL_ENV", "LANG", "TZ")
"""With every LC_*: what a job has of its enqueuer's environment alone; all other variables are the worker's."""


class Queue:
    """One queue, as its users see it."""

    def __init__(self, store: Store, environ: Mapping[str, str]) -> None:
        self._store = store
        self._environ = dict(environ)
        self._caller_env = {
            name: value for name, value in environ.items() if name in CALLER_VARIABLES or name.startswith("LC_")
        }
        self._parsed: tuple[dict[str, str], Settings, Policy] | None = None
        """The stored values read last, and what was made of them: to parse them takes 50 us."""
        self._new_id = IdMaker().new

    # Jobs in

    def enqueue(self, request: JobRequest) -> str:
        """Add a job and return its id; it is on disk when this returns.

        Raises:
            Conflict: the id is taken.
        """
        (id,) = self.enqueue_all((request,))
        return id

    def enqueue_all(self, requests: Iterable[JobRequest]) -> Collection[str]:
        """Add jobs, all or none, and return their ids in order; they are on disk when this returns.

        Whatever `requests` raises while it is read passes through, and nothing is added.

        Raises:
            Conflict: an id is taken, or comes twice.
        """
        ids = self._store.enqueue(self._prepare(requests))
        self._store.wake_idle(len(ids))
        return ids

    def frozen(self, request: JobRequest) -> NewJob:
        """Return a job as it would be enqueued here and now."""
        (job,) = self._prepare((request,))
        return job

    def _prepare(self, requests: Iterable[JobRequest]) -> Iterator[NewJob]:
        """Freeze what a job takes from the configuration and from its caller."""
        settings, usual = self._in_force()
        umask = os.umask(0o077)
        os.umask(umask)
        here: str | None = None
        for (
            id,
            command,
            argv,
            queue,
            priority,
            max_retries,
            run_at,
            timeout,
            cwd,
            env,
            secret_env,
            stdin,
            flow,
            after,
        ) in requests:
            if cwd is None and here is None:
                here = _absolute("")
            yield NewJob(
                id or self._new_id(),
                usual if max_retries is None and timeout is None else policy(settings, max_retries, timeout),
                command,
                argv,
                queue,
                priority,
                run_at,
                str(here) if cwd is None else _absolute(cwd),
                umask,
                self._caller_env,
                env,
                secret_env,
                None if stdin is None else _absolute(stdin),
                flow,
                after,
            )

    # Looking

    def get(self, id: str) -> Job:
        """Return the job of that id.

        Raises:
            NotFound: no such job; the hint names one of a similar id.
        """
        _refuse_impossible(id)
        job = self._store.get(id)
        if job is None:
            raise self._unknown(id)
        return job

    def attempts(self, job: Job) -> Sequence[Attempt]:
        """Return the finished runs of a job, oldest first."""
        return self._store.attempts(job.seq)

    def batches(self) -> Mapping[str, Mapping[State, int]]:
        """Return how many jobs of each batch are in each state, by its name."""
        return self._store.batches()

    def batch(self, name: str) -> tuple[Mapping[State, int], Sequence[Job]]:
        """Return how many jobs of a batch are in each state, and what waits for its end or has run at it.

        Raises:
            NotFound: no job is of that batch, or waits for it; the hint names one of a similar name.
        """
        counts = self._store.batches(name).get(name, dict.fromkeys(State, 0))
        callbacks = self._store.batch_callbacks(name)
        if not any(counts.values()) and not callbacks:
            from difflib import get_close_matches  # noqa: PLC0415  5 ms, needed only here

            near = get_close_matches(name, self._store.batches(), n=1, cutoff=0.7)
            raise NotFound(f'no batch "{name}"', f"did you mean: {near[0]}" if near else None)
        return counts, callbacks

    def parents(self, job: Job) -> Sequence[Dependency]:
        """Return what a job waits for, or has waited for."""
        return self._store.parents(job)

    def list(self, state: State | None = None, *, scheduled: bool = False, limit: int = 0) -> Iterator[Job]:
        """Yield jobs in the order that `Store.list` describes; a `limit` of 0 is all."""
        return self._store.list(state, scheduled=scheduled, limit=limit)

    def select(self, selection: Selection, *, limit: int = 0) -> Iterator[Job]:
        """Yield the jobs of a selection in the order that `Store.select` describes; a `limit` of 0 is all."""
        return self._store.select(selection, limit=limit)

    def matching(self, selection: Selection, states: Collection[State]) -> Mapping[State, Sequence[int]]:
        """Return the numbers of those jobs of a selection that are in one of some states; see `Store.matching`."""
        return self._store.matching(selection, states)

    def named(self, ids: Collection[str], states: Collection[State]) -> Mapping[State, Sequence[int]]:
        """Return the numbers of those jobs of some ids that are in one of some states; see `Store.named`."""
        return self._store.named(ids, states)

    def jobs(self, seqs: Sequence[int]) -> Iterator[Job]:
        """Yield the jobs of some numbers; see `Store.jobs`."""
        return self._store.jobs(seqs)

    def ids(self, prefix: str, limit: int = 200) -> Sequence[str]:
        """Return ids that start with `prefix`, newest first."""
        return self._store.ids(prefix, limit)

    def now(self) -> datetime:
        """Return what time it is by the clock that the times of jobs are from."""
        return self._store.now()

    def counts(self) -> Mapping[str, Mapping[State, int]]:
        """Return how many jobs are in each state, by queue."""
        return self._store.counts()

    def metrics(self) -> Metrics:
        """Return counts by state and durations, of all queues and of each."""
        return self._store.metrics()

    def paused(self, limit: int) -> Sequence[Job]:
        """Return jobs that are paused, those of the highest priority first."""
        return self._store.paused(limit)

    def oldest_waiting(self) -> Job | None:
        """Return the job that has been ready for the longest time."""
        return self._store.oldest_waiting()

    def last_failures(self, limit: int) -> Sequence[Job]:
        """Return the failed and dead jobs whose last runs ended last, the last first."""
        return self._store.last_failures(limit)

    def workers(self) -> Sequence[Registered] | None:
        """Return the workers that the store knows of; None when it is of one machine, where `run/` knows better."""
        return self._store.workers() if self._store.leased else None

    def last_stop(self) -> int:
        """Return the number of the last request to stop the workers of a host; see `Store.last_stop`."""
        return self._store.last_stop()

    def request_stop(self, host: str, *, now: bool) -> int:
        """Ask the workers of a host to stop, `now` without waiting for their jobs; return the request's number."""
        return self._store.request_stop(host, now=now)

    @property
    def shared_id(self) -> str | None:
        """Random id of a queue that machines share; None when it is the one of this home."""
        return self._store.id

    def want_log(self, job: Job) -> None:
        """Let the worker of a running job know that somebody reads its log elsewhere, for the next 15 seconds."""
        if job.worker is not None:
            self._store.want_log(job.worker, 15.0)
            self._store.wake_worker(job.worker)

    def log_parts(self, job: Job, attempt: int, after: int, *, ended: bool) -> Sequence[LogPart]:
        """Return the parts of a log that the store has; see `Store.log_parts`."""
        return self._store.log_parts(job.seq, attempt, after, ended=ended)

    def changed(self) -> bool:
        """Return whether another process has changed the queue since the last call. The first call: True."""
        return self._store.changed()

    def flush(self) -> None:
        """Put all that any process has committed on disk: what is reported after this is for good."""
        self._store.flush(everyone=True)

    def why_closed(self) -> StoreClosed | None:
        """Return what everybody is told who changes the queue while it is moved to another store, or has been."""
        from queuectl.store.gate import closed_by  # noqa: PLC0415  not needed to enqueue

        return closed_by(self._store.gate())

    # Moving

    def cancel(self, id: str, *, grace: float | None = None) -> Job:
        """Cancel a waiting job, or ask for the end of a running one; return the job as it is now.

        `grace` is the seconds between TERM and KILL; None: as configured.

        Raises:
            NotFound: no such job.
            Conflict: it has already completed or died.
        """
        return self._ask(id, partial(self._store.cancel, grace=grace))

    def pause(self, id: str) -> Job:
        """Keep a waiting job from starting, or ask for a running one to be stopped; return the job as it is now.

        Raises:
            NotFound: no such job.
            Conflict: it is finished, or is being cancelled.
        """
        return self._ask(id, self._store.pause)

    def resume(self, id: str) -> Job:
        """Let a paused job go on, or start when it is due; return the job as it is now.

        Raises:
            NotFound: no such job.
            Conflict: it is finished.
        """
        job = self._ask(id, self._store.resume)
        if job.state is not State.PROCESSING:
            self._store.wake_idle()  # also for one of the future: who sleeps until the next due job has not known it
        return job

    def signal(self, id: str, number: int) -> Job:
        """Ask for a signal to every process of a running job; return the job.

        Raises:
            NotFound: no such job.
            Conflict: it is not running.
        """
        return self._ask(id, partial(self._store.signal, signal=number))

    def _ask(self, id: str, request: Callable[[str], Job]) -> Job:
        """Ask something of a job, and call its worker if it runs."""
        _refuse_impossible(id)
        try:
            job = request(id)
        except NotFound:
            raise self._unknown(id) from None
        if job.state is State.PROCESSING and job.worker is not None:
            self._store.wake_worker(job.worker)
        return job

    def retry(self, id: str) -> Job:
        """Let a finished job run again, or a failed one run now; return the job as it is now.

        Raises:
            NotFound: no such job.
            Conflict: it is running, or has yet to run.
        """
        _refuse_impossible(id)
        try:
            job = self._store.retry(id)
        except NotFound:
            raise self._unknown(id) from None
        self._store.wake_idle()
        return job

    def cancel_all(
        self, chosen: Mapping[State, Sequence[int]], *, grace: float | None = None
    ) -> Iterator[Sequence[Job]]:
        """Cancel many jobs, given as `matching` returns them; yield those that were, as they are now, by batches."""
        return self._each_told(self._store.cancel_all(chosen, grace=grace))

    def pause_all(self, chosen: Mapping[State, Sequence[int]]) -> Iterator[Sequence[Job]]:
        """Pause many jobs; as `cancel_all`."""
        return self._each_told(self._store.pause_all(chosen))

    def resume_all(self, chosen: Mapping[State, Sequence[int]]) -> Iterator[Sequence[Job]]:
        """Resume many jobs; as `cancel_all`."""
        for jobs in self._each_told(self._store.resume_all(chosen)):
            self._store.wake_idle(len(jobs))
            yield jobs

    def retry_all(self, chosen: Mapping[State, Sequence[int]]) -> Iterator[Sequence[Job]]:
        """Let many jobs run again; as `cancel_all`."""
        for jobs in self._store.retry_all(chosen):
            self._store.wake_idle(len(jobs))
            yield jobs

    def _each_told(self, batches: Iterator[Sequence[Job]]) -> Iterator[Sequence[Job]]:
        """Call the workers of running jobs of which something was asked."""
        for jobs in batches:
            for job in jobs:
                if job.state is State.PROCESSING and job.worker is not None:
                    self._store.wake_worker(job.worker)
            yield jobs

    def clear(self) -> Iterator[int]:
        """Forget every job that is not running; yield the seq of each, whose logs are then nobody's."""
        for batch in self._store.clear():
            yield from batch

    # What holds for queues

    def rules(self) -> Sequence[Rule]:
        """Return what is set for queues, in the order of their names."""
        return self._store.rules()

    def rule(self, name: str) -> Rule:
        """Return what is set for one queue, which may be nothing.

        Raises:
            InvalidInput: no queue can be called so.
        """
        check_queue(name)
        return next((rule for rule in self._store.rules() if rule.queue == name), Rule(name))

    def limit_queue(self, name: str, limits: Limits) -> None:
        """Set limits of a queue, over all workers. Raises as `rule` does."""
        check_queue(name)
        self._store.limit_queue(name, limits)

    def pause_queue(self, name: str, pause: NewPause) -> None:
        """Let no job of a queue start until it is resumed, or the pause is over. Raises as `rule` does."""
        check_queue(name)
        self._store.pause_queue(name, pause)

    def resume_queue(self, name: str) -> None:
        """End the pause of a queue.

        Raises:
            Conflict: it is not paused.
        """
        if not self._store.resume_queue(name):
            raise Conflict(f"queue {quoted(name)} is not paused")

    def forget_rule(self, name: str) -> None:
        """Forget the limits and the pause of a queue.

        Raises:
            NotFound: nothing is set for it.
        """
        if not self._store.forget_rule(name):
            raise NotFound(f"nothing is set for queue {quoted(name)}")

    # Schedules

    def timetable(self) -> Timetable:
        """Return the schedules of this queue."""
        from queuectl.scheduling import Timetable  # noqa: PLC0415  not needed to enqueue

        return Timetable(self._store, self)

    # Configuration

    def settings(self) -> Settings:
        """Return the configuration in force."""
        return self._in_force()[0]

    def setting_origins(self) -> dict[str, tuple[str, str]]:
        """Return every key's value in force and its origin: `environment`, `store` or `default`."""
        return config.resolve(self._store.settings(), self._environ)

    def set_setting(self, name: str, value: str) -> str:
        """Set a configuration value for jobs enqueued from now on; return the key's full name.

        Raises:
            InvalidInput: no such key, or a value that it does not take; nothing is changed.
        """
        key = config.key_named(name)
        try:
            key.parse(value)
        except InvalidInput as error:
            raise InvalidInput(f"{key.name}: {error.message}", error.hint) from None
        self._store.set_setting(key.name, value)
        return key.name

    def _in_force(self) -> tuple[Settings, Policy]:
        """Return the configuration, and the policy of a job that asks for nothing else."""
        stored = self._store.settings()
        if self._parsed is None or self._parsed[0] != stored:
            settings = config.settings(stored, self._environ)
            self._parsed = (stored, settings, policy(settings, None, None))
        return self._parsed[1], self._parsed[2]

    def _unknown(self, id: str) -> NotFound:
        from difflib import get_close_matches  # noqa: PLC0415  5 ms, needed only here

        near = get_close_matches(id, self._store.ids(id[:1], 1000), n=1, cutoff=0.7)
        return NotFound(f'no job "{id}"', f"did you mean: {near[0]}" if near else None)


def _refuse_impossible(id: str) -> None:
    """Refuse an id that no job can have and no store takes: the bytes of an argument may be no text."""
    if not id.isascii():
        raise NotFound(f"no job {quoted(id)}")


def policy(settings: Settings, max_retries: int | None, timeout: float | None) -> Policy:
    """Return the policy of a job that asks for these retries and this time limit; None: the configured ones."""
    limit = settings.default_timeout if timeout is None else timeout
    return Policy(
        settings.default_max_retries if max_retries is None else max_retries,
        None if limit == config.NEVER else limit,
        settings.backoff_base,
        settings.backoff_max,
        settings.backoff_jitter,
        settings.max_crashes,
    )


def _absolute(path: str) -> str:
    """Return where a path leads from here; an empty one is here."""
    try:
        absolute = path = os.path.abspath(path) if path else os.getcwd()
        absolute.encode()
    except FileNotFoundError:
        raise InvalidInput("the current directory does not exist any more", "name one: --cwd DIR") from None
    except UnicodeEncodeError:
        raise InvalidInput(f"the path {path!r} is not valid UTF-8", "name another directory: --cwd DIR") from None
    return absolute

"""Owns what a schedule keeps of the job that its ticks make, and how that becomes a job again.

At `add` is frozen what somebody saw who typed it: the command and its options, the directory, umask, PATH and locale.
Decided at the tick, by the configuration in force then, is what nobody has said: retries, timeout, backoff.
Must not know the engine, nor when a schedule ticks (schedule/ does).
"""

from __future__ import annotations

from datetime import timedelta

from queuectl.errors import InvalidInput, NotFound
from queuectl.ids import IdMaker
from queuectl.job import NewJob
from queuectl.jobjson import parse_job, written
from queuectl.queue import policy
from queuectl.request import check_name
from queuectl.schedule.due import offset
from queuectl.schedule.record import NewSchedule, Overlap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from queuectl.config import Settings
    from queuectl.job import Job
    from queuectl.queue import Queue
    from queuectl.request import JobRequest
    from queuectl.schedule.record import Schedule, Tick
    from queuectl.store.base import Store

KEY = "schedule:"
"""What the key of jobs begins with that must not run beside another one of their schedule; then the schedule's name."""


def with_job(schedule: NewSchedule, request: JobRequest, frozen: NewJob) -> NewSchedule:
    """Return a schedule that makes the requested job; `frozen` is that job as it would be enqueued here and now.

    Raises:
        InvalidInput: the job has what only one job can have.
    """
    if request.id is not None:
        raise InvalidInput("a schedule makes many jobs, which have no id of their own", "leave --id out")
    if request.run_at is not None:
        raise InvalidInput("the jobs of a schedule run at its times", "leave --run-at out")
    if request.after or request.flow.batch is not None:
        raise InvalidInput("the jobs of a schedule wait for no other job, and belong to no batch")
    if schedule.overlap is not Overlap.SKIP and request.flow.key is not None:
        raise InvalidInput(
            f"--overlap {schedule.overlap} keeps the jobs apart by a key of its own", "leave --key out, or --overlap"
        )
    job = written(request._replace(cwd=frozen.cwd, stdin=frozen.stdin))
    parse_job(job)  # as each tick will
    return schedule._replace(job=job, umask=frozen.umask, caller_env=frozen.caller_env)


class Timetable:
    """The schedules of a queue, as its users see them."""

    def __init__(self, store: Store, queue: Queue) -> None:
        self._store = store
        self._schedules = store.schedules()
        self._queue = queue

    def add(self, news: Sequence[tuple[NewSchedule, JobRequest]]) -> Sequence[Schedule]:
        """Add schedules of these jobs, all or none, on disk when this returns; return them.

        Raises:
            Conflict: a name is taken, or comes twice.
            InvalidInput: a name, a time or a job breaks a rule.
        """
        for new, _ in news:
            check_name("name", new.name)
        added = self._schedules.add([with_job(new, request, self._queue.frozen(request)) for new, request in news])
        self._store.wake_idle()
        return added

    def all(self) -> Sequence[Schedule]:
        """Return every schedule, by name."""
        return self._schedules.all()

    def get(self, name: str) -> Schedule:
        """Return the schedule of that name.

        Raises:
            NotFound: no such schedule; the hint names one of a similar name.
        """
        schedule = self._schedules.get(name)
        if schedule is None:
            raise self._unknown(name)
        return schedule

    def ticks(self, name: str) -> Sequence[Tick]:
        """Return what became of the last ticks of a schedule, the last first."""
        return self._schedules.ticks(name)

    def run(self, name: str) -> Job:
        """Make a job of a schedule now, for none of its ticks, and return it.

        Raises:
            NotFound: no such schedule.
            Conflict: the job before it has not ended, and the schedule skips.
        """
        self.get(name)
        id, done = self._schedules.run(name, JobMaker(self._queue.settings()).job_of)
        for worker in done.asked:
            self._store.wake_worker(worker)
        self._store.wake_idle()
        return self._queue.get(id)

    def pause(self, name: str) -> Schedule:
        """Let a schedule tick no more until it is resumed, and return it. Raises as `get` does."""
        self.get(name)
        return self._schedules.pause(name)

    def resume(self, name: str) -> Schedule:
        """Let a schedule tick again from now on, and return it. Raises as `get` does."""
        self.get(name)
        resumed = self._schedules.resume(name)
        self._store.wake_idle()
        return resumed

    def remove(self, name: str) -> Schedule:
        """Forget a schedule, and return it as it was; its jobs stay. Raises as `get` does."""
        schedule = self.get(name)
        self._schedules.remove(name)
        return schedule

    def _unknown(self, name: str) -> NotFound:
        from difflib import get_close_matches  # noqa: PLC0415  5 ms, needed only here

        near = get_close_matches(name, [schedule.name for schedule in self.all()], n=1, cutoff=0.6)
        return NotFound(f'no schedule "{name}"', f"did you mean: {near[0]}" if near else None)


class JobMaker:
    """Makes the jobs of schedules, under the configuration that is in force."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._new_id = IdMaker().new

    def job_of(self, schedule: Schedule, tick: datetime | None) -> NewJob:
        """Make the job of a schedule for a tick, or for none, with a new id.

        Raises:
            InvalidInput: what was kept of the job is not understood here.
        """
        request = parse_job(schedule.job)
        flow = request.flow._replace(schedule=schedule.name, tick=tick)
        if schedule.overlap is not Overlap.SKIP:
            flow = flow._replace(key=f"{KEY}{schedule.name}", key_limit=1)
        run_at = None
        if tick is not None and schedule.splay:
            # The moment at which it was added tells schedules of the same name in other queues apart.
            key = f"{schedule.name} {schedule.created_at.isoformat()}"
            run_at = tick + timedelta(seconds=offset(key, tick, schedule.splay))
        return NewJob(
            self._new_id(),
            policy(self.settings, request.max_retries, request.timeout),
            request.command,
            request.argv,
            request.queue,
            request.priority,
            run_at,
            request.cwd or "/",
            schedule.umask,
            schedule.caller_env,
            request.env,
            request.secret_env,
            request.stdin,
            flow,
        )

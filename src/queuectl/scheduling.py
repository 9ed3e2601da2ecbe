"""Owns what a schedule keeps of the job that its ticks make, and how that becomes a job again.

At `add` is frozen what somebody saw who typed it: the command and its options, the directory, umask, PATH and locale.
Decided at the tick, by the configuration in force then, is what nobody has said: retries, timeout, backoff.
Must not know the engine, nor when a schedule ticks (schedule/ does).
"""

from __future__ import annotations

from datetime import timedelta

from queuectl.errors import InvalidInput
from queuectl.ids import IdMaker
from queuectl.job import NewJob
from queuectl.jobjson import parse_job, written
from queuectl.queue import policy
from queuectl.schedule.due import offset
from queuectl.schedule.record import NewSchedule, Overlap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from queuectl.config import Settings
    from queuectl.request import JobRequest
    from queuectl.schedule.record import Schedule

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
    if schedule.overlap is not Overlap.SKIP and request.flow.key is not None:
        raise InvalidInput(
            f"--overlap {schedule.overlap} keeps the jobs apart by a key of its own", "leave --key out, or --overlap"
        )
    job = written(request._replace(cwd=frozen.cwd, stdin=frozen.stdin))
    parse_job(job)  # as each tick will
    return schedule._replace(job=job, umask=frozen.umask, caller_env=frozen.caller_env)


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

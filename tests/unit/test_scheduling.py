"""What a schedule keeps of a job, and what is decided only at the tick."""

from __future__ import annotations

from datetime import timedelta

import pytest

from queuectl import config
from queuectl.config import NEVER
from queuectl.errors import InvalidInput
from queuectl.job import NO_FLOW, NewJob, Policy
from queuectl.jobjson import parse_job, written
from queuectl.request import JobRequest
from queuectl.schedule.record import NewSchedule, Overlap, Schedule
from queuectl.scheduling import JobMaker, with_job
from tests.support.samples import NOW

NEW = NewSchedule("nightly", "@daily", "UTC", "")
FROZEN = NewJob("x", Policy(), "true", cwd="/here", umask=0o077, caller_env={"PATH": "/bin"}, stdin="/here/in")

REQUESTS = [
    JobRequest(command="echo 'é' \"$x\"\n\t\\"),
    JobRequest(argv=("a", "b c", ""), queue="q", priority=-3, max_retries=0, timeout=1.5, cwd="/d", stdin="/f"),
    JobRequest(command="x", timeout=NEVER, env={"A": "1"}, secret_env=("B",)),
    JobRequest(command="x", flow=NO_FLOW._replace(tags={"a": "b"})),
]


def schedule(request: JobRequest, new: NewSchedule = NEW) -> Schedule:
    return Schedule(*with_job(new, request, FROZEN), NOW, NOW, None, None)


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_job_is_written_as_it_is_read(request_: JobRequest) -> None:
    assert parse_job(written(request_)) == request_


def test_a_schedule_keeps_where_it_was_added_and_what_was_said() -> None:
    job = JobMaker(config.settings({}, {})).job_of(schedule(REQUESTS[1]), NOW)

    assert (job.argv, job.queue, job.priority, job.cwd, job.stdin) == (("a", "b c", ""), "q", -3, "/here", "/here/in")
    assert (job.umask, job.caller_env, job.run_at) == (0o077, {"PATH": "/bin"}, None)
    assert (job.policy.max_retries, job.policy.timeout) == (0, 1.5)
    assert job.flow == NO_FLOW._replace(schedule="nightly", tick=NOW)


def test_what_nobody_said_is_decided_by_the_settings_of_the_tick() -> None:
    kept = schedule(REQUESTS[0])
    maker = JobMaker(config.settings({}, {}))
    maker.settings = config.settings({"default_max_retries": "7", "default_timeout": "9s", "backoff_base": "3"}, {})

    policy = maker.job_of(kept, NOW).policy

    assert (policy.max_retries, policy.timeout, policy.backoff_base) == (7, 9.0, 3.0)


def test_each_job_has_another_id() -> None:
    maker = JobMaker(config.settings({}, {}))
    assert len({maker.job_of(schedule(REQUESTS[0]), NOW).id for _ in range(100)}) == 100


@pytest.mark.parametrize("overlap", [Overlap.QUEUE, Overlap.REPLACE])
def test_jobs_that_must_not_run_side_by_side_have_one_key(overlap: Overlap) -> None:
    job = JobMaker(config.settings({}, {})).job_of(schedule(REQUESTS[0], NEW._replace(overlap=overlap)), None)

    assert (job.flow.key, job.flow.key_limit, job.flow.tick) == ("schedule:nightly", 1, None)


def test_a_splay_lets_a_job_run_a_while_after_its_tick_and_no_job_by_hand() -> None:
    kept = schedule(REQUESTS[0], NEW._replace(splay=300.0))
    maker = JobMaker(config.settings({}, {}))
    runs = {maker.job_of(kept, NOW + timedelta(days=n)).run_at for n in range(50)}

    assert len(runs) == 50
    for n in range(50):
        run_at = maker.job_of(kept, NOW + timedelta(days=n)).run_at
        assert run_at in runs
    assert maker.job_of(kept, NOW).run_at != maker.job_of(kept._replace(created_at=NOW - timedelta(1)), NOW).run_at
    assert maker.job_of(kept, None).run_at is None


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (JobRequest(id="a", command="x"), "no id of their own"),
        (JobRequest(command="x", run_at=NOW), "run at its times"),
    ],
)
def test_what_only_one_job_can_have_is_refused(request_: JobRequest, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        with_job(NEW, request_, FROZEN)

"""A machine whose clock is wrong by an hour, on a queue that it shares: the server's clock alone counts."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from queuectl.job import State
from tests.support.clocks import wrong_clock
from tests.support.eventually import eventually
from tests.support.factories import job, new_job
from tests.support.processes import RealQueue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

HOUR = 3600

LEASE = timedelta(seconds=40)


@pytest.fixture(params=[-HOUR, HOUR], ids=["behind", "ahead"])
def wrong(tmp_path: Path, postgres_url: str, request: pytest.FixtureRequest) -> Iterator[RealQueue]:
    """A machine with a wrong clock; the tests themselves, and their `store`, have the server's."""
    environ = wrong_clock(tmp_path, request.param)
    machine = RealQueue(tmp_path, "wrong", postgres_url, QUEUECTL_LEASE="40s", **environ)
    try:
        yield machine
    finally:
        machine.close()


def ago(queue: RealQueue, minutes: float) -> datetime:
    """Return an instant by the server's clock."""
    return queue.store.now() - timedelta(minutes=minutes)


# Enqueueing


@pytest.mark.parametrize(
    "words",
    [
        ("--id", "a", "--run-at", "+2h", "--", "true"),
        ('{"id": "a", "command": "true", "run_at": "+2h"}',),
        ("--file", "-"),
    ],
    ids=["option", "JSON", "file"],
)
def test_a_relative_time_counts_from_the_insert(wrong: RealQueue, words: tuple[str, ...]) -> None:
    lines = '{"id": "a", "command": "true", "run_at": "+2h"}\n{"command": "true"}\n'
    before = wrong.store.now()

    result = wrong.run("enqueue", *words, stdin=lines)

    assert result.code == 0
    stored = wrong.job("a")
    assert before <= stored.created_at <= wrong.store.now()
    assert stored.next_run_at == stored.created_at + timedelta(hours=2)
    if "--file" not in words:
        assert re.match(r"queued; runs at .* \(in (2h|1h 59m)", result.err)
        assert f"{stored.next_run_at:%Y-%m-%d %H:%M}" in result.err


def test_a_job_of_the_next_moment_is_run_then_by_a_machine_whose_clock_is_right(
    tmp_path: Path, postgres_url: str, wrong: RealQueue
) -> None:
    right = RealQueue(tmp_path, "right", postgres_url)
    try:
        right.start()
        wrong.do("enqueue", "--id", "a", "--run-at", "+3s", "--", "true")

        done = right.wait("a")

        assert done.started_at is not None
        assert done.started_at >= done.created_at + timedelta(seconds=3)
    finally:
        right.close()


def test_whether_a_named_time_is_past_is_told_by_the_clock_of_the_server(wrong: RealQueue) -> None:
    past, future = ago(wrong, 30).isoformat(), ago(wrong, -30).isoformat()

    assert "runs at once: " in wrong.run("enqueue", "--run-at", past, "--", "true").err
    assert re.search(r"\(in (30m|29m)", wrong.run("enqueue", "--run-at", future, "--", "true").err)


def test_a_job_that_is_retried_by_hand_is_due_at_once(wrong: RealQueue) -> None:
    job(wrong.store, State.DEAD, new_job("a"), now=ago(wrong, 1))
    before = wrong.store.now()

    wrong.do("retry", "a")

    due = wrong.job("a").next_run_at
    assert due is not None
    assert before <= due <= wrong.store.now()


# Working


def leases(url: str) -> list[tuple[datetime, datetime, datetime]]:
    """Return when each worker has registered, until when it has its lease, and what time it is."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT registered_at, lease_until, clock_timestamp() FROM queuectl.workers")
        return found.fetchall()


def test_a_lease_is_taken_and_renewed_by_the_clock_of_the_server(wrong: RealQueue, postgres_url: str) -> None:
    before = wrong.store.now()

    wrong.start()

    ((registered, until, now),) = leases(postgres_url)
    assert before <= registered <= now
    assert now < until <= now + LEASE

    def renewed() -> None:
        ((_, later, now),) = leases(postgres_url)
        assert until < later <= now + LEASE

    eventually(renewed)


def test_a_worker_runs_what_is_due_and_leaves_what_is_not(wrong: RealQueue) -> None:
    store = wrong.store
    store.enqueue([new_job("due", run_at=ago(wrong, 30))], ago(wrong, 60))
    store.enqueue([new_job("scheduled", run_at=ago(wrong, -30))])
    before = store.now()

    wrong.do("worker", "start", "--drain", "--foreground")

    done = wrong.job("due")
    assert (done.state, wrong.job("scheduled").state) == (State.COMPLETED, State.PENDING)
    assert done.started_at is not None
    assert done.finished_at is not None
    assert before <= done.started_at <= done.finished_at <= store.now()


def test_a_retry_is_due_by_the_clock_of_the_server_and_the_log_tells_the_wait(wrong: RealQueue) -> None:
    wrong.do("enqueue", "--id", "a", "--", "false", env={"QUEUECTL_BACKOFF_BASE": "900"})
    before = wrong.store.now()

    wrong.start()
    failed = wrong.wait("a", State.FAILED)

    assert failed.next_run_at is not None
    assert before <= failed.next_run_at - timedelta(minutes=15) <= wrong.store.now()
    wrong.wait_for_event("retry_in=900")


def test_what_is_forgotten_is_old_by_the_clock_of_the_server(wrong: RealQueue) -> None:
    wrong.do("config", "set", "keep_dead", "30m")
    job(wrong.store, State.DEAD, new_job("old"), now=ago(wrong, 45))
    job(wrong.store, State.DEAD, new_job("new"), now=ago(wrong, 5))

    wrong.start()

    eventually(lambda: wrong.store.get("old") is None)
    assert wrong.job("new").state is State.DEAD


# Looking


def test_only_what_is_not_due_is_scheduled(wrong: RealQueue) -> None:
    wrong.store.enqueue([new_job("due", run_at=ago(wrong, 30))], ago(wrong, 60))
    wrong.store.enqueue([new_job("scheduled", run_at=ago(wrong, -30))])

    assert wrong.do("list", "--state", "scheduled", "-q") == "scheduled\n"


MINUTES = "[5-9]m"
"""How long ago five and a half minutes were, on a busy machine."""


def test_ages_are_told_by_the_clock_of_the_server(wrong: RealQueue) -> None:
    then = ago(wrong, 5.5)
    job(wrong.store, State.DEAD, new_job("dead"), now=then)
    wrong.store.enqueue([new_job("ready")], then)
    wrong.store.enqueue([new_job("later", run_at=7200.0)], then)

    listed, status = wrong.do("list"), wrong.do("status")

    assert re.findall(rf"^(\w+) .* {MINUTES} ", listed, re.MULTILINE) == ["later", "ready", "dead"]
    assert re.search(r"runs in 1h 5\d?m", listed)
    assert re.search(r"runs in 1h 5\d?m", wrong.do("show", "later"))
    assert re.search(rf"oldest waiting job: ready, for {MINUTES}$", status, re.MULTILINE)
    assert re.search(rf"^dead .* {MINUTES} ago ", status, re.MULTILINE)


def test_the_age_of_a_worker_elsewhere_is_told_by_the_clock_of_the_server(
    tmp_path: Path, postgres_url: str, wrong: RealQueue
) -> None:
    right = RealQueue(tmp_path, "right", postgres_url)
    try:
        before = wrong.store.now()
        right.start()

        (worker,) = json.loads(wrong.do("worker", "list", "--json"))

        assert 0 <= worker["age_ms"] <= (wrong.store.now() - before).total_seconds() * 1000
    finally:
        right.close()

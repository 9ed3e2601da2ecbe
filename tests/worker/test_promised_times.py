"""What is promised in seconds, as the sum of all that is waited for on the way; no clock is looked at."""

from __future__ import annotations

from queuectl import attemptlog
from queuectl.cli import follow
from queuectl.store.base import LEASE_ENDS_AFTER
from queuectl.worker import loop, sending


def test_what_a_job_prints_is_shown_elsewhere_within_two_seconds() -> None:
    reader = attemptlog.LOOK_EVERY + follow.PAUSE

    assert sending.EVERY + reader < 2
    assert loop.TICK + reader < 2, "the first of it, from a worker that nobody can call"


def test_a_cancel_is_seen_within_a_second_by_a_worker_that_nobody_can_call() -> None:
    assert loop.ASK_WHEN_DEAF < 1


def test_of_a_lease_of_a_minute_its_holder_has_45_seconds() -> None:
    assert LEASE_ENDS_AFTER * 60 == 45

"""The commands of the founding document, as they are written there; workers have tests of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from queuectl.job import Policy, State
from tests.support.factories import BADLY, claimed, new_job, stored_job

if TYPE_CHECKING:
    from queuectl.store.base import Store
    from tests.cli.conftest import Cli


@pytest.mark.parametrize(
    "argv",
    [
        ["enqueue", "--id", "job_success", "--command", "echo 'Hello Success'", "--max-retries", "2"],
        ["enqueue", "--id", "job_fail", "--command", 'node -e "process.exit(1)"', "--max-retries", "2"],
        ["enqueue", "--id", "job_delayed", "--command", "echo delayed", "--run-at", "2026-12-01T10:00:00Z"],
        ["enqueue", "--id", "job_high", "--command", "echo high", "--priority", "10"],
        ["enqueue", "--id", "job_low", "--command", "echo low", "--priority", "1"],
        ["enqueue", "--id", "job1", "--command", "sleep 5", "--timeout", "30"],
        ["enqueue", '{"id":"job1","command":"sleep 2"}'],
        ["list"],
        ["list", "--state", "pending"],
        ["list", "--state", "completed"],
        ["list", "--state", "dead"],
        ["dlq", "list"],
        ["config", "set", "backoff_base", "2"],
        ["config", "get", "backoff_base"],
        ["config", "list"],
        ["metrics"],
        ["status"],
        ["clear"],
    ],
)
def test_a_founding_command_is_accepted(cli: Cli, argv: list[str]) -> None:
    assert cli(*argv).code == 0


def test_pending_jobs_are_listed_by_priority(cli: Cli) -> None:
    cli("enqueue", "--id", "p1", "--command", "echo low", "--priority", "1")
    cli("enqueue", "--id", "p2", "--command", "echo high", "--priority", "10")
    assert cli("list", "--state", "pending", "-q").out == "p2\np1\n"


def test_a_dead_job_is_retried_by_hand(cli: Cli, store: Store) -> None:
    store.enqueue([new_job("job_fail", policy=Policy(max_retries=0))])
    store.finish(claimed(store, "job_fail"), BADLY)
    assert cli("dlq", "list", "-q").out == "job_fail\n"
    assert cli("dlq", "retry", "job_fail").code == 0
    assert stored_job(store, "job_fail").state is State.PENDING


def test_a_job_has_the_founding_fields(cli: Cli) -> None:
    cli("enqueue", "--id", "job1", "--command", "echo Hello", "--priority", "10")
    (job,) = json.loads(cli("list", "--json").out)
    founding = {"id": "job1", "command": "echo Hello", "state": "pending", "attempts": 0, "max_retries": 3}
    assert {name: job[name] for name in founding} == founding
    assert {"priority", "next_run_at", "started_at", "finished_at", "duration_ms"} <= job.keys()

"""`queuectl batch`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from queuectl.job import State
from tests.support.factories import BADLY, NOW, WELL, claimed, new_job, stored_job

if TYPE_CHECKING:
    from queuectl.store.base import Store
    from tests.cli.conftest import Cli


@pytest.fixture
def night(store: Store) -> Store:
    """A batch of three jobs, of which one has completed and one has died, and what waits for it; and another batch."""
    jobs = [new_job(id, max_retries=0, priority=1, batch="night") for id in ("a", "b", "c")]
    follow = [new_job("told", batch="night", batch_role="then"), new_job("over", batch="night", batch_role="finally")]
    store.enqueue([*jobs, *follow, new_job("d", batch="day")], NOW)
    store.finish(claimed(store, "a"), WELL, NOW)
    store.finish(claimed(store, "b"), BADLY, NOW)
    return store


@pytest.mark.usefixtures("night")
def test_batches_are_listed_with_their_counts(cli: Cli) -> None:
    code, out, _ = cli("batch", "list")

    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["BATCH", "JOBS", "PENDING", "COMPLETED", "DEAD"],
        ["day", "1", "1", "0", "0"],
        ["night", "3", "1", "1", "1"],
    ]
    assert cli("batch", "list", "-q").out == "day\nnight\n"
    batches = json.loads(cli("batch", "list", "--json").out)
    assert [(batch["name"], batch["jobs"], batch["ended"]) for batch in batches] == [
        ("day", 1, False),
        ("night", 3, False),
    ]


def test_without_batches_there_is_nothing_to_list(cli: Cli) -> None:
    assert cli("batch", "list") == (0, "", "")
    assert json.loads(cli("batch", "list", "--json").out) == []


@pytest.mark.usefixtures("night")
def test_a_batch_is_shown_with_what_died_and_what_waits(cli: Cli) -> None:
    code, out, _ = cli("batch", "show", "night")

    assert (code, out.splitlines()[0]) == (
        0,
        "batch night: 3 jobs, 1 not ended (1 pending, 1 completed, 1 dead)",
    )
    assert [line.split()[0] for line in out.splitlines() if line and line.split()[0] in ("b", "told", "over")] == [
        "b",
        "told",
        "over",
    ]
    shown = json.loads(cli("batch", "show", "night", "--json").out)
    assert [job["batch_role"] for job in shown["callbacks"]] == ["then", "finally"]
    assert (shown["counts"]["dead"], shown["ended"], shown["completed"]) == (1, False, False)


def test_a_wait_for_a_batch_ends_with_its_highest_code(cli: Cli, night: Store) -> None:
    night.finish(claimed(night, "c"), WELL, NOW)

    code, _, err = cli("batch", "wait", "night")

    assert (code, err) == (3, "2 completed, 1 dead\n")


def test_a_batch_is_cancelled_without_a_question_and_its_end_follows(cli: Cli, night: Store) -> None:
    assert cli("batch", "cancel", "night") == (0, "", "1 job cancelled\n")

    assert [stored_job(night, id).state for id in ("c", "told", "over", "d")] == [
        State.CANCELLED,
        State.CANCELLED,
        State.PENDING,
        State.PENDING,
    ]
    assert cli("batch", "cancel", "night") == (0, "", "no job to cancel\n")


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize("verb", ["show", "wait", "cancel"])
def test_an_unknown_batch_gets_the_nearest_one(cli: Cli, verb: str) -> None:
    code = 125 if verb == "wait" else 3

    assert cli("batch", verb, "nigt") == (code, "", 'queuectl: error: no batch "nigt"\n  did you mean: night\n')

"""What is shown: lists in their orders, and ids for completion."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from queuectl.ids import IdMaker
from queuectl.job import State
from queuectl.paths import Home
from queuectl.store.sqlite.engine import SqliteStore
from tests.support.factories import COOKIE, NOW, WELL, WORKER, after, claimed, job, new_job

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from queuectl.job import Job
    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore


def names(jobs: Iterable[Job]) -> list[str]:
    return [job.id for job in jobs]


def test_all_jobs_come_newest_first(store: Store) -> None:
    for state in (State.COMPLETED, State.DEAD, State.FAILED, State.CANCELLED, State.PROCESSING, State.PENDING):
        job(store, state, new_job(f"{state}"))

    assert names(store.list()) == ["pending", "processing", "cancelled", "failed", "dead", "completed"]


@pytest.mark.parametrize("state", list(State))
def test_a_state_lists_its_jobs_only(store: Store, state: State) -> None:
    reached = [each for each in State if each is not State.BLOCKED]
    for each in sorted(reached, key=lambda each: each is State.PENDING):
        job(store, each, new_job(f"{each}"))

    assert names(store.list(state, now=NOW)) == ([] if state is State.BLOCKED else [f"{state}"])


def test_a_listed_job_is_the_stored_one(store: Store) -> None:
    stored = job(store, State.FAILED, new_job(argv=("a", "b")))

    assert list(store.list()) == list(store.list(State.FAILED)) == [stored]


def test_running_jobs_come_newest_first(store: Store) -> None:
    for id in ("a", "b", "c"):
        job(store, State.PROCESSING, new_job(id), worker=id)

    assert names(store.list(State.PROCESSING)) == ["c", "b", "a"]


@pytest.mark.parametrize("state", [State.COMPLETED, State.DEAD, State.CANCELLED])
def test_finished_jobs_come_last_finished_first(store: Store, state: State) -> None:
    for id, seconds in (("b", 20), ("c", 30), ("a", 10), ("a2", 10)):
        job(store, state, new_job(id), now=after(seconds))

    assert names(store.list(state)) == ["c", "b", "a2", "a"]


def test_failed_jobs_come_in_the_order_of_their_retries(store: Store) -> None:
    for id, seconds in (("b", 20), ("c", 21), ("a", 19)):
        job(store, State.FAILED, new_job(id), now=after(seconds))

    assert names(store.list(State.FAILED, now=after(40))) == ["a", "b", "c"]


def test_failed_jobs_that_are_due_come_first_as_claims_take_them(store: Store) -> None:
    for id, priority in (("old", 0), ("first", 9), ("new", 0), ("later", 9)):
        job(store, State.FAILED, new_job(id, priority=priority))
    store.retry("new", after(1))

    assert names(store.list(State.FAILED, now=after(1))) == ["new", "old", "first", "later"]
    assert names(store.list(State.FAILED, now=after(3))) == ["first", "later", "old", "new"]
    assert names(store.list(State.FAILED, now=after(3), limit=3)) == ["first", "later", "old"]
    assert [claimed(store, now=after(3), worker=id).id for id in "abcd"] == ["first", "later", "old", "new"]


def test_pending_jobs_come_in_the_order_in_which_they_run(store: Store) -> None:
    store.enqueue([new_job("later", run_at=after(200), priority=9), new_job("soon", run_at=after(100))], NOW)
    store.enqueue([new_job("plain"), new_job("first", priority=1)], after(1))

    assert names(store.list(State.PENDING, now=after(2))) == ["first", "plain", "soon", "later"]


def test_pending_jobs_that_are_due_stand_where_they_will_run(store: Store) -> None:
    store.enqueue([new_job("ready"), new_job("ready-low", priority=-1)], NOW)
    store.enqueue([new_job("due-high", run_at=after(20), priority=1), new_job("due", run_at=after(10))], after(1))
    store.enqueue([new_job("future", run_at=after(1000), priority=5)], after(1))

    listed = names(store.list(State.PENDING, now=after(30)))

    order = []
    while found := store.claim(WORKER, COOKIE, after(30)):
        order.append(found.id)
    assert listed == [*order, "future"]
    assert order == ["due-high", "ready", "due", "ready-low"]


def test_scheduled_jobs_are_those_of_the_future_soonest_first(store: Store) -> None:
    store.enqueue([new_job("c", run_at=after(30)), new_job("a", run_at=after(10)), new_job("b", run_at=after(20))], NOW)
    store.enqueue([new_job("now")], NOW)
    job(store, State.CANCELLED, new_job("gone", run_at=after(40)))

    assert names(store.list(State.PENDING, scheduled=True, now=NOW)) == ["a", "b", "c"]
    assert names(store.list(State.PENDING, scheduled=True, now=after(10))) == ["b", "c"]


def test_a_failed_job_is_not_scheduled(store: Store) -> None:
    job(store, State.FAILED)

    assert names(store.list(State.PENDING, scheduled=True, now=NOW)) == []


LISTS: list[tuple[State | None, bool]] = [(None, False), *((state, False) for state in State), (State.PENDING, True)]


@pytest.mark.parametrize(("state", "scheduled"), LISTS)
def test_a_limit_is_the_beginning_of_the_list(store: Store, state: State | None, *, scheduled: bool) -> None:
    reached = [each for each in (State.FAILED, State.COMPLETED, State.DEAD, State.CANCELLED) for _ in range(3)]
    for n, each in enumerate([*reached, *3 * [State.PROCESSING]]):
        job(store, each, now=after(-10 * n))
    store.enqueue((new_job(run_at=after(seconds), priority=n) for n, seconds in enumerate((9, 5, 7, 0, 0))), NOW)

    everything = list(store.list(state, scheduled=scheduled, now=NOW))

    assert len(everything) == {None: 20, State.BLOCKED: 0, State.PENDING: 3 if scheduled else 5}.get(state, 3)
    for limit in (1, 2, 3, 4, 100):
        assert list(store.list(state, scheduled=scheduled, limit=limit, now=NOW)) == everything[:limit]


def test_a_long_list_is_complete_and_in_order(store: Store) -> None:
    store.enqueue((new_job(f"j{n}") for n in range(1234)), NOW)

    assert names(store.list()) == [f"j{n}" for n in range(1233, -1, -1)]
    assert names(store.list(State.PENDING, limit=777)) == [f"j{n}" for n in range(777)]


def test_jobs_that_vanish_while_a_long_list_is_read_are_left_out(store: Store, open_store: OpenStore) -> None:
    store.enqueue((new_job(f"j{n}") for n in range(1500)), NOW)
    other = open_store()
    jobs = store.list()
    seen = [next(jobs).id]

    running = claimed(other, "j0")
    assert sum(len(batch) for batch in other.clear()) == 1499
    other.enqueue([new_job("new")], NOW)
    seen += names(jobs)

    assert seen[:500] == [f"j{n}" for n in range(1499, 999, -1)]
    assert seen[-1] == running.id
    assert len(seen) == len(set(seen))
    assert "new" not in seen


def test_jobs_that_move_while_a_long_list_is_read_come_once(store: Store, open_store: OpenStore) -> None:
    store.enqueue((new_job(f"j{n}") for n in range(1100)), NOW)
    other = open_store()
    jobs = store.list(State.PENDING, now=NOW)
    seen = [next(jobs).id]

    for n in range(600):
        other.finish(claimed(other, f"j{n}"), WELL, NOW)
    seen += names(jobs)

    assert seen == [f"j{n}" for n in range(1100)]


def test_a_half_read_list_keeps_nobody_from_writing(store: Store, open_store: OpenStore) -> None:
    store.enqueue((new_job() for _ in range(600)), NOW)
    jobs = store.list()
    next(jobs)

    other = open_store()
    other.enqueue([new_job("a")], NOW)
    store.enqueue([new_job("b")], NOW)

    assert len(list(jobs)) == 599


def test_ids_are_found_by_their_prefix(store: Store) -> None:
    store.enqueue((new_job(id) for id in ("job1", "job10", "job2", "Job1", "jo", "k", "job1.x", "job1_x", "job")), NOW)

    assert sorted(store.ids("job1", 100)) == ["job1", "job1.x", "job10", "job1_x"]
    assert sorted(store.ids("j", 100)) == ["jo", "job", "job1", "job1.x", "job10", "job1_x", "job2"]
    assert len(store.ids("", 100)) == 9
    assert store.ids("x", 100) == []
    assert store.ids("job%", 100) == store.ids("job?", 100) == store.ids("'", 100) == []


def test_generated_ids_come_newest_first_up_to_the_limit(store: Store) -> None:
    made = IdMaker()
    ids = [made.new() for _ in range(20)]
    store.enqueue((new_job(id) for id in ids), NOW)

    assert store.ids("", 5) == ids[:-6:-1]


PEAK_OF_LIST = """
import sys
from queuectl.paths import Home
from queuectl.store.sqlite.engine import SqliteStore

store = SqliteStore(Home(sys.argv[1]))
limit = int(sys.argv[2])
assert sum(1 for _ in store.list(limit=limit)) == limit
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
store.close()
"""


def test_a_list_costs_eight_bytes_a_job(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "home"))
    home.create()
    store = SqliteStore(home)
    store.enqueue(new_job(f"{n}") for n in range(100_000))
    store.close()

    def peak(limit: int) -> int:
        """Return the most memory, in KiB, that a process uses which reads so many jobs."""
        done = subprocess.run(
            [sys.executable, "-c", PEAK_OF_LIST, home.path, str(limit)], check=True, capture_output=True, text=True
        )
        return int(done.stdout)

    assert peak(100_000) < peak(10_000) + 3 * 1024

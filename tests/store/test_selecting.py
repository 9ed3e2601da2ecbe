"""What is selected of many jobs, and what is done with them at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from queuectl.job import NO_FLOW, NewJob, State
from queuectl.lifecycle import CANCELLABLE, RETRIABLE, Loss
from queuectl.paths import Home
from queuectl.selection import EVERYTHING, Selection
from queuectl.store.sqlite.engine import SqliteStore
from tests.support.eventually import eventually
from tests.support.factories import COOKIE, NOW, WELL, WORKER, after, asked_to_end, claimed, job, new_job, stored_job

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from queuectl.job import Job
    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore

ALL = tuple(State)


def of(*states: State, scheduled: bool = False, queue: str | None = None) -> Selection:
    return Selection((queue,) if queue else (), frozenset(states), scheduled)


def names(jobs: Iterable[Job]) -> list[str]:
    return [job.id for job in jobs]


def selected(store: Store, selection: Selection) -> list[str]:
    """Return the ids of a selection, newest first, as a list and as numbers give them."""
    listed = names(store.select(selection, now=after(1000)))
    chosen = store.matching(selection, ALL, after(1000))
    assert sorted(names(store.jobs([seq for seqs in chosen.values() for seq in seqs]))) == sorted(listed)
    return listed


def tagged(id: str, **tags: str) -> NewJob:
    return new_job(id)._replace(flow=NO_FLOW._replace(tags=tags))


def running(id: str, command: str) -> NewJob:
    return new_job(id)._replace(command=command)


def done(batches: Iterable[Sequence[Job]]) -> list[str]:
    return sorted(job.id for batch in batches for job in batch)


def of_each_state(store: Store) -> dict[State, Job]:
    """Enqueue a job of every state that moves lead to, in an order in which none is in the way of another."""
    reached = (State.COMPLETED, State.DEAD, State.FAILED, State.PROCESSING, State.CANCELLED, State.PENDING)
    return {state: job(store, state, new_job(f"{state}")) for state in reached}


# What is selected


def test_nothing_said_selects_every_job_newest_first(store: Store) -> None:
    store.enqueue((new_job(f"j{n}") for n in range(1234)), NOW)

    assert selected(store, EVERYTHING) == [f"j{n}" for n in range(1233, -1, -1)]


def test_queues(store: Store) -> None:
    store.enqueue([new_job("a", queue="x"), new_job("b", queue="y"), new_job("c", queue="z")], NOW)

    assert selected(store, Selection(("x",))) == ["a"]
    assert selected(store, Selection(("z", "x"))) == ["c", "a"]
    assert selected(store, Selection(("xy",))) == []


def test_tags_all_of_which_a_job_has_to_have(store: Store) -> None:
    nasty = "5' OR \"%\\$.é"
    store.enqueue([tagged("a", run="5"), tagged("b", run="5", of="x"), tagged("c", run="6"), new_job("d")], NOW)
    store.enqueue([NewJob("e", new_job().policy, "true", flow=NO_FLOW._replace(tags={"a.b-c": nasty, "n": "5"}))], NOW)

    assert selected(store, Selection(tags={"run": "5"})) == ["b", "a"]
    assert selected(store, Selection(tags={"run": "5", "of": "x"})) == ["b"]
    assert selected(store, Selection(tags={"a.b-c": nasty})) == ["e"]
    assert selected(store, Selection(tags={"n": "5"})) == ["e"]
    assert selected(store, Selection(tags={"ru": "5"})) == selected(store, Selection(tags={"run": "*"})) == []


def test_a_batch_is_its_jobs_without_what_runs_at_its_end(store: Store) -> None:
    store.enqueue([new_job("a")._replace(flow=NO_FLOW._replace(batch="night"))], NOW)
    store.enqueue([new_job("then")._replace(flow=NO_FLOW._replace(batch="night", batch_role="then"))], NOW)
    store.enqueue([new_job("b")._replace(flow=NO_FLOW._replace(batch="nigh"))], NOW)

    assert selected(store, Selection(batch="night")) == ["a"]


@pytest.mark.parametrize(
    ("like", "found"),
    [
        ("convert", ["c", "b", "a"]),
        ("CONVERT", []),
        ("convert *.png", ["b", "a"]),
        ("*.png", ["b", "a"]),
        ("a.png b", ["b"]),
        ("'a b'", ["d"]),
        ("x y", ["e"]),
        ("wc x y -l", ["e"]),
        ("-l ", []),
        ("[0-9]?", ["f"]),
        ("[0", ["f"]),
        ("%_~", ["g"]),
        ("_n", []),
        ("\\x5c\\", ["h"]),
        ("\\000", ["h"]),
        ("Füße", ["i"]),
        ("Füß*\\303", ["i"]),
        ("F\\303", []),
        ("*", list("ihgfedcba")),
    ],
)
def test_a_piece_of_the_command_in_which_a_star_is_any_text(store: Store, like: str, found: list[str]) -> None:
    store.enqueue(
        [
            running("a", "convert *.png all.pdf"),
            new_job("b", argv=("convert", "a.png", "b.png")),
            new_job("c", argv=("convert",)),
            running("d", "echo 'a b'"),
            new_job("e", argv=("wc", "x y", "-l")),
            running("f", "rm [0-9]?"),
            new_job("g", argv=("100%_~", "n")),
            new_job("h", argv=("echo", "\\x5c\\", "\\000", "")),
            new_job("i", argv=("grep", "Füße", "\\303")),
        ],
        NOW,
    )

    assert selected(store, Selection(command_like=like)) == found


def test_jobs_that_were_enqueued_longer_ago(store: Store) -> None:
    store.enqueue([new_job("old")], NOW)
    store.enqueue([new_job("young")], after(500))

    assert selected(store, Selection(older_than=500)) == ["old"]
    assert selected(store, Selection(older_than=1000)) == []
    assert selected(store, Selection(older_than=0)) == ["young", "old"]


def test_the_age_counts_by_the_stores_clock(store: Store) -> None:
    store.enqueue([new_job("a")])

    assert names(store.select(Selection(older_than=3600.0))) == []
    assert names(store.select(Selection(older_than=0.0))) == ["a"]


def test_states(store: Store) -> None:
    jobs = of_each_state(store)

    for state in jobs:
        assert selected(store, of(state)) == [f"{state}"]
    assert selected(store, of(State.BLOCKED)) == []
    assert selected(store, of(State.FAILED, State.DEAD, State.PENDING)) == ["pending", "failed", "dead"]


def test_scheduled_jobs_are_those_of_the_future(store: Store) -> None:
    job(store, State.FAILED, new_job("failed"))
    store.enqueue([new_job("now"), new_job("later", run_at=after(5000)), new_job("due", run_at=after(999))], NOW)

    assert selected(store, of(State.PENDING, scheduled=True)) == ["later"]
    assert selected(store, of(State.PENDING, scheduled=True, queue="default")) == ["later"]
    assert selected(store, of(State.PENDING, State.FAILED, scheduled=True)) == ["later", "failed"]


def test_all_that_is_said_has_to_apply(store: Store) -> None:
    wanted = tagged("wanted", run="5")._replace(queue="x", command="echo x")
    store.enqueue([wanted, wanted._replace(id="q", queue="y"), wanted._replace(id="c", command="echo y")], NOW)
    store.enqueue([wanted._replace(id="t", flow=NO_FLOW)], NOW)
    store.enqueue([wanted._replace(id="young")], after(990))
    store.enqueue([wanted._replace(id="state")], NOW)
    store.cancel("state", NOW)

    everything = Selection(("x",), frozenset({State.PENDING}), tags={"run": "5"}, command_like="x", older_than=100)
    assert selected(store, everything) == ["wanted"]


@pytest.mark.parametrize("state", [state for state in State if state is not State.BLOCKED])
def test_what_is_selected_of_a_state_comes_in_the_order_of_its_list(store: Store, state: State) -> None:
    for n in (3, 1, 2):
        job(store, state, new_job(f"j{n}", priority=n), now=after(n))
    job(store, state, new_job("j4", priority=9), now=after(2))

    for now in (after(3), after(4), after(3000)):  # of the failed jobs none is due yet, some are, all are
        listed = names(store.list(state, now=now))
        assert len(listed) == 4
        for limit in (0, 1, 2, 3, 5):
            found = names(store.select(of(state, queue="default"), limit=limit, now=now))
            assert found == listed[: limit or None]


def test_jobs_of_the_future_are_selected_in_the_order_of_the_list(store: Store) -> None:
    store.enqueue([new_job("ready", priority=1), new_job("ready-low", priority=-1)], NOW)
    store.enqueue([new_job(f"p{n}", run_at=after(n), priority=n % 3) for n in (50, 10, 30, 40, 20)], NOW)

    for now in (NOW, after(25), after(100)):
        for scheduled in (False, True):
            listed = names(store.list(State.PENDING, scheduled=scheduled, now=now))
            found = names(store.select(of(State.PENDING, scheduled=scheduled, queue="default"), now=now))
            assert found == listed


def test_a_limit_is_the_beginning_of_what_is_selected(store: Store) -> None:
    of_each_state(store)
    for selection in (EVERYTHING, Selection(("default",)), of(State.FAILED, State.DEAD, State.PENDING)):
        everything = names(store.select(selection))
        assert len(everything) >= 3
        assert [names(store.select(selection, limit=n)) for n in (1, 2)] == [everything[:1], everything[:2]]


def test_numbers_come_by_state_with_every_state_that_is_meant(store: Store) -> None:
    jobs = of_each_state(store)

    chosen = store.matching(of(State.DEAD, State.PENDING, State.BLOCKED), {*CANCELLABLE, State.DEAD})

    assert {state: list(seqs) for state, seqs in chosen.items()} == {
        State.PENDING: [jobs[State.PENDING].seq],
        State.DEAD: [jobs[State.DEAD].seq],
        State.BLOCKED: [],
    }


def test_ids_become_numbers_by_state(store: Store) -> None:
    jobs = of_each_state(store)
    store.enqueue([new_job("other")], NOW)

    chosen = store.named(["pending", "dead", "nobody", "'", "cancelled"], {State.PENDING, State.DEAD, State.FAILED})

    assert chosen == {State.PENDING: [jobs[State.PENDING].seq], State.DEAD: [jobs[State.DEAD].seq], State.FAILED: []}


# What is done with them


def test_waiting_jobs_are_cancelled_and_running_ones_asked_to_end(store: Store) -> None:
    jobs = of_each_state(store)

    cancelled = done(store.cancel_all(store.matching(EVERYTHING, CANCELLABLE), after(9)))

    assert cancelled == ["failed", "pending", "processing"]
    for state in (State.FAILED, State.PENDING):
        assert stored_job(store, f"{state}") == jobs[state]._replace(
            state=State.CANCELLED, ready=False, next_run_at=None, finished_at=after(9)
        )
    assert asked_to_end(store, jobs[State.PROCESSING])
    for state in (State.COMPLETED, State.DEAD, State.CANCELLED):
        assert stored_job(store, f"{state}") == jobs[state]


def test_jobs_that_can_be_retried_are(store: Store) -> None:
    jobs = of_each_state(store)

    retried = done(store.retry_all(store.matching(EVERYTHING, RETRIABLE), after(9)))

    assert retried == ["cancelled", "completed", "dead", "failed"]
    for state in (State.CANCELLED, State.COMPLETED, State.DEAD, State.FAILED):
        assert stored_job(store, f"{state}") == jobs[state]._replace(
            state=State.FAILED if state is State.FAILED else State.PENDING,
            ready=True,
            next_run_at=after(9),
            finished_at=None,
            failures=0,
        )
    for state in (State.PENDING, State.PROCESSING):
        assert stored_job(store, f"{state}") == jobs[state]


def test_many_are_done_as_each_would_be(store: Store) -> None:
    """What is decided for all jobs of a state is what is decided for each of them."""
    for n in range(2):
        job(store, State.PENDING, new_job(f"crashed{n}", priority=5 + n))
        for loss in (Loss.CRASHED, Loss.CRASHED, Loss.REBOOTED):
            store.rescue(claimed(store, f"crashed{n}"), loss, NOW)
        job(store, State.FAILED, new_job(f"failed{n}", priority=9 + n))
    one, many = (
        [stored_job(store, "crashed0"), stored_job(store, "failed0")],
        [stored_job(store, "crashed1"), stored_job(store, "failed1")],
    )

    for single, all_at_once, states in (
        (store.cancel, store.cancel_all, CANCELLABLE),
        (store.retry, store.retry_all, RETRIABLE),
    ):
        by_id = [single(each.id, after(3)) for each in one]
        chosen = store.matching(Selection(command_like="true"), states)
        seqs = {each.seq for each in many}
        list(all_at_once({state: [seq for seq in found if seq in seqs] for state, found in chosen.items()}, after(3)))
        for expected, each in zip(by_id, many, strict=True):
            assert stored_job(store, each.id) == expected._replace(seq=each.seq, id=each.id, priority=each.priority)


def test_more_than_a_batch(store: Store) -> None:
    store.enqueue((new_job(f"j{n}", queue="ab"[n % 2]) for n in range(4500)), NOW)

    batches = list(store.cancel_all(store.matching(Selection(("a",)), CANCELLABLE), NOW))

    assert [len(batch) for batch in batches] == [2000, 250]
    assert store.counts()["a"][State.CANCELLED] == 2250
    assert store.counts()["a"][State.PENDING] == 0
    assert store.counts()["b"][State.PENDING] == 2250


def test_each_batch_is_there_for_all_when_it_is_yielded_and_more_is_done_only_on_demand(
    store: Store, open_store: OpenStore
) -> None:
    store.enqueue((new_job(f"j{n}") for n in range(2500)), NOW)
    other = open_store()

    batches = store.cancel_all(store.matching(EVERYTHING, CANCELLABLE), NOW)
    first = next(iter(batches))

    assert other.counts()["default"][State.CANCELLED] == len(first) == 2000
    assert list(other.enqueue([new_job("beside")], NOW)) == ["beside"]


def test_jobs_that_are_enqueued_after_the_selection_are_not_in_it(store: Store) -> None:
    store.enqueue([new_job("a")], NOW)
    chosen = store.matching(EVERYTHING, CANCELLABLE)
    store.enqueue([new_job("b")], NOW)

    assert done(store.cancel_all(chosen, NOW)) == ["a"]
    assert stored_job(store, "b").state is State.PENDING


def test_a_job_that_was_claimed_meanwhile_is_asked_to_end(store: Store, open_store: OpenStore) -> None:
    store.enqueue([new_job("a"), new_job("b")], NOW)
    chosen = store.matching(EVERYTHING, CANCELLABLE)
    run = claimed(open_store(), "a")

    assert done(store.cancel_all(chosen, NOW)) == ["a", "b"]
    assert asked_to_end(store, run)
    assert stored_job(store, "b").state is State.CANCELLED


def test_a_job_that_left_the_states_that_were_named_is_passed_over(store: Store, open_store: OpenStore) -> None:
    store.enqueue([new_job("a"), new_job("b"), new_job("c")], NOW)
    chosen = store.matching(of(State.PENDING), CANCELLABLE)
    other = open_store()
    run = claimed(other, "a")
    other.finish(claimed(other, "b", worker="b" * 32), WELL, NOW)

    assert done(store.cancel_all(chosen, NOW)) == ["c"]
    assert not asked_to_end(store, run)
    assert stored_job(store, "b").state is State.COMPLETED


def test_jobs_that_are_cleared_meanwhile_are_passed_over(store: Store, open_store: OpenStore) -> None:
    store.enqueue([new_job("a")], NOW)
    chosen = store.matching(EVERYTHING, CANCELLABLE)
    list(open_store().clear())

    assert done(store.cancel_all(chosen, NOW)) == []


def test_a_retried_job_can_be_claimed_at_once(store: Store) -> None:
    job(store, State.FAILED, new_job("a"))

    list(store.retry_all(store.matching(EVERYTHING, RETRIABLE), after(0.5)))

    assert store.claim("b" * 32, COOKIE, after(0.5)) is not None


def test_of_jobs_that_workers_take_meanwhile_each_runs_or_is_cancelled(store: Store, open_store: OpenStore) -> None:
    store.enqueue((new_job(f"j{n}") for n in range(3000)), NOW)
    worker = open_store()
    over = threading.Event()
    ran: set[str] = set()

    def work() -> None:
        while not over.is_set() and (run := worker.claim(WORKER, COOKIE)) is not None:
            if worker.finish(run, WELL) is not None:
                ran.add(run.id)

    beside = threading.Thread(target=work)
    beside.start()
    try:
        eventually(lambda: len(ran) > 5)
        cancelled = done(store.cancel_all(store.matching(EVERYTHING, CANCELLABLE)))
    finally:
        over.set()
        beside.join()

    counts = store.counts()["default"]
    assert counts[State.COMPLETED] + counts[State.CANCELLED] == 3000
    assert counts[State.COMPLETED] == len(list(store.list(State.COMPLETED)))
    assert len(cancelled) == len(set(cancelled)) >= counts[State.CANCELLED] > 0


PEAK = """
import sys
from queuectl.lifecycle import CANCELLABLE
from queuectl.paths import Home
from queuectl.selection import Selection
from queuectl.store.sqlite.engine import SqliteStore

store = SqliteStore(Home(sys.argv[1]))
chosen = store.matching(Selection((sys.argv[2],)), CANCELLABLE)
assert sum(map(len, store.cancel_all(chosen))) == int(sys.argv[3])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
store.close()
"""


def test_a_cancel_of_many_costs_eight_bytes_a_job(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "home"))
    home.create()
    store = SqliteStore(home)
    store.enqueue(new_job(f"{n}", queue="few" if n % 10 else "tenth") for n in range(111_111))
    numbers: Mapping[str, int] = {queue: of_queue[State.PENDING] for queue, of_queue in store.counts().items()}
    store.close()

    def peak(queue: str) -> int:
        """Return the most memory, in KiB, that a process uses which cancels the jobs of a queue."""
        done = subprocess.run(
            [sys.executable, "-c", PEAK, home.path, queue, str(numbers[queue])],
            check=True,
            capture_output=True,
            text=True,
        )
        return int(done.stdout)

    assert peak("few") < peak("tenth") + 3 * 1024

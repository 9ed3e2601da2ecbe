"""Jobs in: what is stored, all or none, and at which cost in memory and locks."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from queuectl.errors import Conflict
from queuectl.job import Flow, NewJob, Policy, State
from queuectl.paths import Home
from tests.support.factories import NOW, after, claimed, job, new_job, stored_job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore


def ids_in(store: Store) -> list[str]:
    return sorted(job.id for job in store.list())


EVERYTHING = NewJob(
    "all.of-it_1",
    Policy(7, 12.5, 1.5, 60.0, 0.25, 4),
    command="echo 'é \U0001f600' \\ \"$X\"\n",
    queue="mail",
    priority=-5,
    run_at=after(90),
    cwd="/srv/a b",
    umask=0o027,
    caller_env={"PATH": "/bin", "LANG": "C"},
    env={"K": "v=1", "EMPTY": "", "LINES": "a\nb", "BYTES": "\udcff"},
    secret_env=("TOKEN",),
    stdin="/dev/null",
    flow=Flow(
        tags={"customer": "ACME & sons", "empty": "é"},
        key="disk 1",
        key_limit=3,
        batch="night",
        array_index=7,
        unique_key="one",
        schedule="hourly",
        tick=after(60),
        on_parent_failure="run",
    ),
)


@pytest.mark.parametrize("companions", [0, 2])
def test_everything_that_was_said_is_stored(store: Store, companions: int) -> None:
    store.enqueue([EVERYTHING, *(new_job() for _ in range(companions))], NOW)

    stored = stored_job(store, EVERYTHING.id)

    for field in NewJob._fields:
        if field not in ("run_at", "after"):
            assert getattr(stored, field) == getattr(EVERYTHING, field), field
    assert stored.next_run_at == after(90)
    assert stored.created_at == NOW


@pytest.mark.parametrize("one_by_one", [True, False])
def test_what_one_caller_brings_is_not_taken_for_what_another_one_brought(store: Store, one_by_one: bool) -> None:  # noqa: FBT001
    policy, mine, yours = Policy(), {"PATH": "/mine"}, {"PATH": "/yours"}
    callers = [(0o022, mine), (0o077, mine), (0o077, yours), (0o022, yours), (0o022, mine)]
    jobs = [new_job(policy=policy)._replace(umask=umask, caller_env=env) for umask, env in callers]

    for batch in [[new] for new in jobs] if one_by_one else [jobs]:
        store.enqueue(batch, NOW)

    found = [claimed(store, new.id) for new in jobs]
    assert [(job.umask, job.caller_env) for job in found] == callers


def test_a_new_job_has_not_run(store: Store) -> None:
    stored = job(store, State.PENDING)

    assert (stored.attempt, stored.failures, stored.crashes, stored.interruptions) == (0, 0, 0, 0)
    unknown = ("started_at", "finished_at", "duration", "outcome", "exit_code", "signal", "last_error", "worker")
    assert {getattr(stored, field) for field in (*unknown, "cookie", "cancel_requested_at")} == {None}
    assert store.attempts(stored.seq) == []


@pytest.mark.parametrize(
    "words", [("true",), ("printf", "%s\n", "a b", "", "-x", "é'\"$", "=", "\udcff"), ("",), ("", ""), ("a", "")]
)
def test_an_argv_is_kept_word_by_word(store: Store, words: tuple[str, ...]) -> None:
    stored = job(store, State.PENDING, new_job(argv=words))

    assert stored.argv == words
    assert stored.command is None


@pytest.mark.parametrize("companions", [0, 2])
@pytest.mark.parametrize("seconds", [None, 0, -60])
def test_a_job_of_the_present_or_past_may_run_at_once(store: Store, companions: int, seconds: float | None) -> None:
    new = new_job(run_at=None if seconds is None else after(seconds), priority=1)
    store.enqueue([new, *(new_job() for _ in range(companions))], NOW)

    assert stored_job(store, new.id).ready
    assert claimed(store).id == new.id


@pytest.mark.parametrize("companions", [0, 2])
def test_a_job_of_the_future_may_not_run_yet(store: Store, companions: int) -> None:
    new = new_job(run_at=after(1), priority=1)
    store.enqueue([new, *(new_job(run_at=after(2)) for _ in range(companions))], NOW)

    assert not stored_job(store, new.id).ready
    assert store.claim("w", "c", after(0.999999)) is None


@pytest.mark.parametrize("companions", [0, 2])
def test_a_job_in_so_many_seconds_counts_them_from_its_insert(store: Store, companions: int) -> None:
    store.enqueue([new_job("later", run_at=90.25), *(new_job() for _ in range(companions))], NOW)
    store.enqueue([new_job("now", run_at=0.0), *(new_job() for _ in range(companions))], NOW)
    before = store.now()
    store.enqueue([new_job("real", run_at=3.5), *(new_job() for _ in range(companions))])

    later, now, real = (stored_job(store, id) for id in ("later", "now", "real"))

    assert (later.created_at, later.next_run_at, later.ready) == (NOW, after(90.25), False)
    assert (now.created_at, now.next_run_at, now.ready) == (NOW, NOW, True)
    assert before <= real.created_at <= store.now()
    assert real.next_run_at == real.created_at + timedelta(seconds=3.5)


def test_many_jobs_are_enqueued_when_the_last_of_them_has_come(store: Store, open_store: OpenStore) -> None:
    ends = []

    def slow() -> Iterator[NewJob]:
        yield new_job("first", run_at=5.0)
        yield new_job("last")
        ends.append(open_store().now())

    store.enqueue(slow())

    first, last = stored_job(store, "first"), stored_job(store, "last")
    assert first.created_at == last.created_at >= ends[0]
    assert first.next_run_at == first.created_at + timedelta(seconds=5)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 2500])
def test_the_ids_come_back_in_order(store: Store, number: int) -> None:
    names = [f"n{n * 7919 % 10_000}" for n in range(number)]

    ids = store.enqueue(new_job(name) for name in names)

    assert list(ids) == names
    assert len(ids) == number
    assert all(name in ids for name in names[:3])
    assert "other" not in ids


@pytest.mark.parametrize("number", [1, 3])
def test_jobs_are_numbered_in_the_order_in_which_they_come(store: Store, number: int) -> None:
    for batch in range(3):
        store.enqueue(new_job(f"b{batch}-{number - n}") for n in range(number))

    by_seq = sorted(store.list(), key=lambda job: job.seq)

    assert [job.id for job in by_seq] == [f"b{batch}-{number - n}" for batch in range(3) for n in range(number)]


def test_a_taken_id_is_refused_and_names_the_state(store: Store) -> None:
    first = job(store, State.COMPLETED, new_job("a"))

    with pytest.raises(Conflict, match=r'job "a" already exists \(completed\)'):
        store.enqueue([new_job("a", priority=9)])

    assert stored_job(store, "a") == first


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_taken_id_among_many_adds_none_of_them(store: Store, position: int) -> None:
    job(store, State.PENDING, new_job("taken"))
    names = ["x", "y", "z"]
    names[position] = "taken"

    with pytest.raises(Conflict, match=r'job "taken" already exists \(pending\)'):
        store.enqueue(new_job(name) for name in names)

    assert ids_in(store) == ["taken"]


@pytest.mark.parametrize("names", [["a", "a"], ["a", "b", "a"], ["b", "a", "a"]])
def test_an_id_that_comes_twice_adds_none(store: Store, names: list[str]) -> None:
    with pytest.raises(Conflict, match="twice"):
        store.enqueue(new_job(name) for name in names)

    assert ids_in(store) == []
    assert store.metrics().counts[State.PENDING] == 0


@pytest.mark.parametrize("good", [0, 1, 2, 1500])
def test_an_input_that_fails_midway_adds_none(store: Store, good: int) -> None:
    def broken() -> Iterator[NewJob]:
        for _ in range(good):
            yield new_job()
        raise EOFError("torn")

    with pytest.raises(EOFError, match="torn"):
        store.enqueue(broken())

    assert ids_in(store) == []


def test_after_a_refusal_the_same_store_takes_the_next_jobs(store: Store) -> None:
    with pytest.raises(Conflict):
        store.enqueue([new_job("a"), new_job("b"), new_job("a")])

    store.enqueue([new_job("a"), new_job("b")])
    store.enqueue([new_job("c")])

    assert ids_in(store) == ["a", "b", "c"]


def test_nobody_is_locked_out_while_many_jobs_are_read(store: Store, open_store: OpenStore) -> None:
    other = open_store()

    def interrupted() -> Iterator[NewJob]:
        yield new_job("first")
        yield new_job("second")
        other.enqueue([new_job("meanwhile")])
        yield new_job("third")

    store.enqueue(interrupted())

    assert [job.id for job in sorted(store.list(), key=lambda job: job.seq)] == [
        "meanwhile",
        "first",
        "second",
        "third",
    ]


def test_an_id_that_is_taken_while_many_jobs_are_read_adds_none(store: Store, open_store: OpenStore) -> None:
    other = open_store()

    def overtaken() -> Iterator[NewJob]:
        yield new_job("first")
        yield new_job("second")
        other.enqueue([new_job("first")])

    with pytest.raises(Conflict, match='"first"'):
        store.enqueue(overtaken())

    assert ids_in(store) == ["first"]


def test_a_jobs_policy_stays_as_it_was_enqueued(store: Store) -> None:
    first = job(store, State.PENDING, new_job(policy=Policy(1, 5.0, 3.0, 9.0, 0.5, 2)))
    store.set_setting("backoff_base", "7")

    assert stored_job(store, first.id).policy == Policy(1, 5.0, 3.0, 9.0, 0.5, 2)


PEAK_OF_BULK = """
import sys
from queuectl.paths import Home
from queuectl.store.sqlite.engine import SqliteStore
from queuectl.job import NewJob, Policy

store = SqliteStore(Home(sys.argv[1]))
number = int(sys.argv[2])
policy = Policy()
ids = store.enqueue(NewJob(f"j{n}", policy, command="x" * 100) for n in range(number))
assert len(ids) == number and sum(1 for _ in ids) == number
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
store.close()
"""


def test_memory_does_not_grow_with_the_number_of_jobs(tmp_path: Path) -> None:
    def peak(number: int) -> int:
        """Return the most memory, in KiB, that a process uses which enqueues so many jobs."""
        home = Home(str(tmp_path / str(number)))
        home.create()
        done = subprocess.run(
            [sys.executable, "-c", PEAK_OF_BULK, home.path, str(number)], check=True, capture_output=True, text=True
        )
        return int(done.stdout)

    assert peak(100_000) < peak(10_000) + 4 * 1024

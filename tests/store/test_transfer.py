"""The way of a whole queue from one store to another, whatever happens on it, and the gates at both ends."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from datetime import timedelta
from itertools import count, pairwise
from typing import TYPE_CHECKING, Any, Protocol, cast

import apsw
import psycopg
import pytest

from queuectl import joblogs
from queuectl import transfer as service
from queuectl.errors import Conflict, InvalidInput, StoreClosed, StoreUnavailable
from queuectl.job import NO_FLOW, Condition, Ended, Outcome, Parent, Policy, State
from queuectl.maintenance import Sweeper
from queuectl.paths import Home
from queuectl.rules import Limits, NewPause, Rate
from queuectl.schedule.record import NewSchedule
from queuectl.store.postgres import gate as postgres_gate
from queuectl.store.transfers import Stage
from queuectl.transfer import Moved, abandon, reopen, sums, transfer
from tests.support.eventually import eventually
from tests.support.factories import (
    BADLY,
    COOKIE,
    GIVEN_BACK,
    NOW,
    WELL,
    WORKER,
    after,
    claimed,
    identity,
    job,
    new_job,
    stored_job,
)
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from queuectl.job import Job
    from queuectl.store.base import Store
    from queuectl.store.transfers import Gate
    from tests.store.conftest import OpenStore
    from tests.support.postgres import Cluster

ID, OTHER = "1" * 32, "2" * 32
ELSEWHERE = "postgresql://jobs@db/queue"


HOME = Home("/nonexistent")
"""A home in which no log is."""


def nothing(_: int) -> None:
    pass


def no_log(_seq: int, _attempt: int) -> None:
    pass


def everything(store: Store) -> dict[str, object]:
    """Return all that belongs to a queue, as a transfer compares it."""
    return sums(store.gate())


# A gate


SCHEDULE = NewSchedule("often", "every 1s", "UTC", '{"command": "true"}')

CHANGES: dict[str, Callable[[Store], object]] = {
    "enqueue": lambda store: store.enqueue([new_job()]),
    "enqueue many": lambda store: store.enqueue([new_job(), new_job()]),
    "claim": lambda store: store.claim(WORKER, COOKIE),
    "cancel": lambda store: store.cancel("waiting"),
    "retry": lambda store: store.retry("done"),
    "clear": lambda store: list(store.clear()),
    "prune": lambda store: store.prune(State.COMPLETED, 0, 10),
    "prune the dead": lambda store: store.prune(State.DEAD, 0, 10),
    "set_setting": lambda store: store.set_setting("grace", "1s"),
    "limit_queue": lambda store: store.limit_queue("q", Limits(concurrency=1)),
    "pause_queue": lambda store: store.pause_queue("q", NewPause("ann@here")),
    "register": lambda store: store.register(identity("9" * 32), 60.0),
    "add a schedule": lambda store: store.schedules().add([SCHEDULE._replace(name="other")]),
    "tick": lambda store: store.schedules().make_due(lambda _schedule, _tick: new_job()),
    "pause a schedule": lambda store: store.schedules().pause(SCHEDULE.name),
    "remove a schedule": lambda store: store.schedules().remove(SCHEDULE.name),
}


@pytest.fixture
def closed_store(store: Store) -> Store:
    """A store that is closed, with a job that is done and one that waits."""
    job(store, State.COMPLETED, new_job("done"))
    job(store, new=new_job("waiting"))
    store.gate().begin_leaving(ID, ELSEWHERE)
    return store


@pytest.mark.parametrize("change", CHANGES)
def test_a_closed_queue_is_changed_by_nobody(open_store: OpenStore, change: str) -> None:
    early = open_store()
    job(early, State.DEAD)
    job(early, State.COMPLETED, new_job("done"))
    job(early, new=new_job("waiting"))
    early.schedules().add([SCHEDULE], NOW)
    before = everything(early)
    open_store().gate().begin_leaving(ID, ELSEWHERE)

    for store in (early, open_store()):
        with pytest.raises(StoreClosed, match=f"is being moved to {ELSEWHERE}"):
            CHANGES[change](store)
    assert everything(early) == before


def test_a_closed_queue_is_read_as_ever(closed_store: Store) -> None:
    assert [found.id for found in closed_store.list()] == ["waiting", "done"]
    assert closed_store.metrics().counts[State.COMPLETED] == 1
    assert closed_store.settings() == {}


def test_a_worker_may_leave_a_closed_queue(store: Store) -> None:
    store.register(identity(), 60.0)
    store.gate().begin_leaving(ID, ELSEWHERE)
    store.mark_stopping(WORKER)
    store.deregister(WORKER)

    assert store.workers() == []


@pytest.mark.parametrize("change", CHANGES)
def test_a_queue_that_stays_is_changed_as_before(open_store: OpenStore, change: str) -> None:
    early = open_store()
    job(early, State.DEAD)
    job(early, State.COMPLETED, new_job("done"))
    job(early, new=new_job("waiting"))
    early.schedules().add([SCHEDULE], NOW)
    gate = open_store().gate()
    gate.begin_leaving(ID, ELSEWHERE)
    gate.stay(ID)

    CHANGES[change](early)


def test_a_queue_in_which_a_job_runs_is_not_closed(store: Store) -> None:
    job(store, State.PROCESSING, new_job("busy"))
    with pytest.raises(Conflict, match="job busy is running"):
        store.gate().begin_leaving(ID, ELSEWHERE)

    store.enqueue([new_job()])
    assert store.gate().transfers() == {}


def test_a_closed_queue_is_not_closed_again(closed_store: Store) -> None:
    with pytest.raises(Conflict, match=f"is being moved to {ELSEWHERE}"):
        closed_store.gate().begin_leaving(OTHER, "elsewhere")
    assert closed_store.gate().transfers()[Stage.LEAVING].id == ID


def test_a_queue_that_has_left_says_where_it_is(closed_store: Store) -> None:
    closed_store.gate().leave(ID)

    with pytest.raises(StoreClosed, match=f"has moved to {ELSEWHERE}") as refused:
        closed_store.enqueue([new_job()])
    assert refused.value.hint == f"use it there: --store {ELSEWHERE}"
    assert refused.value.exit_code == 5


STEPS: dict[str, Callable[[Gate, str], object]] = {
    "stay": lambda gate, id: gate.stay(id),
    "leave": lambda gate, id: gate.leave(id),
    "take_in": lambda gate, id: gate.take_in(id, 0, gate.batch(0, 10), no_log),
    "take_in_rest": lambda gate, id: gate.take_in_rest(id, gate.rest()),
    "send_back": lambda gate, id: gate.send_back(id),
    "arrive": lambda gate, id: gate.arrive(id),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_another_transfer_changes_nothing(closed_store: Store, step: str) -> None:
    before = everything(closed_store), closed_store.gate().transfers()
    with pytest.raises(Conflict, match="another process"):
        STEPS[step](closed_store.gate(), OTHER)

    assert (everything(closed_store), closed_store.gate().transfers()) == before
    with pytest.raises(StoreClosed):
        closed_store.enqueue([new_job()])


def test_jobs_are_taken_in_only_behind_those_that_are_there(open_store: OpenStore, new_place: NewPlace) -> None:
    source = opened(new_place("sqlite"))
    source.enqueue([new_job() for _ in range(4)])
    gate = open_store().gate()
    gate.begin_arriving(ID, "elsewhere", ID)
    first = source.gate().batch(0, 2)
    gate.take_in(ID, 0, first, no_log)

    for behind in (0, 1, 3):
        with pytest.raises(Conflict):
            gate.take_in(ID, behind, source.gate().batch(2, 2), no_log)
    assert gate.batch(0, 10) == first
    assert gate.transfers()[Stage.ARRIVING].upto == first.jobs[-1][0]
    source.close()


def test_there_is_room_only_where_no_job_is(store: Store) -> None:
    store.gate().check_room(None)
    job(store, State.DEAD)

    with pytest.raises(Conflict, match="there are jobs in"):
        store.gate().begin_arriving(ID, "elsewhere", ID)
    store.enqueue([new_job()])


def test_there_is_room_only_where_no_schedule_is(store: Store) -> None:
    store.schedules().add([SCHEDULE], NOW)

    with pytest.raises(Conflict, match="there are schedules in"):
        store.gate().begin_arriving(ID, ELSEWHERE, ID)


def test_what_has_left_is_replaced_only_by_what_comes_back(closed_store: Store) -> None:
    gate = closed_store.gate()
    gate.leave(ID)

    with pytest.raises(Conflict, match="is the copy of another queue"):
        gate.check_room(OTHER)
    with pytest.raises(Conflict, match="is the copy of another queue"):
        gate.check_room(None)
    gate.begin_arriving(OTHER, ELSEWHERE, ID)
    assert gate.batch(0, 10).jobs == []


def test_a_store_from_which_a_queue_is_sent_back_is_empty_and_open(store: Store) -> None:
    source_rows = filled(store)
    gate = store.gate()
    batch, rest = gate.batch(0, 100), gate.rest()
    list(store.clear())
    for schedule in store.schedules().all():
        store.schedules().remove(schedule.name)
    gate.begin_arriving(ID, "elsewhere", ID)
    gate.take_in(ID, 0, batch, no_log)
    gate.take_in_rest(ID, rest)
    assert everything(store) == source_rows

    gate.send_back(ID)
    assert gate.batch(0, 1).jobs == []
    assert store.settings() == {}
    assert store.metrics().completed is None
    assert not any(store.metrics().counts.values())
    store.enqueue([new_job()])


def test_the_copy_of_a_queue_that_has_left_stays_closed_when_its_return_is_given_up(closed_store: Store) -> None:
    gate = closed_store.gate()
    gate.leave(ID)
    gate.begin_arriving(OTHER, ELSEWHERE, ID)
    with pytest.raises(StoreClosed, match="a queue is being moved from"):
        closed_store.enqueue([new_job()])
    gate.send_back(OTHER)

    with pytest.raises(StoreClosed, match=f"has moved to {ELSEWHERE}"):
        closed_store.enqueue([new_job()])


def test_a_queue_is_closed_once_the_writers_that_have_begun_are_done(postgres_url: str) -> None:
    store, other = opened(postgres_url), opened(postgres_url)
    with psycopg.connect(postgres_url) as writer, psycopg.connect(postgres_url, autocommit=True) as watcher:
        # What an enqueue does first, and its commit takes long.
        writer.execute("INSERT INTO queuectl.job_ids (id, enqueue_key) VALUES ('slow', '')")
        closing = threading.Thread(target=store.gate().begin_leaving, args=(ID, ELSEWHERE))
        closing.start()
        eventually(
            lambda: (
                watcher.execute("SELECT FROM pg_locks WHERE NOT granted AND mode = 'ShareRowExclusiveLock'").rowcount
            )
        )
        assert other.gate().transfers() == {}
        writer.commit()
        closing.join()
        with pytest.raises(psycopg.Error, match="leaving"):
            writer.execute("INSERT INTO queuectl.job_ids (id, enqueue_key) VALUES ('late', '')")
    store.close()
    other.close()


# The way


class NewPlace(Protocol):
    """Makes an empty place of an engine."""

    def __call__(self, engine: str) -> str: ...


NUMBERS = count(1)


@pytest.fixture
def new_place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[NewPlace]:
    made: list[str] = []

    def new(engine: str) -> str:
        if engine == "sqlite":
            return str(tmp_path / f"home-{next(NUMBERS)}")
        url: str = request.getfixturevalue("postgres_url")
        cluster: Cluster = request.getfixturevalue("postgres")
        made.append(f"{url.partition('?')[0].rpartition('/')[2]}-{next(NUMBERS)}")
        place = cluster.create_database(made[-1], made[-1].rsplit("-", 3)[0] + "-template")
        with psycopg.connect(place) as database:
            database.execute("UPDATE queuectl.identity SET id = DEFAULT")  # that of the template would be everybody's
        return place

    yield new
    for name in made:
        request.getfixturevalue("postgres").drop_database(name)


@pytest.fixture(
    params=["sqlite to postgres", "postgres to sqlite", "postgres to postgres", "sqlite to sqlite"],
)
def ends(request: pytest.FixtureRequest, new_place: NewPlace) -> Iterator[tuple[Store, Store]]:
    """A store to leave and one to come to."""
    start, end = request.param.split(" to ")
    source, target = opened(new_place(start)), opened(new_place(end))
    yield source, target
    source.close()
    target.close()


DIRECTIONS = pytest.mark.parametrize("ends", ["sqlite to postgres", "postgres to sqlite"], indirect=True)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BATCH", 3)


NASTY = "tab\t nl\n cr\r back\\slash \\N \\. é \U0001f600 'quote' \"double\" {} %s"


def filled(store: Store) -> dict[str, object]:
    """Put jobs of every kind into a store; return all that belongs to the queue then."""
    store.limit_queue("few", Limits(concurrency=3, rate=Rate(1, 1e8)), NOW)
    store.enqueue([new_job("few", queue="few"), new_job("held", queue="few", key="k", limit=2)], NOW)
    store.finish(claimed(store, "few"), WELL, NOW)
    assert store.claim(WORKER, COOKIE, NOW) is None
    store.pause_queue("few", NewPause("ann@here", NASTY, 60.000001), NOW)
    job(store, State.DEAD, new_job("dead"))
    job(store, State.COMPLETED, new_job("completed", argv=("echo", NASTY, "\udcff")), now=after(-86400 * 3))
    job(store, State.CANCELLED, new_job("cancelled", queue="other"))
    job(store, State.COMPLETED, new_job("old"), now=after(-86400 * 400))
    several = new_job("several", policy=Policy(max_retries=9, timeout=1.1, backoff_base=1.5, backoff_jitter=0.3))
    store.enqueue([several], NOW)
    moment = 0
    for number in range(3):
        ended = Ended(Outcome.EXITED, exit_code=3, error=f"{NASTY} {number}", duration=0.000001 * number)
        store.finish(claimed(store, "several", now=after(moment)), ended, after(moment + 0.123457))
        moment += 1000
    store.finish(claimed(store, "several", now=after(moment)), GIVEN_BACK, after(moment + 1))
    store.cancel("several", after(moment + 2))
    retried = job(store, State.DEAD, new_job("retried"))
    store.retry(retried.id, after(5))
    store.finish(claimed(store, "retried", now=after(6)), WELL, after(7))
    store.finish(claimed(store, job(store, new=new_job("failed")).id, now=after(8)), BADLY, after(9))
    nasty = new_job("nasty", queue="q.1", priority=-5)._replace(
        command=NASTY,
        cwd=f"/{NASTY}",
        umask=0o077,
        caller_env={"PATH": "/bin", "TZ": NASTY},
        env={"A": NASTY, "B": "", "C": "\udcfe"},
        secret_env=("TOKEN", "KEY"),
        stdin=f"/{NASTY}",
    )
    store.enqueue([nasty, new_job("later", priority=10**12, run_at=NOW + timedelta(days=3650, microseconds=1))], NOW)
    parents = [Parent("completed"), Parent("failed", Condition.ANY)]
    store.enqueue([new_job("child", after=parents, on_parent_failure="wait", run_at=after(99), batch="night")], NOW)
    store.enqueue([new_job("given-up", after=["dead"]), new_job("report", batch="night", batch_role="then")], NOW)
    store.enqueue([new_job("gone")], NOW)
    store.cancel("gone", after(-(10**9)))
    store.prune(State.CANCELLED, 86400.0, 10, NOW)
    store.set_setting("grace", "7s")
    store.set_setting("keep_dead", "90d")
    nightly = NewSchedule("nightly", "30 2 * * *", "Europe/Berlin", f'{{"command": "{NASTY}"}}', within=1.5, splay=0.1)
    store.schedules().add([nightly, SCHEDULE._replace(caller_env={"TZ": NASTY})], NOW)
    store.schedules().pause("nightly", after(3))
    store.schedules().make_due(lambda _, tick: new_job()._replace(flow=NO_FLOW._replace(tick=tick)), after(5))
    return everything(store)


def test_a_queue_arrives_as_it_was(ends: tuple[Store, Store]) -> None:
    source, target = ends
    before = filled(source)
    jobs = {found.id: (found, source.attempts(found.seq)) for found in source.list()}
    metrics = source.metrics()
    schedules = [(found, source.schedules().ticks(found.name)) for found in source.schedules().all()]
    assert all(found.paused_at or ticks for found, ticks in schedules)

    assert move(source, target) == Moved(len(jobs), target.gate().place, already=False)

    assert everything(target) == before
    assert {found.id: (found, target.attempts(found.seq)) for found in target.list()} == jobs
    assert target.metrics()._replace(upkeep=None) == metrics._replace(upkeep=None)
    assert target.settings() == {"grace": "7s", "keep_dead": "90d"}
    assert [(found, target.schedules().ticks(found.name)) for found in target.schedules().all()] == schedules
    assert everything(source) == before


def test_what_was_held_where_a_queue_was_starts_where_it_is(ends: tuple[Store, Store]) -> None:
    source, target = ends
    source.limit_queue("few", Limits(concurrency=1), NOW)
    source.enqueue([*(new_job(queue="few") for _ in range(3)), *(new_job(key="k") for _ in range(3))], NOW)
    running = [claimed(source), claimed(source)]
    assert source.claim(WORKER, COOKIE, NOW) is None
    for one in running:
        source.finish(one, WELL, NOW)

    move(source, target)

    left = [claimed(target, now=after(1)), claimed(target, now=after(1))]
    assert target.claim(WORKER, COOKIE, after(1)) is None
    assert all(target.finish_and_claim(one, WELL, COOKIE, after(2))[1] is not None for one in left)


def test_a_queue_goes_on_where_it_arrives_and_nowhere_else(ends: tuple[Store, Store]) -> None:
    source, target = ends
    filled(source)
    last = max(found.seq for found in source.list())
    move(source, target)

    with pytest.raises(StoreClosed, match="has moved to"):
        source.enqueue([new_job()])
    with pytest.raises(StoreClosed, match="has moved to"):
        source.claim(WORKER, COOKIE)
    target.enqueue([new_job("new")])
    assert stored_job(target, "new").seq > last
    found = target.claim(WORKER, COOKIE)
    assert found is not None
    assert target.finish(found, WELL) is not None
    with pytest.raises(Conflict):
        target.enqueue([new_job("dead")])


def test_a_number_is_never_given_again(ends: tuple[Store, Store]) -> None:
    source, target = ends
    last = job(source, State.CANCELLED).seq
    list(source.clear())
    move(source, target)
    first = job(target)

    assert first.seq > last
    list(target.clear())
    move(target, source)
    assert job(source).seq > first.seq


def test_a_target_that_has_given_larger_numbers_goes_on_with_them(ends: tuple[Store, Store]) -> None:
    source, target = ends
    last = [job(target) for _ in range(5)][-1].seq
    list(target.clear())
    job(source)
    move(source, target)

    assert job(target).seq > last


def test_a_queue_comes_back_and_replaces_what_it_left(ends: tuple[Store, Store]) -> None:
    source, target = ends
    filled(source)
    move(source, target)
    target.enqueue([new_job("new")])
    target.cancel("nasty")
    target.set_setting("grace", "8s")
    before = everything(target)
    for start, end in ((target, source), (source, target), (target, source)):
        move(start, end)
        assert everything(end) == before
        with pytest.raises(StoreClosed):
            start.enqueue([new_job()])

    job(source)


@pytest.mark.parametrize("ends", ["sqlite to postgres", "postgres to sqlite"], indirect=True)
def test_a_queue_comes_back_by_way_of_other_places(ends: tuple[Store, Store], new_place: NewPlace) -> None:
    places = [*ends, opened(new_place("sqlite"))]
    before = filled(places[0])
    for number in range(7):
        start, end = places[number % 3], places[(number + 1) % 3]
        move(start, end)
        assert everything(end) == before
        assert (is_open(start), is_open(end)) == (False, True)
    move(places[1], places[0])  # and the other way round

    job(places[0])
    places[2].close()


def test_an_empty_queue_is_moved_with_its_settings(ends: tuple[Store, Store]) -> None:
    source, target = ends
    source.set_setting("grace", "7s")
    target.set_setting("lease", "9s")

    assert move(source, target).jobs == 0
    assert target.settings() == {"grace": "7s"}


def test_a_queue_that_has_moved_is_moved_no_more(ends: tuple[Store, Store]) -> None:
    source, target = ends
    filled(source)
    moved = move(source, target)
    target.enqueue([new_job()])
    before = everything(target)

    assert move(source, target) == moved._replace(already=True)
    assert everything(target) == before


def test_a_queue_does_not_go_where_jobs_are(ends: tuple[Store, Store]) -> None:
    source, target = ends
    job(target)
    with pytest.raises(Conflict, match="there are jobs in"):
        move(source, target)

    for store in ends:
        store.enqueue([new_job()])


@pytest.mark.parametrize("ends", ["sqlite to postgres", "postgres to postgres"], indirect=True)
def test_a_queue_does_not_go_where_workers_wait(ends: tuple[Store, Store]) -> None:
    source, target = ends
    target.register(identity(), 60)
    job(source)
    with pytest.raises(Conflict, match="workers serve"):
        move(source, target)

    target.deregister(WORKER)
    assert move(source, target).jobs == 1


def test_a_queue_does_not_replace_another_one_that_has_moved(ends: tuple[Store, Store], new_place: NewPlace) -> None:
    source, target = ends
    third = opened(new_place("sqlite"))
    job(source)
    move(target, third)
    with pytest.raises(Conflict, match="is the copy of another queue"):
        move(source, target)

    source.enqueue([new_job()])
    third.close()


def test_a_queue_that_runs_a_job_does_not_go(ends: tuple[Store, Store]) -> None:
    source, target = ends
    job(source, State.PROCESSING)
    with pytest.raises(Conflict, match="is running"):
        move(source, target)

    for store in ends:
        store.enqueue([new_job()])


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_queue_does_not_go_where_it_is(new_place: NewPlace, engine: str) -> None:
    place = new_place(engine)
    one, two = opened(place), opened(place)
    with pytest.raises(InvalidInput, match="already"):
        move(one, two)

    job(one)
    with pytest.raises(InvalidInput, match="already"):
        move(one, two)
    job(two)
    one.close()
    two.close()


def test_a_queue_does_not_go_where_it_is_by_another_name(postgres_url: str) -> None:
    one, two = opened(postgres_url), opened(f"{postgres_url}&application_name=other")
    with pytest.raises(InvalidInput, match="already"):
        move(one, two)

    job(one)
    one.close()
    two.close()


def test_finished_jobs_are_in_the_table_of_their_day(new_place: NewPlace) -> None:
    source, url = opened(new_place("sqlite")), new_place("postgres")
    target = opened(url)
    with psycopg.connect(url) as database:
        ((today,),) = database.execute("SELECT date_trunc('day', clock_timestamp(), 'UTC')")
        for days in (1, 5, 500):
            job(source, State.COMPLETED, new_job(f"done-{days}"), now=today - timedelta(days=days))
            job(source, State.CANCELLED, new_job(f"cancelled-{days}"), now=today - timedelta(days=days))
        move(source, target)
        rows = database.execute("SELECT id, tableoid::regclass::text FROM queuectl.jobs").fetchall()

    assert dict(rows) == {
        **{f"done-{n}": f"queuectl.completed_{today - timedelta(days=n):%Y%m%d}" for n in (1, 5)},
        **{f"cancelled-{n}": f"queuectl.cancelled_{today - timedelta(days=n):%Y%m%d}" for n in (1, 5)},
        "done-500": "queuectl.completed_other",
        "cancelled-500": "queuectl.cancelled_other",
    }
    source.close()
    target.close()


def test_a_page_of_jobs_is_read_by_their_numbers(new_place: NewPlace) -> None:
    url = new_place("postgres")
    source, target = opened(new_place("sqlite")), opened(url)
    source.enqueue(new_job() for _ in range(20_000))
    move(source, target)
    with psycopg.connect(url) as database:
        plan = database.execute(
            "EXPLAIN SELECT * FROM queuectl.jobs WHERE seq > 10000 ORDER BY seq LIMIT 2000"
        ).fetchall()

    assert "jobs_unfinished" in str(plan)
    assert "Sort Key: unfinished" not in str(plan)
    source.close()
    target.close()


# Logs


def logged(store: Store, home: Home, id: str, runs: int, size: int = 0) -> Job:
    """Run a job that fails so often, and prints its attempts; its logs are in the home, and kept if the store does."""
    store.enqueue([new_job(id, policy=Policy(max_retries=9, backoff_max=0.0))], NOW)
    for number in range(1, runs + 1):
        found = claimed(store, id)
        writer = joblogs.LogWriter(home.job_logs(store.id), found.seq, number, 10**7)
        for line in range(size):
            writer.write("stdout", b"line %d\n" % line)
        writer.write("stderr", b"%d\n" % number)
        writer.close()
        store.finish(found, BADLY._replace(log=joblogs.end_of(writer)), NOW)
    store.cancel(id, NOW)  # it is not to be claimed again
    return stored_job(store, id)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The home in which the logs are."""
    home = Home(str(tmp_path / "here"))
    home.create()
    return home


def printed(home: Home, store: Store, seq: int, attempt: int) -> bytes:
    """Return what is in a log in the home."""
    return b"".join(line.text for line in joblogs.read(home.job_logs(store.id), seq, attempt))


def test_the_logs_of_a_home_go_along_and_a_database_keeps_their_ends(
    home: Home, new_place: NewPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BATCH", 2)
    source, target = opened(home.path), opened(new_place("postgres"))
    jobs = [logged(source, home, f"job-{n}", runs=n) for n in range(4)]
    long = logged(source, home, "long", runs=2, size=20_000)
    before = {(found.seq, n): printed(home, source, found.seq, n) for found in (*jobs, long) for n in (1, 2, 3)}
    transfer(source, target, home, nothing)

    assert {run: printed(home, target, *run) for run in before} == before
    for found in jobs:
        for number in range(1, found.attempt + 1):
            (kept,) = target.log_parts(found.seq, number, -1, ended=True)
            assert (kept.end, kept.lines.partition(b" F ")[2]) == (2, b"%d\n" % number)
    assert target.log_parts(jobs[0].seq, 1, -1, ended=True) == []
    for number in (1, 2):
        (kept,) = target.log_parts(long.seq, number, -1, ended=True)
        assert kept.end == len(before[long.seq, number])
        assert 60_000 < len(kept.lines) <= joblogs.KEPT
        assert kept.lines.endswith(b" stderr F %d\n" % number)
    source.close()
    target.close()


@pytest.mark.parametrize("where", ["on this machine", "on another one"])
def test_the_logs_of_a_database_go_along_whole_or_their_ends(home: Home, new_place: NewPlace, where: str) -> None:
    source, target = opened(new_place("postgres")), opened(home.path)
    there = home if where == "on this machine" else Home(new_place("sqlite"))
    there.create()
    jobs = [logged(source, there, f"job-{n}", runs=n) for n in range(4)]
    long = logged(source, there, "long", runs=1, size=20_000)
    runs = [(found.seq, n) for found in jobs for n in range(1, found.attempt + 1)]
    before = {run: printed(there, source, *run) for run in runs}
    whole = printed(there, source, long.seq, 1)
    transfer(source, target, home, nothing)

    assert {run: printed(home, target, *run) for run in runs} == before
    arrived = printed(home, target, long.seq, 1)
    if where == "on this machine":
        assert arrived == whole
    else:
        first, _, rest = arrived.partition(b"\n")
        assert first.endswith(b" dropped")
        assert whole.endswith(rest)
        assert len(rest) > 10_000
    # And back: what the database keeps is what it has kept.
    kept = {run: source.log_parts(*run, -1, ended=True) for run in [*runs, (long.seq, 1)]}
    transfer(target, source, home, nothing)
    assert {run: source.log_parts(*run, -1, ended=True) for run in kept} == kept
    source.close()
    target.close()


def names_of_logs(home: Home) -> list[str]:
    """Return every name of a log in a home."""
    return [name for _, _, names in os.walk(home.logs) for name in names if ".log" in name]


def clear(store: Store, home: Home) -> None:
    for seqs in store.clear():
        joblogs.delete(home, store.id, *seqs)


def clear_elsewhere(store: Store, home: Home) -> None:
    list(store.clear())
    sweep(store, home)


def sweep(store: Store, home: Home) -> None:
    """Sweep away the logs of which the store knows no job, however young they are."""
    for directory, _, names in os.walk(home.logs):
        for name in names:
            os.utime(os.path.join(directory, name), (0, 0))
    sweeper = Sweeper(store, home)
    for _ in range(9):
        sweeper.sweep(time.monotonic())


@pytest.mark.parametrize("forget", [clear, clear_elsewhere])
@pytest.mark.parametrize("start", ["sqlite", "postgres"])
def test_a_log_is_gone_from_the_home_when_its_job_is_forgotten_where_the_queue_is(
    home: Home, new_place: NewPlace, start: str, forget: Callable[[Store, Home], None]
) -> None:
    places = [home.path if engine == "sqlite" else new_place(engine) for engine in (start, "postgres", "sqlite")]
    stores = list(map(opened, dict.fromkeys(places)))
    logged(stores[0], home, "job", runs=2, size=20_000)
    for source, target in pairwise(stores):
        transfer(source, target, home, nothing)
    assert len(names_of_logs(home)) == 2 * len(stores)
    forget(stores[-1], home)

    assert names_of_logs(home) == []
    for store in stores:
        store.close()


@DIRECTIONS
@pytest.mark.usefixtures("small_batches")
def test_the_logs_of_a_transfer_that_was_killed_come_with_the_next(ends: tuple[Store, Store], home: Home) -> None:
    source, target = ends
    ran = logged(source, home, "job", runs=2)
    for step in count(1):
        died = killed(lambda source, target: transfer(source, target, home, nothing), (source, target), step)
        transfer(source, target, home, nothing)
        assert [printed(home, target, ran.seq, n) for n in (1, 2)] == [b"1\n", b"2\n"]
        if not died:
            break
        source, target = target, source
    else:
        pytest.fail("it was always killed")


@DIRECTIONS
def test_the_logs_of_a_transfer_that_was_given_up_stay_whatever_its_target_forgets(
    ends: tuple[Store, Store], home: Home
) -> None:
    source, target = ends
    ran = logged(source, home, "job", runs=2)
    for step in (5, 6):  # the jobs have arrived, nothing has left
        assert killed(lambda source, target: transfer(source, target, home, nothing), ends, step)
        abandon(source, target)
        sweep(target, home)

    assert [printed(home, source, ran.seq, n) for n in (1, 2)] == [b"1\n", b"2\n"]


@DIRECTIONS
def test_the_logs_of_a_queue_that_was_opened_again_stay_whatever_the_other_one_forgets(
    ends: tuple[Store, Store], home: Home
) -> None:
    source, target = ends
    ran = logged(source, home, "job", runs=2)
    transfer(source, target, home, nothing)
    reopen(source, home)
    clear(target, home)
    sweep(target, home)

    assert [printed(home, source, ran.seq, n) for n in (1, 2)] == [b"1\n", b"2\n"]


def test_the_logs_of_another_machine_come_along_when_the_same_is_done_there(home: Home, new_place: NewPlace) -> None:
    source, target = opened(new_place("postgres")), opened(new_place("postgres"))
    there = Home(new_place("sqlite"))
    there.create()
    ran = logged(source, there, "job", runs=2)
    transfer(source, target, home, nothing)
    assert printed(there, target, ran.seq, 1) == b""
    assert transfer(source, target, there, nothing).already

    assert [printed(there, target, ran.seq, n) for n in (1, 2)] == [b"1\n", b"2\n"]
    source.close()
    target.close()


def test_a_database_gives_the_ends_of_logs_to_another_one(
    new_place: NewPlace, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_gate, "LOGS", 2)
    source, target = opened(new_place("postgres")), opened(new_place("postgres"))
    jobs = [logged(source, home, f"job-{n}", runs=n % 4) for n in range(9)]
    kept = {(f.seq, n): source.log_parts(f.seq, n, -1, ended=True) for f in jobs for n in range(1, 5)}
    transfer(source, target, HOME, nothing)

    assert {run: target.log_parts(*run, -1, ended=True) for run in kept} == kept
    assert sum(map(len, kept.values())) == sum(found.attempt for found in jobs)
    source.close()
    target.close()


# What happens on it


class Killed(BaseException):
    """The process ends here."""


STEPS_OF_A_TRANSFER = {
    *("begin_leaving", "begin_arriving", "take_in", "take_in_rest"),
    *("stay", "leave", "send_back", "arrive"),
}


class Watched:
    """A store, and its gate, of which each step of a transfer is heard of: when it begins, and when it is done."""

    def __init__(self, thing: Any, hear: Callable[[str], None]) -> None:  # noqa: ANN401  a store or a gate
        self._thing = thing
        self._hear = hear

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        found = getattr(self._thing, name)
        if name == "gate":
            return lambda: Watched(found(), self._hear)
        if name not in STEPS_OF_A_TRANSFER:
            return found

        def step(*values: object) -> object:
            self._hear(f"before {name}")
            done = found(*values)
            self._hear(f"after {name}")
            return done

        return step


def killed(work: Callable[[Any, Any], object], ends: tuple[Store, Store], moments: int) -> bool:
    """Do something with both ends in a process that is killed after so many moments, if it lives so long."""
    left = moments

    def live(_: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    source, target = ends
    try:
        work(Watched(source, live), Watched(target, live))
    except Killed:
        return True
    return False


def move(source: Store, target: Store) -> Moved:
    return transfer(source, target, HOME, nothing)


AFTER_ONE_BATCH = 5
"""Moments of a transfer after which both ends have begun, and the first batch has arrived."""


def is_open(store: Store) -> bool:
    return store.gate().transfers().keys() <= {Stage.ARRIVED}


@DIRECTIONS
@pytest.mark.usefixtures("small_batches")
def test_a_transfer_that_was_killed_is_finished_by_the_next(ends: tuple[Store, Store]) -> None:
    source, target = ends
    before = filled(source)
    jobs = len(list(source.list()))
    deaths = 0
    while killed(move, (source, target), deaths):
        deaths += 1
        assert not (is_open(source) and any(target.list()))
        moved = move(source, target)
        assert moved.jobs == jobs
        assert everything(target) == before
        assert is_open(target)
        assert not is_open(source)
        source, target = target, source  # and back, one step further

    assert deaths >= 2 * (2 + jobs // 3 + 1 + 2) - 1


@DIRECTIONS
@pytest.mark.usefixtures("small_batches")
def test_a_transfer_that_was_killed_is_given_up_or_is_over(ends: tuple[Store, Store]) -> None:
    source, target = ends
    before = filled(source)
    outcomes = set()
    for step in count(1):  # the first step has begun nothing
        if not killed(move, (source, target), step):
            break
        try:
            abandon(source, target)
        except Conflict:
            move(source, target)
            source, target = target, source
            outcomes.add("over")
            continue
        outcomes.add("given up")
        assert everything(source) == before
        assert is_open(source)
        assert not list(target.list())
        source.set_setting("grace", "1s")
        source.set_setting("grace", "7s")

    assert outcomes == {"over", "given up"}


@DIRECTIONS
def test_to_give_up_survives_a_kill_too(ends: tuple[Store, Store]) -> None:
    source, target = ends
    before = filled(source)
    for step in range(4):
        assert killed(move, ends, AFTER_ONE_BATCH)
        assert killed(abandon, ends, step)
        if not (is_open(source) and is_open(target)):
            abandon(source, target)
        assert everything(source) == before
        job(source)
        job(target)
        for store in ends:
            list(store.clear())
        before = everything(source)


class Other(threading.Thread):
    """Does something with both ends as another process does, at the same time; `hear` as in `Watched`."""

    def __init__(
        self, work: Callable[[Any, Any], object], places: tuple[str, str], hear: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._work = work
        self._places = places
        self._hear = hear

    def run(self) -> None:
        source, target = map(opened, self._places)
        with suppress(Conflict):
            self._work(Watched(source, self._hear), Watched(target, self._hear))
        source.close()
        target.close()


@pytest.mark.usefixtures("small_batches")
def test_of_two_processes_that_move_a_queue_at_once_none_opens_both_ends(new_place: NewPlace) -> None:
    places = new_place("sqlite"), new_place("postgres")
    source, target = map(opened, places)
    before = filled(source)
    closed, arriving = threading.Event(), threading.Event()

    def first(step: str) -> None:
        if step == "after begin_leaving":
            closed.set()
            arriving.wait(60)

    other = Other(move, places, first)
    other.start()
    closed.wait(60)

    def second(step: str) -> None:
        if step == "after begin_arriving":
            arriving.set()
            other.join()

    move(source, cast("Store", Watched(target, second)))

    assert everything(target) == before
    assert is_open(target)
    assert not is_open(source)
    source.close()
    target.close()


@pytest.mark.usefixtures("small_batches")
def test_who_gives_up_a_move_at_its_last_step_keeps_the_queue(new_place: NewPlace) -> None:
    places = new_place("sqlite"), new_place("postgres")
    source, target = map(opened, places)
    before = filled(source)
    copied, emptied = threading.Event(), threading.Event()

    def mover(step: str) -> None:
        if step == "before leave":
            copied.set()
            emptied.wait(60)

    other = Other(move, places, mover)
    other.start()
    copied.wait(60)

    def giver_up(step: str) -> None:
        if step == "after send_back":
            emptied.set()
            other.join()

    abandon(source, cast("Store", Watched(target, giver_up)))

    assert everything(source) == before
    assert is_open(source)
    assert not list(target.list())
    source.close()
    target.close()


def test_a_half_transfer_goes_on_only_to_its_own_target(ends: tuple[Store, Store], new_place: NewPlace) -> None:
    source, target = ends
    filled(source)
    assert killed(move, ends, AFTER_ONE_BATCH)
    other = opened(new_place("sqlite"))
    with pytest.raises(Conflict, match="is being moved to"):
        move(source, other)
    with pytest.raises(Conflict, match="a queue is being moved from"):
        move(other, target)
    job(other)
    other.close()


def test_a_target_that_is_gone_can_be_given_up_and_so_can_it_when_it_is_back(ends: tuple[Store, Store]) -> None:
    source, target = ends
    before = filled(source)
    assert killed(move, ends, AFTER_ONE_BATCH)
    abandon(source, None)
    assert everything(source) == before
    job(source)

    assert not is_open(target)
    abandon(source, target)
    job(target)


def test_where_nothing_has_begun_nothing_is_given_up(ends: tuple[Store, Store]) -> None:
    source, target = ends
    for given in (None, target):
        with pytest.raises(Conflict, match="is not being moved"):
            abandon(source, given)


# When the other end is lost


def test_what_a_queue_has_left_can_be_opened_as_another_queue(ends: tuple[Store, Store], new_place: NewPlace) -> None:
    source, target = ends
    before = filled(source)
    jobs = len(list(source.list()))
    move(source, target)
    place = target.gate().place
    with pytest.raises(Conflict, match="has moved to") as refused:
        abandon(source, None)
    assert "--reopen" in str(refused.value.hint)
    left, found = reopen(source, HOME)

    assert (left.stage, left.place, found) == (Stage.LEFT, place, jobs)
    assert everything(source) == before
    assert stored_job(source, job(source).id).seq > max(found.seq for found in target.list())
    # The one that was lost, should it be there all the same, is not the same any more.
    with pytest.raises(Conflict, match="there are jobs in"):
        move(target, source)
    third = opened(new_place("sqlite"))
    move(source, third)
    with pytest.raises(Conflict, match="is the copy of another queue"):
        move(target, source)
    third.close()


@DIRECTIONS
@pytest.mark.usefixtures("small_batches")
def test_what_has_arrived_can_be_opened(ends: tuple[Store, Store]) -> None:
    source, target = ends
    filled(source)
    assert killed(move, ends, AFTER_ONE_BATCH)
    arriving, found = reopen(target, HOME)

    jobs = list(target.list())
    assert (arriving.stage, arriving.place, found) == (Stage.ARRIVING, source.gate().place, len(jobs))
    assert len(jobs) == service.BATCH
    assert sum(target.metrics().counts.values()) == service.BATCH
    assert job(target).seq > max(found.seq for found in jobs)
    with pytest.raises(Conflict, match="there are jobs in"):
        move(source, target)
    abandon(source, None)
    job(source)


def test_a_queue_that_is_open_or_can_stay_is_not_reopened(store: Store) -> None:
    with pytest.raises(Conflict, match="is open"):
        reopen(store, HOME)
    store.gate().begin_leaving(ID, ELSEWHERE)
    with pytest.raises(Conflict, match="is being moved to") as refused:
        reopen(store, HOME)
    assert "--abandon" in str(refused.value.hint)
    with pytest.raises(StoreClosed):
        job(store)


def test_two_processes_do_not_copy_at_once(ends: tuple[Store, Store]) -> None:
    source, target = ends
    before = filled(source)
    done: list[Moved] = []

    def overtake(_jobs: int) -> None:
        if not done:
            done.append(move(source, target))

    service_batch, service.BATCH = service.BATCH, 3
    try:
        with pytest.raises(Conflict, match="another process"):
            transfer(source, target, HOME, overtake)
    finally:
        service.BATCH = service_batch
    assert done
    assert everything(target) == before
    job(target)


SPOILED = {
    "jobs": "UPDATE {}jobs SET priority = 1 WHERE id = 'failed'",
    "attempts": "UPDATE {}attempts SET exit_code = 4 WHERE attempt = 1",
    "dependencies": "UPDATE {}dependencies SET met = 1 - met WHERE condition = 'any'",
    "settings": "UPDATE {}config SET value = '8s'",
    "durations": "UPDATE {}durations SET n = n + 1",
    "queues": "UPDATE {}queues SET concurrency = concurrency + 1",
    "starts": "UPDATE {}starts SET number = number + 1",
    "kept counts": "UPDATE {}counts SET n = n + 1",
    "last number": "",
}
LAST_NUMBER = {
    "sqlite": "DELETE FROM sqlite_sequence WHERE name = 'jobs'",
    "postgres": "SELECT setval('queuectl.job_ids_seq_seq', 1)",
}


def spoil(place: str, what: str) -> None:
    """Change something in a closed store."""
    statement = SPOILED[what] or LAST_NUMBER["postgres" if "://" in place else "sqlite"]
    if "://" in place:
        with psycopg.connect(place) as database:
            database.execute("SET queuectl.transfer = yes")
            database.execute(statement.format("queuectl."))
        return
    file = apsw.Connection(Home(place).database)
    file.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    file.execute(statement.format(""))
    file.close()


@pytest.mark.parametrize("what", SPOILED)
@DIRECTIONS
def test_a_copy_that_is_not_the_same_is_not_taken(ends: tuple[Store, Store], what: str) -> None:
    source, target = ends
    before = filled(source)

    def hear(moment: str) -> None:
        if moment == "after take_in_rest":
            spoil(target.gate().place, what)

    watched: Any = Watched(target, hear)
    with pytest.raises(StoreUnavailable, match=f"is not what was in .*{what}") as refused:
        move(source, watched)

    assert refused.value.hint == "nothing was moved; the queue is open where it was"
    assert everything(source) == before
    job(source)
    assert not list(target.list())
    job(target)

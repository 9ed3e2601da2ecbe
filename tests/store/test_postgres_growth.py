"""What keeps a queue on a server from growing, and claims fast while an old transaction lets nothing be cleaned up."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from queuectl.job import State
from queuectl.store.postgres import days, front, queries
from queuectl.store.postgres.engine import PostgresStore
from queuectl.store.postgres.front import Front
from tests.support.eventually import eventually
from tests.support.factories import COOKIE, GIVEN_BACK, NOW, WELL, WORKER, after, claimed, identity, job, new_job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Cluster

DAY = 86400
TODAY = "completed_20261124"


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    store = PostgresStore(postgres_url)
    yield store
    store.close()


@pytest.fixture
def other(postgres_url: str) -> Iterator[psycopg.Connection]:
    """Somebody else's connection to the database of `store`."""
    with psycopg.connect(postgres_url, autocommit=True) as other:
        yield other


def partitions(other: psycopg.Connection, kept: str) -> list[str]:
    found = other.execute(
        "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = %s::regclass",
        [f"queuectl.{kept}"],
    )
    return sorted(name for (name,) in found)


def table_of(other: psycopg.Connection, id: str) -> str:
    ((name,),) = other.execute("SELECT tableoid::regclass::text FROM queuectl.jobs WHERE id = %s", [id]).fetchall()
    return str(name).removeprefix("queuectl.")


def rows_of(other: psycopg.Connection, table: str) -> int:
    ((count,),) = other.execute(SQL("SELECT count(*) FROM queuectl.{}").format(Identifier(table))).fetchall()
    return int(count)


@contextmanager
def reading(url: str, *tables: str) -> Iterator[None]:
    """Stand for a reader of tables whose transaction goes on."""
    with psycopg.connect(url) as reader:
        for table in tables:
            reader.execute(SQL("SELECT FROM queuectl.{}").format(Identifier(table)))
        yield


def test_upkeep_makes_the_days_of_today_and_the_next_two(store: PostgresStore, other: psycopg.Connection) -> None:
    for _ in range(2):
        store.upkeep(0, NOW)
        for kept in ("completed", "cancelled"):
            days_of_three = [f"{kept}_202611{day}" for day in (24, 25, 26)]
            assert partitions(other, kept) == [*days_of_three, f"{kept}_other"]

    store.upkeep(0, after(DAY))

    assert partitions(other, "completed")[-2:] == ["completed_20261127", "completed_other"]


def test_a_day_is_a_day_of_utc_in_whatever_zone_a_session_is(postgres_url: str, other: psycopg.Connection) -> None:
    ((database,),) = other.execute("SELECT quote_ident(current_database())").fetchall()
    other.execute(f"ALTER DATABASE {database} SET timezone = 'Pacific/Kiritimati'".encode())
    store = PostgresStore(postgres_url)
    store.upkeep(0, NOW)
    last = NOW.replace(hour=23, minute=59, second=59, microsecond=999999)

    job(store, State.COMPLETED, new_job("last"), now=last)
    job(store, State.COMPLETED, new_job("next"), now=last + timedelta(microseconds=1))

    assert (table_of(other, "last"), table_of(other, "next")) == (TODAY, "completed_20261125")
    store.prune(State.COMPLETED, 0, 10, last)
    assert TODAY in partitions(other, "completed")
    store.prune(State.COMPLETED, 0, 10, last + timedelta(microseconds=1))
    assert TODAY not in partitions(other, "completed")
    store.close()


def test_a_day_has_the_indexes_of_the_others_and_no_more(store: PostgresStore, other: psycopg.Connection) -> None:
    store.upkeep(0, NOW)

    def indexes(table: str) -> list[str]:
        found = other.execute("SELECT indexdef FROM pg_indexes WHERE tablename = %s", [table])
        return sorted(definition.partition(" USING ")[2] for (definition,) in found)

    assert indexes(TODAY) == indexes("completed_other")
    assert len(indexes(TODAY)) == 3
    ((loose,),) = other.execute(
        "SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass AND NOT EXISTS "
        "(SELECT FROM pg_inherits WHERE inhrelid = indexrelid)",
        [f"queuectl.{TODAY}"],
    ).fetchall()
    assert loose == 0


def test_finished_jobs_are_in_their_day_and_in_the_last_table_when_it_has_none(
    store: PostgresStore, other: psycopg.Connection
) -> None:
    job(store, State.CANCELLED, new_job("early"))
    store.upkeep(0, NOW)

    job(store, State.COMPLETED, new_job("done"))
    job(store, State.CANCELLED, new_job("also-early"))
    job(store, State.CANCELLED, new_job("off"), now=after(DAY))
    job(store, State.COMPLETED, new_job("late"), now=after(9 * DAY))

    tables = {id: table_of(other, id) for id in ("early", "done", "also-early", "off", "late")}
    assert tables == {
        "early": "cancelled_other",  # so that this day stays there
        "done": TODAY,
        "also-early": "cancelled_other",
        "off": "cancelled_20261125",
        "late": "completed_other",
    }


def test_a_day_that_is_over_is_dropped_with_ids_attempts_and_counts(
    store: PostgresStore, other: psycopg.Connection
) -> None:
    store.upkeep(0, NOW)
    seqs = {job(store, State.COMPLETED, new_job(f"a{n}", queue=f"q{n % 2}")).seq for n in range(5)}
    store.retry("a0", NOW)
    store.finish(claimed(store, "a0"), WELL, NOW)  # which leaves an attempt
    kept = [job(store, State.COMPLETED, now=after(DAY)), job(store, State.CANCELLED)]

    assert store.prune(State.COMPLETED, 3600, 2, after(15 * 3600 - 1)) == []
    assert store.metrics().counts[State.COMPLETED] == 6  # the day has been over for less
    assert store.prune(State.COMPLETED, 3600, 2, after(15 * 3600)) == []

    assert partitions(other, "completed") == ["completed_20261125", "completed_20261126", "completed_other"]
    assert sorted(each.seq for each in store.list()) == [each.seq for each in kept]
    assert rows_of(other, "attempts") == 0
    assert rows_of(other, "job_ids") == 2
    counts = store.counts()
    assert [counts.get(queue, {}).get(State.COMPLETED, 0) for queue in ("q0", "q1", "default")] == [0, 0, 1]
    assert store.forgotten(seqs) == list(seqs)
    assert job(store, State.PENDING, new_job("a1")).seq > max(seqs)


def test_a_big_day_goes_batch_by_batch_and_the_counts_are_exact_meanwhile(
    store: PostgresStore, other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "BATCH", 3)
    store.upkeep(0, NOW)
    for _ in range(7):
        job(store, State.COMPLETED)

    left = []
    while TODAY in partitions(other, "completed"):
        store.prune(State.COMPLETED, 0, 10, after(2 * DAY))
        left.append(len(list(store.list())))
        assert store.metrics().counts[State.COMPLETED] == left[-1] == rows_of(other, "job_ids")

    assert left == [4, 1, 0]


def test_the_other_state_and_the_last_table_keep_what_they_have(
    store: PostgresStore, other: psycopg.Connection
) -> None:
    store.upkeep(0, NOW)
    job(store, State.COMPLETED)
    job(store, State.CANCELLED)
    late = job(store, State.COMPLETED, now=after(9 * DAY))

    store.prune(State.CANCELLED, 0, 10, after(2 * DAY))

    assert partitions(other, "cancelled") == ["cancelled_20261125", "cancelled_20261126", "cancelled_other"]
    assert rows_of(other, TODAY) == 1
    store.prune(State.COMPLETED, 0, 10, after(2 * DAY))
    assert list(store.list()) == [late]
    assert store.prune(State.COMPLETED, 0, 10, after(10 * DAY)) == [late.seq]


def test_a_job_that_was_retried_out_of_a_day_outlives_it(store: PostgresStore, other: psycopg.Connection) -> None:
    store.upkeep(0, NOW)
    job(store, State.COMPLETED, new_job("gone"))
    job(store, State.COMPLETED, new_job("again"))
    store.retry("again", after(DAY))
    again = claimed(store, "again", now=after(DAY))

    store.prune(State.COMPLETED, 0, 10, after(2 * DAY))

    assert TODAY not in partitions(other, "completed")
    assert [each.id for each in store.list()] == ["again"]
    assert len(store.attempts(again.seq)) == 1
    store.finish(again, WELL, after(DAY))
    assert table_of(other, "again") == "completed_20261125"
    assert store.metrics().counts[State.COMPLETED] == 1


def test_a_day_that_is_read_is_dropped_later(
    store: PostgresStore, other: psycopg.Connection, postgres_url: str
) -> None:
    store.upkeep(0, NOW)
    job(store, State.COMPLETED)

    with reading(postgres_url, "jobs"):
        store.prune(State.COMPLETED, 0, 10, after(2 * DAY))
        assert TODAY in partitions(other, "completed")
        assert job(store, State.COMPLETED, now=after(2 * DAY)).state is State.COMPLETED

    store.prune(State.COMPLETED, 0, 10, after(2 * DAY))
    assert TODAY not in partitions(other, "completed")


def test_a_day_is_made_later_while_the_last_table_is_read(
    store: PostgresStore, other: psycopg.Connection, postgres_url: str
) -> None:
    with reading(postgres_url, "completed_other"):
        store.upkeep(0, NOW)
        assert partitions(other, "completed") == ["completed_other"]
        assert len(partitions(other, "cancelled")) == 4

    store.upkeep(0, NOW)
    assert TODAY in partitions(other, "completed")


def test_a_day_is_made_while_jobs_finish(store: PostgresStore, other: psycopg.Connection, postgres_url: str) -> None:
    store.upkeep(0, NOW)
    job(store, State.PENDING, new_job("done"))
    with psycopg.connect(postgres_url) as finishing:
        finishing.execute(
            "UPDATE queuectl.jobs SET state = 'cancelled', ready = false, next_run_at = NULL, finished_at = %s "
            "WHERE state = 'pending'",
            [NOW],
        )

        store.upkeep(0, after(DAY))

        assert "cancelled_20261127" in partitions(other, "cancelled")


def test_one_process_at_a_time_changes_the_days(
    store: PostgresStore, other: psycopg.Connection, postgres_url: str
) -> None:
    store.upkeep(0, NOW)
    job(store, State.COMPLETED)
    before = partitions(other, "completed")
    with psycopg.connect(postgres_url) as at_it:
        at_it.execute("SELECT pg_advisory_xact_lock(hashtext('queuectl'), 3)")

        store.upkeep(0, after(DAY))
        store.prune(State.COMPLETED, 0, 10, after(2 * DAY))

        assert partitions(other, "completed") == before
        assert rows_of(other, TODAY) == 1


def test_several_processes_make_and_drop_days_at_once_and_count_each_job_once(
    postgres_url: str, other: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "BATCH", 20)
    stores = [PostgresStore(postgres_url) for _ in range(4)]
    stores[0].upkeep(0, NOW)
    for _ in range(100):
        job(stores[0], State.COMPLETED)

    def tidy(store: PostgresStore) -> None:
        for _ in range(30):
            store.upkeep(0, after(2 * DAY))
            store.prune(State.COMPLETED, 0, 10, after(2 * DAY))

    with ThreadPoolExecutor(len(stores)) as pool:
        for done in [pool.submit(tidy, store) for store in stores]:
            done.result()

    assert partitions(other, "completed") == [
        *(f"completed_202611{day}" for day in (26, 27, 28)),
        "completed_other",
    ]
    assert stores[0].metrics().counts[State.COMPLETED] == rows_of(other, "job_ids") == 0
    for store in stores:
        store.close()


def test_a_role_that_owns_nothing_does_without_days(
    store: PostgresStore, other: psycopg.Connection, postgres_url: str
) -> None:
    store.upkeep(0, NOW)
    job(store, State.COMPLETED)
    role = f"guest_{os.getpid()}"
    other.execute(f"CREATE ROLE {role} LOGIN".encode())
    try:
        other.execute(f"GRANT USAGE ON SCHEMA queuectl TO {role}".encode())
        other.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA queuectl TO {role}".encode())
        guest = PostgresStore(re.sub("//[^@]*@", f"//{role}@", postgres_url))
        guest.upkeep(0, after(DAY))
        guest.prune(State.COMPLETED, 0, 10, after(2 * DAY))
        guest.close()

        assert len(partitions(other, "completed")) == 4
        assert list(store.list()) == []
    finally:
        other.execute(f"DROP OWNED BY {role}".encode())
        other.execute(f"DROP ROLE {role}".encode())


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every claim for a slow one, and look from the front only when nothing else is found."""
    monkeypatch.setattr(front, "SLOW", 0.0)
    monkeypatch.setattr(front, "LOOK_EVERY", 1e9)


def claim_and_finish(store: PostgresStore, count: int) -> list[str]:
    """Run jobs one after the other, as a worker does, and return their ids."""
    running = claimed(store)
    ids = []
    for _ in range(count):
        ids.append(running.id)
        _, following = store.finish_and_claim(running, WELL, COOKIE, NOW)
        if following is None:
            break
        running = following
    else:
        store.finish(running, GIVEN_BACK, NOW)
    return ids


def buffers(url: str, name: str, store: PostgresStore) -> int:
    """Return at how many pages the next claim by a statement would look for its job."""
    statement, values = store._claim_by(WORKER, COOKIE, NOW, from_front=name == "claim")  # noqa: SLF001
    assert statement == name
    with psycopg.connect(url) as db:
        db.execute("SET plan_cache_mode = force_generic_plan")
        explained = db.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {queries.statement(name)}".encode(), values)
        (((plan,),),) = explained.fetchall()
        db.rollback()

    def steps(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield step
        for below in step.get("Plans", ()):
            yield from steps(below)

    looks = [step for step in steps(plan["Plan"]) if step.get("Index Name") == "jobs_ready"]
    assert looks
    return sum(step["Shared Hit Blocks"] + step["Shared Read Blocks"] for step in looks)


@pytest.mark.usefixtures("slow")
def test_a_claim_does_not_look_at_what_an_old_transaction_keeps(store: PostgresStore, postgres_url: str) -> None:
    store.enqueue((new_job(priority=n % 2) for n in range(2500)), NOW)
    with psycopg.connect(postgres_url) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("SELECT FROM queuectl.config")
        read = []
        for _ in range(2):
            claim_and_finish(store, 1000)
            read.append([buffers(postgres_url, name, store) for name in ("claim", "claim_from")])

    (whole_before, before), (whole_after, after_it) = read
    assert whole_after > whole_before + 50  # what this is about
    assert max(before, after_it) < 15


@pytest.mark.usefixtures("slow")
def test_where_a_process_begins_does_not_change_the_order_of_what_is_new(store: PostgresStore) -> None:
    store.enqueue([new_job(f"{priority}-{n}", priority=priority) for n in range(20) for priority in (5, 0, -5)], NOW)
    assert claim_and_finish(store, 30) == [f"{priority}-{n}" for priority in (5, 0) for n in range(20)][:30]

    store.enqueue([new_job(f"new{priority}", priority=priority) for priority in (-9, -5, 0, 3, 5, 9)], after(1))

    assert claim_and_finish(store, 100) == [
        *("new9", "new5", "new3"),
        *(f"0-{n}" for n in range(10, 20)),
        *("new0", *(f"-5-{n}" for n in range(20)), "new-5", "new-9"),
    ]


@pytest.mark.usefixtures("slow")
def test_what_comes_back_to_the_front_is_overtaken_until_the_next_look_from_there(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.enqueue([new_job(f"j{n}") for n in range(40)], NOW)
    assert claim_and_finish(store, 20)[-1] == "j19"
    for n in (3, 4):
        store.retry(f"j{n}", NOW)

    assert claimed(store).id == "j20"
    monkeypatch.setattr(front, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(front, "SHARE", 0)
    store._front._look_at = 0.0  # noqa: SLF001  a second later

    assert [claimed(store).id for _ in range(3)] == ["j3", "j4", "j21"]


@pytest.mark.usefixtures("slow")
def test_what_came_back_to_the_front_is_found_when_nothing_else_is_left(store: PostgresStore) -> None:
    store.enqueue([new_job(f"j{n}") for n in range(20)], NOW)
    claim_and_finish(store, 10)
    store.retry("j3", NOW)

    assert claim_and_finish(store, 100) == [*(f"j{n}" for n in range(10, 20)), "j3"]


@pytest.mark.usefixtures("slow")
def test_a_job_that_has_become_due_is_promoted_wherever_a_process_begins(store: PostgresStore) -> None:
    store.enqueue([new_job(f"j{n}") for n in range(20)], NOW)
    claim_and_finish(store, 10)
    store.enqueue([new_job("later", priority=9, run_at=after(5))], NOW)

    assert claimed(store).id == "j10"
    assert claimed(store, now=after(5)).id == "later"


@pytest.mark.usefixtures("slow")
def test_who_was_asked_to_stop_is_given_no_job_wherever_it_begins(store: PostgresStore) -> None:
    store.register(identity(), 600)
    store.enqueue([new_job() for _ in range(20)], NOW)
    claim_and_finish(store, 10)
    running = claimed(store)

    store.request_stop("here", now=False)

    assert store.finish_and_claim(running, WELL, COOKIE, NOW)[1] is None
    assert store.claim(WORKER, COOKIE, NOW) is None


def test_a_process_remembers_its_place_after_slow_claims_only_and_until_a_fast_one() -> None:
    def row(took: float) -> tuple[object, ...]:
        return (1, *(None,) * 4, 0, *(None,) * 13, 0, *(None,) * 11, took)

    place = Front()
    for took in (*(front.SLOW * 2,) * (front.IN_A_ROW - 1), front.SLOW / 2, *(front.SLOW * 2,) * (front.IN_A_ROW - 1)):
        place.found(row(took), from_front=True)
        assert not place.is_remembered

    place.found(row(front.SLOW * 2), from_front=True)
    assert place.is_remembered
    place.found(row(front.SLOW / 2), from_front=False)
    assert place.is_remembered
    place.found(row(front.SLOW / 2), from_front=True)
    assert not place.is_remembered


def test_metrics_tell_of_dead_rows_and_of_the_transaction_that_keeps_them(
    store: PostgresStore, other: psycopg.Connection, postgres_url: str
) -> None:
    def oldest() -> float:
        upkeep = store.metrics().upkeep
        assert upkeep is not None
        return upkeep.oldest_transaction

    def dead_rows() -> int:
        other.execute("SELECT pg_stat_clear_snapshot()")
        upkeep = store.metrics().upkeep
        assert upkeep is not None
        return upkeep.dead_rows

    with psycopg.connect(postgres_url) as old:
        old.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        old.execute("SELECT FROM queuectl.config")
        ((since,),) = other.execute(
            "SELECT clock_timestamp() - xact_start FROM pg_stat_activity WHERE pid = %s", [old.info.backend_pid]
        ).fetchall()
        assert oldest() >= since.total_seconds()

        store.enqueue((new_job() for _ in range(20)), NOW)
        claim_and_finish(store, 20)
        eventually(lambda: dead_rows() >= 20)

    eventually(lambda: oldest() == 0.0)


def test_metrics_tell_of_a_transaction_that_has_written_in_another_database(
    store: PostgresStore, postgres: Cluster
) -> None:
    def oldest() -> float:
        upkeep = store.metrics().upkeep
        assert upkeep is not None
        return upkeep.oldest_transaction

    with psycopg.connect(postgres.url("postgres")) as elsewhere:
        elsewhere.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        elsewhere.execute("SELECT pg_current_xact_id()")
        ((age,),) = elsewhere.execute("SELECT extract(epoch FROM clock_timestamp() - now())::float8").fetchall()
        assert oldest() >= age

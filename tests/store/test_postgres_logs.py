"""What a store that machines share keeps of the logs of jobs, and how one machine asks another for more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from queuectl.job import Ended, LogPart, State
from queuectl.lifecycle import Loss
from queuectl.store.postgres.engine import PostgresStore
from tests.support.factories import BADLY, COOKIE, NOW, WELL, WORKER, after, claimed, identity, job, new_job

if TYPE_CHECKING:
    from collections.abc import Iterator

END = LogPart(6, b"2026-11-24T10:00:00.000000000Z stdout F hello\n")


def part(end: int) -> LogPart:
    return LogPart(end, b"%d\n" % end)


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    store = PostgresStore(postgres_url)
    yield store
    store.close()


@pytest.mark.parametrize("ended", [WELL, BADLY], ids=["well", "badly"])
def test_the_end_of_a_log_is_kept_with_its_run(store: PostgresStore, ended: Ended) -> None:
    running = job(store, State.PROCESSING)

    store.finish(running, ended._replace(log=END), after(1))

    assert store.log_parts(running.seq, 1, -1, ended=True) == [END]
    assert store.log_parts(running.seq, 1, 5, ended=True) == [END]
    assert store.log_parts(running.seq, 1, 6, ended=True) == []
    assert store.log_parts(running.seq, 2, -1, ended=True) == []
    assert store.log_parts(running.seq, 1, -1, ended=False) == []


def test_every_attempt_keeps_its_own(store: PostgresStore) -> None:
    running = job(store, State.PROCESSING)
    store.finish(running, BADLY._replace(log=END), NOW)
    again = claimed(store, running.id, now=after(60))
    assert store.log_parts(running.seq, 2, -1, ended=True) == []
    store.finish(again, WELL._replace(log=part(9)), after(61))

    assert store.log_parts(running.seq, 1, -1, ended=True) == [END]
    assert store.log_parts(running.seq, 2, -1, ended=True) == [part(9)]


def test_a_silent_run_after_one_that_printed_has_none(store: PostgresStore) -> None:
    running = job(store, State.PROCESSING)
    store.finish(running, BADLY._replace(log=END), NOW)
    store.finish(claimed(store, running.id, now=after(60)), WELL, after(61))

    assert store.log_parts(running.seq, 2, -1, ended=True) == []


def test_a_rescue_keeps_it_too(store: PostgresStore) -> None:
    running = job(store, State.PROCESSING)

    store.rescue(running, Loss.CRASHED, after(1), log=END)

    assert store.log_parts(running.seq, 1, -1, ended=True) == [END]


def test_it_goes_with_its_job(store: PostgresStore) -> None:
    running = job(store, State.PROCESSING)
    store.finish(running, BADLY._replace(log=END), NOW)
    store.finish(claimed(store, running.id, now=after(60)), WELL._replace(log=END), after(61))

    assert [list(batch) for batch in store.clear()] == [[running.seq]]

    for attempt in (1, 2):
        assert store.log_parts(running.seq, attempt, -1, ended=True) == []


def test_a_worker_hears_with_its_lease_for_how_long_its_log_is_wanted(store: PostgresStore) -> None:
    store.register(identity(), 60)
    assert store.renew(WORKER, 60).log_wanted == 0

    store.want_log(WORKER, 1000)

    assert 900 < store.renew(WORKER, 60).log_wanted <= 1000
    store.want_log(WORKER, 0)
    assert store.renew(WORKER, 60).log_wanted == 0


def test_what_is_sent_is_read_in_order_from_any_place(store: PostgresStore, postgres_url: str) -> None:
    running = job(store, State.PROCESSING)
    other = job(store, State.PROCESSING, new_job("other"), worker="2")
    reader = PostgresStore(postgres_url)

    for end in (0, 10, 10, 30, 20):
        store.send_log(running, part(end))
    store.send_log(other, part(40))

    assert reader.log_parts(running.seq, 1, -1, ended=False) == [part(end) for end in (0, 10, 20, 30)]
    assert reader.log_parts(running.seq, 1, 10, ended=False) == [part(20), part(30)]
    store.finish(running, WELL._replace(log=part(25)), after(1))
    assert reader.log_parts(running.seq, 1, 20, ended=True) == [part(25), part(30)]
    reader.close()


def test_what_was_sent_goes_after_a_while_but_for_the_end_of_what_still_runs(
    store: PostgresStore, postgres_url: str
) -> None:
    running = job(store, State.PROCESSING)
    over = job(store, State.PROCESSING, new_job("over"), worker="2")
    for end in (10, 80_000, 140_000):
        store.send_log(running, part(end))
    store.send_log(over, part(10))
    store.finish(over, WELL)
    with psycopg.connect(postgres_url, autocommit=True) as clock:
        clock.execute("UPDATE queuectl.live_logs SET sent_at = sent_at - interval '11 minutes'")

    store.send_log(running, part(150_000))
    store.upkeep(0)

    assert store.log_parts(running.seq, 1, -1, ended=False) == [part(end) for end in (140_000, 150_000)]
    assert store.log_parts(over.seq, 1, -1, ended=True) == []


def test_every_queue_has_an_id_of_its_own_that_stays(store: PostgresStore, postgres_url: str) -> None:
    again = PostgresStore(postgres_url)

    assert again.id == store.id
    assert len(str(store.id)) == 32
    again.close()
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("DROP SCHEMA queuectl CASCADE")
    anew = PostgresStore(postgres_url)
    assert anew.id != store.id
    anew.close()


def test_a_claim_does_not_read_the_log_of_the_run_before(store: PostgresStore) -> None:
    running = job(store, State.PROCESSING)
    store.finish(running, BADLY._replace(log=END), NOW)

    again = store.claim(WORKER, COOKIE, after(60))

    assert again is not None
    assert again == store.get(running.id)

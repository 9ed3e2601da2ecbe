"""What a store promises about schedules: each tick makes at most one job, whoever looks, and whoever is killed."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from queuectl.errors import Conflict, InvalidInput, NotFound
from queuectl.job import NO_FLOW, NewJob, State
from queuectl.schedule.catchup import CatchUp
from queuectl.schedule.record import NewSchedule, Outcome, Overlap, Schedule, Tick, Ticked
from queuectl.store.schedules import AT_ONCE, KEPT
from tests.support import children
from tests.support.factories import NOW, WELL, WORKER, after, asked_to_end, claimed, new_job, stored_job

if TYPE_CHECKING:
    from queuectl.job import Job
    from queuectl.store.base import Store
    from tests.store.conftest import OpenStore

MINUTE = timedelta(minutes=1)

_ids = count(1)


def new(name: str = "nightly", times: str = "* * * * *", **given: object) -> NewSchedule:
    return NewSchedule(name, times, "UTC", '{"command": "true"}')._replace(**given)  # type: ignore[arg-type]


def job_of(schedule: Schedule, tick: datetime | None) -> NewJob:
    flow = NO_FLOW._replace(schedule=schedule.name, tick=tick)
    return new_job(f"{schedule.name}-{next(_ids)}")._replace(flow=flow)


def minute(number: float) -> datetime:
    """Return an instant so many minutes after NOW, which is a whole hour."""
    return NOW + MINUTE * number


def make(store: Store, now: datetime) -> Ticked:
    return store.schedules().make_due(job_of, now)


def jobs(store: Store) -> list[Job]:
    """Return all jobs, oldest first."""
    return sorted(store.list(), key=lambda found: found.seq)


def ticks(store: Store) -> list[datetime | None]:
    return [found.flow.tick for found in jobs(store)]


def outcomes(store: Store, name: str = "nightly") -> list[Outcome]:
    """Return what became of the ticks of a schedule, oldest first."""
    return [tick.outcome for tick in reversed(store.schedules().ticks(name))]


def end_all(store: Store, now: datetime) -> None:
    while (found := store.claim(WORKER, "c" * 32, now)) is not None:
        store.finish(found, WELL, now)


# Kept


def test_a_schedule_is_kept_as_it_was_added(store: Store, open_store: OpenStore) -> None:
    given = new(
        times="30 2 * * 1-5",
        zone="Europe/Berlin",
        job='{"argv": ["echo", "\u00e9 %s {}"], "tags": {"a": "b"}}',
        overlap=Overlap.QUEUE,
        catch_up=CatchUp.ALL,
        within=3600.5,
        splay=300.0,
        umask=0o077,
        caller_env={"PATH": "/bin", "TZ": "\udcff"},
    )
    (added,) = store.schedules().add([given], NOW)

    assert added == Schedule(
        *given,
        created_at=NOW,
        next_tick=datetime(2026, 11, 25, 1, 30, tzinfo=UTC),
        paused_at=None,
        last_seq=None,
    )
    assert open_store().schedules().get("nightly") == added
    assert open_store().schedules().all() == [added]
    assert store.schedules().get("other") is None
    assert store.schedules().ticks("nightly") == []


def test_a_name_is_of_one_schedule_and_all_are_added_or_none(store: Store) -> None:
    store.schedules().add([new("b")], NOW)

    with pytest.raises(Conflict, match='schedule "b" already exists'):
        store.schedules().add([new("a"), new("b")], NOW)
    with pytest.raises(Conflict, match='schedule "c" already exists'):
        store.schedules().add([new("c"), new("c")], NOW)
    with pytest.raises(InvalidInput, match="minute"):
        store.schedules().add([new("d"), new("e", "60 * * * *")], NOW)
    assert [schedule.name for schedule in store.schedules().all()] == ["b"]
    store.schedules().add([new("a")], NOW)
    assert [schedule.name for schedule in store.schedules().all()] == ["a", "b"]


def test_a_schedule_that_is_removed_ticks_no_more_and_its_jobs_stay(store: Store) -> None:
    store.schedules().add([new()], NOW)
    make(store, minute(1))
    store.schedules().remove("nightly")

    assert make(store, minute(2)) == Ticked()
    assert ticks(store) == [minute(1)]
    with pytest.raises(NotFound, match='no schedule "nightly"'):
        store.schedules().remove("nightly")
    store.schedules().add([new()], minute(2))
    assert store.schedules().ticks("nightly") == []


# Ticks


def test_nothing_is_made_before_the_first_tick_nor_for_times_before_it_was_added(store: Store) -> None:
    store.schedules().add([new()], minute(0.5))

    assert make(store, minute(0.99)) == Ticked()
    assert jobs(store) == []


def test_a_tick_makes_a_job_that_may_run_at_once_and_says_for_what_it_is(store: Store) -> None:
    store.schedules().add([new()], NOW)

    done = make(store, minute(1.1))

    (made,) = jobs(store)
    assert (made.flow.schedule, made.flow.tick, made.ready) == ("nightly", minute(1), True)
    assert made.created_at == minute(1.1)
    assert done == Ticked(1, (("nightly", Tick(minute(1), Outcome.MADE, made.seq, made.id)),))
    assert store.schedules().ticks("nightly") == [done.ticks[0][1]]
    assert store.metrics().counts[State.PENDING] == 1
    schedule = store.schedules().get("nightly")
    assert schedule is not None
    assert (schedule.next_tick, schedule.last_seq) == (minute(2), made.seq)
    claimed(store, made.id, now=minute(1.1))


def test_a_tick_makes_no_second_job_whoever_looks(store: Store, open_store: OpenStore) -> None:
    store.schedules().add([new()], NOW)
    make(store, minute(1))

    assert make(store, minute(1)) == Ticked()
    assert make(open_store(), minute(1.5)) == Ticked()
    assert make(open_store(), minute(0.5)) == Ticked()  # a clock that was set back
    assert ticks(store) == [minute(1)]


def test_each_schedule_ticks_by_itself(store: Store) -> None:
    store.schedules().add([new(f"s{n:02}", "every 60s") for n in range(AT_ONCE + 5)], NOW)

    made = [make(store, minute(1)).jobs for _ in range(3)]

    assert made == [AT_ONCE, 5, 0]
    assert sorted(str(found.flow.schedule) for found in jobs(store)) == [f"s{n:02}" for n in range(AT_ONCE + 5)]


def test_missed_ticks_are_made_up_for_as_the_schedule_says(store: Store) -> None:
    store.schedules().add(
        [new(str(policy), "0 * * * *", catch_up=policy, overlap=Overlap.QUEUE) for policy in CatchUp], NOW
    )

    make(store, minute(210))

    made = Counter(found.flow.schedule for found in jobs(store))
    assert made == {"one": 1, "all": 3}
    assert outcomes(store, "none") == [Outcome.MISSED]
    assert outcomes(store, "one") == [Outcome.MISSED, Outcome.MADE]
    assert outcomes(store, "all") == [Outcome.MADE] * 3


def test_the_time_of_the_next_tick_is_told_and_none_without_schedules(store: Store) -> None:
    schedules = store.schedules()
    assert store.next_tick_at(NOW) is None
    schedules.add([new("a", "every 90s"), new("b", "every 60s")], NOW)
    assert store.next_tick_at(NOW) == minute(1)
    schedules.pause("b", NOW)
    assert store.next_tick_at(NOW) == minute(1.5)
    schedules.remove("a")
    assert store.next_tick_at(NOW) is None


def test_so_many_ticks_are_remembered(store: Store) -> None:
    store.schedules().add([new(overlap=Overlap.QUEUE)], NOW)
    for number in range(1, KEPT + 6):
        make(store, minute(number))

    kept = store.schedules().ticks("nightly")
    assert [tick.tick for tick in kept] == [minute(number) for number in range(KEPT + 5, 5, -1)]
    assert len(jobs(store)) == KEPT + 5


def test_an_id_that_is_taken_is_not_the_end_of_a_tick(store: Store) -> None:
    store.enqueue([new_job("taken")], NOW)
    names = iter(["taken", "taken", "free"])
    store.schedules().add([new()], NOW)

    store.schedules().make_due(lambda _, tick: job_of_id("taken" if tick is None else next(names)), minute(1))

    assert [found.id for found in jobs(store)] == ["taken", "free"]


def job_of_id(id: str) -> NewJob:
    return new_job(id)


def test_a_schedule_that_makes_no_sense_here_ticks_no_more_and_holds_up_no_other(store: Store) -> None:
    def refuse(schedule: Schedule, tick: datetime | None) -> NewJob:
        if schedule.name == "a":
            raise InvalidInput("no such field")
        return job_of(schedule, tick)

    store.schedules().add([new("a"), new("b")], NOW)

    assert store.schedules().make_due(refuse, minute(1)).jobs == 1

    assert outcomes(store, "a") == [Outcome.REFUSED]
    assert store.next_tick_at(NOW) == minute(2)  # of the other one
    store.schedules().resume("a", minute(1))
    assert make(store, minute(2)).jobs == 1  # the job before it of the other one has not ended
    assert outcomes(store, "a") == [Outcome.REFUSED, Outcome.MADE]


# Overlap


def test_a_tick_is_skipped_while_the_job_before_it_has_not_ended(store: Store) -> None:
    store.schedules().add([new()], NOW)
    make(store, minute(1))
    assert make(store, minute(2)).jobs == 0  # it waits
    running = claimed(store, now=minute(2.5))
    assert make(store, minute(3)).jobs == 0  # it runs
    store.finish(running, WELL._replace(exit_code=1), minute(3.99))
    assert make(store, minute(4)).jobs == 0  # it backs off
    end_all(store, minute(4.5))
    assert make(store, minute(5)).jobs == 1

    assert ticks(store) == [minute(1), minute(5)]
    assert outcomes(store) == ["made", "skipped", "skipped", "skipped", "made"]


def test_a_tick_is_not_skipped_for_a_job_that_was_forgotten_or_is_of_another_schedule(store: Store) -> None:
    store.schedules().add([new("a"), new("b")], NOW)
    make(store, minute(1))
    list(store.clear())

    assert make(store, minute(2)).jobs == 2


def test_jobs_of_a_schedule_that_queues_are_all_made(store: Store) -> None:
    store.schedules().add([new(overlap=Overlap.QUEUE)], NOW)
    for number in (1, 2, 3):
        make(store, minute(number))

    assert ticks(store) == [minute(1), minute(2), minute(3)]
    assert {found.state for found in jobs(store)} == {State.PENDING}


def test_a_tick_that_replaces_cancels_the_job_that_waits(store: Store) -> None:
    store.schedules().add([new(overlap=Overlap.REPLACE)], NOW)
    make(store, minute(1))

    assert make(store, minute(2)).asked == ()

    assert [found.state for found in jobs(store)] == [State.CANCELLED, State.PENDING]
    assert store.metrics().counts[State.CANCELLED] == 1


def test_a_tick_that_replaces_asks_the_job_that_runs_to_end(store: Store) -> None:
    store.schedules().add([new(overlap=Overlap.REPLACE)], NOW)
    make(store, minute(1))
    running = claimed(store, now=minute(1))

    done = make(store, minute(2))

    assert (done.jobs, done.asked) == (1, (WORKER,))
    assert asked_to_end(store, running)
    assert ticks(store) == [minute(1), minute(2)]


def test_of_several_ticks_at_once_the_last_replaces_and_the_first_lets_skip(store: Store) -> None:
    store.schedules().add(
        [new("r", "every 10s", overlap=Overlap.REPLACE), new("s", "every 10s", overlap=Overlap.SKIP)], NOW
    )
    make(store, after(31))

    made = {str(found.flow.schedule): found.flow.tick for found in jobs(store)}
    assert made == {"r": after(30), "s": after(10)}
    assert outcomes(store, "r") == ["skipped", "skipped", "made"]
    assert outcomes(store, "s") == ["made", "skipped", "skipped"]


# By hand


def test_a_schedule_makes_a_job_by_hand_for_no_tick(store: Store) -> None:
    store.schedules().add([new()], NOW)

    id, _ = store.schedules().run("nightly", job_of, minute(0.5))

    (made,) = jobs(store)
    assert (made.id, made.flow.schedule, made.flow.tick) == (id, "nightly", None)
    assert store.schedules().ticks("nightly") == []
    assert make(store, minute(1)).jobs == 0  # the other one has not ended
    with pytest.raises(Conflict, match=f'job "{made.id}" of schedule "nightly" has not ended'):
        store.schedules().run("nightly", job_of, minute(1.5))
    end_all(store, minute(1.5))
    assert make(store, minute(2)).jobs == 1
    with pytest.raises(NotFound, match='no schedule "other"'):
        store.schedules().run("other", job_of, NOW)


def test_by_hand_too_a_job_replaces_the_one_before_it(store: Store) -> None:
    store.schedules().add([new(overlap=Overlap.REPLACE)], NOW)
    store.schedules().run("nightly", job_of, NOW)
    running = claimed(store, now=NOW)

    assert store.schedules().run("nightly", job_of, NOW)[1].asked == (WORKER,)
    assert asked_to_end(store, running)


def test_a_schedule_that_is_paused_ticks_no_more_and_when_resumed_makes_up_for_nothing(store: Store) -> None:
    store.schedules().add([new(catch_up=CatchUp.ALL, overlap=Overlap.QUEUE)], NOW)
    paused = store.schedules().pause("nightly", minute(0.5))
    assert paused.paused_at == minute(0.5)
    assert store.schedules().pause("nightly", minute(2)) == paused

    assert make(store, minute(3)) == Ticked()
    resumed = store.schedules().resume("nightly", minute(4.5))

    assert (resumed.paused_at, resumed.next_tick) == (None, minute(5))
    assert store.schedules().resume("nightly", minute(9)) == resumed
    make(store, minute(5))
    assert ticks(store) == [minute(5)]
    for move in (store.schedules().pause, store.schedules().resume):
        with pytest.raises(NotFound, match='no schedule "other"'):
            move("other", NOW)


# Many at once, and kills


def test_several_who_look_at_once_make_each_job_once(open_store: OpenStore) -> None:
    first = open_store()
    first.schedules().add([new(f"s{n}", "every 60s", overlap=Overlap.QUEUE) for n in range(10)], NOW)
    stores = [open_store() for _ in range(4)]
    start = threading.Barrier(len(stores))
    errors: list[Exception] = []

    def look(store: Store) -> None:
        try:
            start.wait()
            for number in range(1, 11):
                make(store, minute(number))
        except Exception as error:  # noqa: BLE001  told by the test
            errors.append(error)

    threads = [threading.Thread(target=look, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    made = Counter((found.flow.schedule, found.flow.tick) for found in first.list())
    assert made == {(f"s{n}", minute(number)): 1 for n in range(10) for number in range(1, 11)}


LOOK = """
from tests.store.test_schedules import look_until
from tests.support.stores import opened
store = opened(sys.argv[1])
say("ready")
sys.stdin.readline()
look_until(store, int(sys.argv[2]))
"""


def look_until(store: Store, last: int) -> None:
    """See to every minute up to the last one, with ids that no other process gives."""
    import os  # noqa: PLC0415

    def of_this_process(schedule: Schedule, tick: datetime | None) -> NewJob:
        return job_of(schedule, tick)._replace(id=f"p{os.getpid()}-{next(_ids)}")

    for number in range(1, last + 1):
        store.schedules().make_due(of_this_process, minute(number))


def test_processes_that_look_at_once_and_are_killed_make_each_job_once(place: str, store: Store) -> None:
    last = 150
    store.schedules().add([new(overlap=Overlap.QUEUE, catch_up=CatchUp.ALL), new("other")], NOW)
    lookers = [children.start(LOOK, place, last) for _ in range(3)]
    for looker in lookers:
        children.heard(looker, "ready")
    for looker in lookers:
        assert looker.stdin is not None
        looker.stdin.write("\n")
        looker.stdin.flush()
    for killed in lookers[:2]:
        before = len(jobs(store))
        while killed.poll() is None and len(jobs(store)) < min(before + 20, last):
            pass
        killed.kill()
        assert killed.wait() in {-signal.SIGKILL, 0}
    said, _ = lookers[2].communicate()
    assert (lookers[2].returncode, said) == (0, "")
    for killed in lookers[:2]:
        killed.communicate()

    made = Counter(found.flow.tick for found in store.list() if found.flow.schedule == "nightly")
    assert made == {minute(number): 1 for number in range(1, last + 1)}
    assert Counter(found.flow.schedule for found in store.list())["other"] == 1


DIE_MAKING = """
from tests.store.test_schedules import job_of, minute
left = int(sys.argv[2])
def count(cursor, sql, bindings):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return True
connections = []
apsw.connection_hooks.append(connections.append)
store = SqliteStore(home, patience=5)
connections[0].set_exec_trace(count)
store.schedules().make_due(job_of, minute(2))
"""


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_death_between_any_two_statements_makes_no_job_and_loses_no_tick(place: str, store: Store) -> None:
    store.schedules().add([new(overlap=Overlap.REPLACE)], NOW)
    make(store, minute(1))
    before = store.schedules().get("nightly")
    deaths = 0
    while (end := children.run(DIE_MAKING, place, deaths))[0] == -signal.SIGKILL:
        assert store.schedules().get("nightly") == before
        assert [found.state for found in jobs(store)] == [State.PENDING]
        deaths += 1

    assert end == (0, "")
    assert deaths > 8
    assert [found.state for found in jobs(store)] == [State.CANCELLED, State.PENDING]
    assert ticks(store) == [minute(1), minute(2)]
    assert stored_job(store, jobs(store)[1].id).ready

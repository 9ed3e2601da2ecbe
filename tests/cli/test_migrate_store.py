"""`migrate-store`: the whole queue to another store, with real workers, and when it is killed on the way."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from queuectl.job import State
from queuectl.store.transfers import Stage
from queuectl.transfer import BATCH, sums
from tests.support.factories import claimed, identity, job, new_job
from tests.support.gate import Gate
from tests.support.processes import RealQueue, kill
from tests.support.stores import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from queuectl.store.base import Store
    from tests.cli.conftest import Terminal

NOBODY = "postgresql://jobs:secret@127.0.0.1:1/queue"
"""Where no server is."""


class Ends:
    """A queue, and the place where it is to go."""

    def __init__(self, here: RealQueue, to: str, there: RealQueue) -> None:
        self.here = here
        """The program with the queue as it is found before."""
        self.to = to
        """What names the other place."""
        self.there = there
        """The program with the queue as it is found after that."""

    def everything(self, end: RealQueue) -> dict[str, object]:
        return sums(end.store.gate())

    def open_ends(self) -> list[RealQueue]:
        return [end for end in (self.here, self.there) if end.store.gate().transfers().keys() <= {Stage.ARRIVED}]


@pytest.fixture(params=["to postgres", "to sqlite"])
def ends(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> Iterator[Ends]:
    file, database = RealQueue(tmp_path), RealQueue(tmp_path, url=postgres_url)
    file.home.create()
    try:
        if request.param == "to postgres":
            yield Ends(file, postgres_url, database)
        else:
            yield Ends(database, "sqlite", file)
    finally:
        file.close()
        database.close()


ONLY_FORTH = pytest.mark.parametrize("ends", ["to postgres"], indirect=True)
ONLY_BACK = pytest.mark.parametrize("ends", ["to sqlite"], indirect=True)


def test_a_queue_with_its_history_goes_to_another_store(ends: Ends) -> None:
    here, there = ends.here, ends.there
    here.do("config", "set", "grace", "7s")
    here.start()
    here.enqueue("echo out; exit 3", "--id", "dead", "--max-retries", "0")
    here.wait("dead")
    here.stop()
    here.enqueue("echo hi", "--id", "waiting")
    here.enqueue("true", "--id", "later", "--run-at", "+1h")
    shown = json.loads(here.do("list", "--json"))
    attempts = here.do("show", "dead", "--json"), here.do("logs", "dead")
    before = ends.everything(here)
    place = there.store.gate().place

    assert here.run("migrate-store", "--to", ends.to) == (0, "", f"3 jobs moved to {place}\n")

    assert ends.everything(there) == before
    assert json.loads(there.do("list", "--json")) == shown
    assert (there.do("show", "dead", "--json"), there.do("logs", "dead")) == attempts
    elsewhere = str(here.directory / "elsewhere")
    assert there.url is None or there.do("logs", "dead", "--home", elsewhere) == "out\n"
    assert there.do("config", "get", "grace") == "7s\n"
    there.start()
    assert there.wait("waiting").state is State.COMPLETED


def test_the_queue_is_closed_where_it_was(ends: Ends) -> None:
    here, there = ends.here, ends.there
    here.enqueue("true", "--id", "a")
    here.do("migrate-store", "--to", ends.to)
    place = there.store.gate().place
    why = f"queuectl: error: the queue of {here.store.gate().place} has moved to {place}\n"

    for argv in (
        ["enqueue", "--", "true"],
        ["cancel", "a"],
        ["clear"],
        ["config", "set", "grace", "1s"],
        ["worker", "start"],
    ):
        code, out, err = here.run(*argv)
        assert (code, out) == (5, ""), argv
        assert err.startswith(why), argv
        assert err.splitlines()[1].startswith("  use it there: --"), argv
    code, _, err = here.run("wait", "a")
    assert (code, err.startswith(why)) == (125, True)
    assert json.loads(here.do("status", "--json"))["closed"] == why.removeprefix("queuectl: error: ").strip()
    assert here.do("status").startswith(why.removeprefix("queuectl: error: "))
    assert json.loads(there.do("status", "--json"))["closed"] is None
    assert here.do("list", "-q") == "a\n"


WAITERS = {
    "wait": (["wait", "a"], 125, ""),
    "run": (["run", "--id", "b", "--", "true"], 125, ", with job b"),
    "logs -f": (["logs", "-f", "a"], 5, ""),
}


@pytest.mark.parametrize("waiter", WAITERS)
def test_who_waits_for_a_job_is_told_when_the_queue_moves(ends: Ends, waiter: str) -> None:
    here = ends.here
    here.do("config", "set", "backoff_base", "1000")
    here.start()
    here.enqueue("echo out; exit 3", "--id", "a")
    here.wait("a", State.FAILED)
    here.stop()
    words, code, more = WAITERS[waiter]
    waiting = here.spawn(*words)
    assert waiting.stdout is not None
    assert waiting.stdout.readline()  # that no worker runs, or what the job has printed: it has begun
    here.do("migrate-store", "--to", ends.to)

    out, _ = waiting.communicate()
    assert waiting.returncode == code
    error, hint = out.splitlines()[-2:]
    places = here.store.gate().place, ends.there.store.gate().place
    assert error in {
        f"queuectl: error: the queue of {places[0]} {moves} {places[1]}{more}"
        for moves in ("has moved to", "is being moved to")
    }
    assert hint.startswith(("  use it there: --", "  queuectl migrate-store goes on with it"))


def test_a_job_that_has_ended_is_told_of_as_ever_wherever_the_queue_is(ends: Ends) -> None:
    here = ends.here
    here.start()
    here.enqueue("echo out; exit 3", "--id", "a", "--max-retries", "0")
    here.wait("a")
    here.stop()
    here.do("migrate-store", "--to", ends.to)

    assert here.run("wait", "a").code == 3
    assert here.run("logs", "-f", "a") == (0, "out\n", "")


def test_a_queue_comes_back(ends: Ends) -> None:
    here, there = ends.here, ends.there
    here.enqueue("true", "--id", "a")
    here.do("migrate-store", "--to", ends.to)
    there.enqueue("true", "--id", "b")
    back = "sqlite" if here.url is None else here.url
    assert there.run("migrate-store", "--to", back).code == 0

    assert here.do("list", "-q") == "b\na\n"
    here.enqueue("true", "--id", "c")
    assert there.run("enqueue", "--", "true").code == 5


def test_settings_that_are_replaced_are_told_before(ends: Ends) -> None:
    here, there = ends.here, ends.there
    for end, settings in ((here, {"grace": "7s", "keep_dead": "90d"}), (there, {"grace": "8s", "keep_dead": "90d"})):
        for key, value in settings.items():
            end.do("config", "set", key, value)
    there.do("config", "set", "log_cap", "1MiB")
    places = [end.store.gate().place for end in (here, there)]
    _, _, err = here.run("migrate-store", "--to", ends.to)

    assert err.splitlines() == [
        f"settings of {places[1]} that are replaced: grace = 8s, log_cap = 1MiB",
        f"0 jobs moved to {places[1]}",
    ]
    assert there.do("config", "get", "grace") == "7s\n"
    there.do("config", "set", "grace", "9s")
    back = "sqlite" if here.url is None else here.url
    assert there.run("migrate-store", "--to", back).err == f"0 jobs moved to {places[0]}\n"  # its own are no others


def test_once_more_changes_nothing(ends: Ends) -> None:
    ends.here.enqueue("true", "--id", "a")
    ends.here.do("migrate-store", "--to", ends.to)
    ends.there.enqueue("true", "--id", "b")
    code, out, err = ends.here.run("migrate-store", "--to", ends.to)

    assert (code, out) == (0, "")
    assert err == f"the queue has moved to {ends.there.store.gate().place} before\n"
    assert ends.there.do("list", "-q") == "b\na\n"


def test_it_answers_in_json(ends: Ends) -> None:
    ends.here.enqueue("true")
    code, out, err = ends.here.run("migrate-store", "--to", ends.to, "--json")

    assert (code, err) == (0, "")
    assert json.loads(out) == {"moved": 1, "to": ends.there.store.gate().place}


def test_a_terminal_shows_how_far_it_is(terminal: Terminal, store: Store, url: str | None, postgres_url: str) -> None:
    store.enqueue(new_job() for _ in range(6000))
    store.deregister(identity().worker)
    shown = terminal("migrate-store", "--to", "sqlite" if url else postgres_url, columns=200)

    assert [line.partition(" moved")[0] for line in shown.split("\r\33[K")] == [
        "",
        "5,000 jobs copied",
        "6,000 jobs copied",
        "6,000 jobs",
    ]


# Workers


def test_it_refuses_while_workers_live(ends: Ends) -> None:
    here = ends.here
    here.start(count=2)
    here.do("status")
    code, out, err = here.run("migrate-store", "--to", ends.to)

    assert (code, out) == (4, "")
    assert err.splitlines() == [
        "queuectl: error: 2 workers serve the queue",
        "  stop them first; or add --stop, which waits for their jobs",
    ]
    assert here.wait(here.enqueue("true")).state is State.COMPLETED


def test_stop_waits_for_the_running_job(ends: Ends) -> None:
    here, there = ends.here, ends.there
    gate = Gate(here.directory / "gate")
    here.start(count=2)
    here.enqueue("echo up >>started; read _ < gate", "--id", "slow")
    here.wait_for_lines("started")
    moving = here.spawn("migrate-store", "--stop", "--to", ends.to)
    assert moving.stdout is not None
    assert moving.stdout.readline() == "waiting for slow\n"
    assert there.store.gate().transfers() == {}
    here.run("worker", "start")  # it is told to stop as well, perhaps before it has begun
    gate.open()

    assert moving.wait() == 0
    assert there.job("slow").state is State.COMPLETED
    assert there.job("slow").attempt == 1
    here.no_worker()


@ONLY_FORTH
def test_stop_leaves_workers_of_other_queues_of_the_home_alone(ends: Ends, empty_postgres_url: str) -> None:
    other = RealQueue(ends.here.directory, url=empty_postgres_url)
    try:
        (worker,) = other.start()
        ends.here.start(count=2)
        ends.here.do("migrate-store", "--stop", "--to", ends.to)

        assert [left.id for left in other.workers()] == [worker.id]
        assert other.wait(other.enqueue("true")).state is State.COMPLETED
    finally:
        other.close()


def test_a_job_of_a_worker_that_is_gone_is_taken_from_it_first(ends: Ends) -> None:
    here, there = ends.here, ends.there
    here.start()
    here.enqueue("echo up >>started; exec sleep 1000", "--id", "lost")
    here.wait_for_lines("started")
    supervisor, worker = here.supervisors()[0], here.workers()[0]
    # The supervisor first: it would start another worker.
    for pid in (supervisor.pid, worker.pid):
        kill(pid)
    here.no_worker()
    if here.url is not None:  # of two reasons to take a job the kernel's comes first
        with psycopg.connect(here.url) as database:
            database.execute("UPDATE queuectl.workers SET rescue_at = now()")
    here.do("migrate-store", "--stop", "--to", ends.to)

    lost = there.job("lost")
    assert (lost.state, lost.crashes, lost.interruptions) == (State.PENDING, 1, 0)


def hold_on_a_silent_machine(store: Store, lease: float, silent: float) -> None:
    """Let a job be in the hands of a worker that was heard of last so many seconds ago."""
    store.register(identity(), lease, datetime.now(UTC) - timedelta(seconds=silent))
    job(store, new=new_job("held"))
    claimed(store, "held")


@ONLY_BACK
def test_a_job_of_a_machine_that_fell_silent_is_not_taken_along(ends: Ends) -> None:
    hold_on_a_silent_machine(ends.here.store, 60.0, 61.0)
    code, out, err = ends.here.run("migrate-store", "--to", ends.to)

    assert (code, out) == (4, "")
    assert err.splitlines() == [
        "queuectl: error: job held is in the hands of a worker that is gone",
        "  --stop waits until it is taken from it",
    ]


@ONLY_BACK
def test_a_job_of_a_machine_that_fell_silent_is_waited_for_if_asked(ends: Ends) -> None:
    hold_on_a_silent_machine(ends.here.store, 60.0, 73.0)
    code, _, err = ends.here.run("migrate-store", "--stop", "--to", ends.to)

    assert (code, err.splitlines()[-1].partition(" moved")[0]) == (0, "1 job")
    assert (ends.there.job("held").state, ends.there.job("held").interruptions) == (State.PENDING, 1)


@ONLY_FORTH
def test_a_job_cannot_move_its_queue(ends: Ends) -> None:
    code, _, err = ends.here.run("migrate-store", "--to", ends.to, env={"QUEUECTL_RUN": "x"})
    assert (code, err.splitlines()[0]) == (4, "queuectl: error: a job cannot move the queue that it is in")


def test_a_worker_that_lives_on_does_nothing_in_a_closed_queue(ends: Ends) -> None:
    here, there = ends.here, ends.there
    id = "1" * 32
    here.enqueue("true", "--id", "a")
    store = opened(here.url or here.home.path)
    store.gate().begin_leaving(id, there.store.gate().place)
    store.gate().stay(id)
    here.start()
    here.wait("a")
    store.gate().begin_leaving(id, there.store.gate().place)
    # It is idle; what wakes it up is refused.
    code, _, err = here.run("enqueue", "--", "true")
    assert (code, "is being moved to" in err) == (5, True)
    store.gate().stay(id)
    assert here.wait(here.enqueue("true")).state is State.COMPLETED
    store.close()


# Killed on the way

MANY = 2 * BATCH

KILLED = """
import os, signal
from queuectl.cli.migrate_store import Progress
Progress.tell = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
"""
"""A `sitecustomize` for a process that is killed when the first jobs have arrived."""


def fill(store: Store) -> dict[str, object]:
    store.enqueue(new_job(f"job-{n}") for n in range(MANY))
    return sums(store.gate())


def killed_on_the_way(ends: Ends) -> None:
    """Begin to move the queue, in a process that is killed after the first jobs have arrived."""
    site = ends.here.directory / "killed"
    site.mkdir()
    (site / "sitecustomize.py").write_text(KILLED)
    path = f"{site}:{ends.here.environ.get('PYTHONPATH', '')}"
    moving = ends.here.run("migrate-store", "--to", ends.to, env={"PYTHONPATH": path})
    assert moving.code == -signal.SIGKILL


def test_killed_on_the_way_it_goes_on_with_the_same_command(ends: Ends) -> None:
    here, there = ends.here, ends.there
    before = fill(here.store)
    killed_on_the_way(ends)

    assert ends.open_ends() == []
    upto = there.store.gate().transfers()[Stage.ARRIVING].upto
    assert upto > 0
    for end, words in ((here, "is being moved to"), (there, "a queue is being moved from")):
        code, _, err = end.run("enqueue", "--", "true")
        assert (code, words in err) == (5, True), err
    place = there.store.gate().place
    assert here.run("migrate-store", "--to", ends.to) == (0, "", f"{MANY:,} jobs moved to {place}\n")
    assert ends.open_ends() == [there]
    assert ends.everything(there) == before


def test_killed_on_the_way_it_can_be_given_up(ends: Ends) -> None:
    here, there = ends.here, ends.there
    before = fill(here.store)
    killed_on_the_way(ends)
    code, out, err = here.run("migrate-store", "--abandon", "--to", ends.to)

    assert (code, out, err) == (0, "", "the move is given up, and the queue is open where it was\n")
    assert ends.everything(here) == before
    assert there.do("list", "-q") == ""
    here.enqueue("true")
    there.enqueue("true")


@ONLY_FORTH
def test_a_target_that_is_away_leaves_the_queue_closed_or_given_up(ends: Ends) -> None:
    fill(ends.here.store)
    killed_on_the_way(ends)
    code, _, err = ends.here.run("migrate-store", "--to", NOBODY)
    assert (code, "cannot be reached" in err, "secret" in err) == (5, True, False)
    code, _, err = ends.here.run("migrate-store", "--to", "sqlite")
    assert code == 2
    code, out, err = ends.here.run("migrate-store", "--abandon")
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        "the move is given up, and the queue is open where it was",
        f"what has arrived in {ends.there.store.gate().place} is still there; to forget it, name that with --to",
    ]
    ends.here.enqueue("true")


# Where it went is lost


def test_the_copy_that_was_left_is_opened_if_that_is_asked_for(ends: Ends) -> None:
    here, there = ends.here, ends.there
    here.enqueue("true", "--id", "waiting")
    here.do("migrate-store", "--to", ends.to)
    there.enqueue("true", "--id", "later")
    place = there.store.gate().place
    code, _, err = here.run("migrate-store", "--abandon")
    assert (code, err.splitlines()) == (
        4,
        [
            f"queuectl: error: all of the queue has moved to {place}",
            "  move it back from where it is; or, when that is lost for good, open its copy here with --reopen",
        ],
    )
    code, out, err = here.run("migrate-store", "--reopen")
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        f"the queue is open as it was when it moved to {place}: 1 job",
        f"nothing may run in {place} any more: what is in both would run twice",
    ]

    assert here.do("list", "-q") == "waiting\n"
    assert json.loads(here.do("status", "--json"))["closed"] is None
    here.start()
    assert here.wait("waiting").state is State.COMPLETED
    code, _, err = here.run("migrate-store", "--reopen")
    assert (code, "is open" in err) == (4, True)


def test_what_had_arrived_is_opened_if_that_is_asked_for(ends: Ends) -> None:
    fill(ends.here.store)
    killed_on_the_way(ends)
    arrived = len(list(ends.there.store.list()))
    code, out, err = ends.there.run("migrate-store", "--reopen", "--json")

    assert (code, json.loads(out)) == (0, {"reopened": arrived})
    assert f"the queue is open with what had arrived from {ends.here.store.gate().place}: {arrived:,} jobs\n" in err
    ends.there.enqueue("true")
    code, _, err = ends.here.run("migrate-store", "--reopen")
    assert (code, "gives it up with --abandon" in err) == (4, True)


# What cannot be meant


@ONLY_FORTH
@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "--to is missing"),
        (["--to", ""], "--to: no store that this version knows"),
        (["--to", "mysql://x"], "--to: no store that this version knows"),
        (["--to", "sqlite"], "the queue is in the file of the home already"),
        (["--to", NOBODY], "the store postgresql://jobs@127.0.0.1:1/queue cannot be reached"),
        (["--to", "postgresql://x", "--stop", "--abandon"], "--stop and --abandon exclude each other"),
        (["--abandon"], "is not being moved"),
        (["--reopen"], "is open"),
        (["--reopen", "--abandon"], "--reopen goes with no other option"),
        (["--reopen", "--to", "postgresql://x"], "--reopen goes with no other option"),
        (["--to", "postgresql://x", "more"], "unexpected argument"),
    ],
)
def test_bad_input_changes_nothing(ends: Ends, argv: list[str], said: str) -> None:
    ends.here.enqueue("true")
    code, out, err = ends.here.run("migrate-store", *argv)

    assert (code in (2, 4, 5), out) == (True, "")
    assert said in err.splitlines()[0]
    assert "secret" not in err
    assert len(err.splitlines()) <= 2
    ends.here.enqueue("true")


@ONLY_FORTH
def test_there_has_to_be_a_queue(ends: Ends) -> None:
    code, _, err = ends.here.run("--home", str(ends.here.directory / "nothing"), "migrate-store", "--to", ends.to)
    assert (code, err.startswith("queuectl: error: there is no queue in")) == (3, True)
    assert not (ends.here.directory / "nothing").exists()


def test_a_target_with_jobs_is_refused_before_any_worker_is_stopped(ends: Ends) -> None:
    ends.here.start()
    ends.there.enqueue("true")
    code, out, err = ends.here.run("migrate-store", "--stop", "--to", ends.to)

    assert (code, out) == (4, "")
    assert err.startswith(f"queuectl: error: there are jobs in {ends.there.store.gate().place} already\n")
    assert len(ends.open_ends()) == 2
    assert ends.here.wait(ends.here.enqueue("true")).state is State.COMPLETED

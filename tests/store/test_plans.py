"""What a statement costs: which index it goes by, and that its work does not grow with the number of jobs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import pytest
from apsw.ext import query_info

from queuectl.job import State
from queuectl.lifecycle import CANCELLABLE, Loss
from queuectl.paths import Home
from queuectl.selection import Selection
from queuectl.store import words
from queuectl.store.sqlite import queries
from queuectl.store.sqlite.engine import SqliteStore
from queuectl.store.sqlite.queries import statement
from tests.support.factories import COOKIE, NOW, WELL, WORKER, after, identity, new_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apsw.ext import QueryPlan

STATEMENTS = sorted({path.stem for path in Path(queries.__file__).parent.glob("*.sql")} - {"incoming", "drop_incoming"})

NAMED = re.compile(r"\bjobs_\w+")

TABLES = {
    *("jobs", "terms", "attempts", "dependencies", "counts", "durations", "workers", "config", "flushes"),
    *("schedules", "ticks", "requests"),
    *("queues", "starts", "openings"),
}

WHOLE_TABLE = {
    "list_all": "jobs",  # newest first is the order of the table; read up to the limit
    "select_all": "jobs",  # likewise; no index knows tags or commands
    "counts": "counts",  # a row per queue and state
    "durations": "durations",  # a row per hour of `keep_completed`, queue and bucket
    "identities": "workers",
    "workers": "workers",
    "settings": "config",
    "schedules": "schedules",
    "flush": "flushes",
    "drop_requests": "requests",  # what has been asked of runs in the last minute
    "rules": "queues",
    "open_all": "openings",
    "best_ready": "openings",  # whether there is one
    "best_of_queue": "openings",
    "some_are_picky": "workers",
}
"""Statements that read a whole table on purpose."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[apsw.Connection]:
    home = Home(str(tmp_path_factory.mktemp("plans") / "home"))
    home.create()
    store = SqliteStore(home)
    store.register(identity(), 60.0, queues="mail")  # makes the index of those that serve some queues
    database = apsw.Connection(home.database)
    database.execute(statement("incoming"))
    database.create_scalar_function("words", words.joined, 1)  # type: ignore[arg-type] # a BLOB
    yield database
    database.close()
    store.close()


def plan(database: apsw.Connection, name: str) -> list[str]:
    """Return the lines of a statement's query plan."""

    def lines(step: QueryPlan) -> Iterator[str]:
        yield step.detail
        for below in step.sub or ():
            yield from lines(below)

    found = query_info(database, statement(name), explain_query_plan=True).query_plan
    return [] if found is None else list(lines(found))


@pytest.mark.parametrize("name", [name for name in STATEMENTS if NAMED.search(statement(name).split(";")[0])])
def test_a_statement_uses_the_indexes_that_its_comment_names(database: apsw.Connection, name: str) -> None:
    comment = "\n".join(line for line in statement(name).splitlines() if line.startswith("--"))
    used = {index for line in plan(database, name) for index in re.findall(r"INDEX (jobs_\w+)", line)}

    assert used == set(NAMED.findall(comment))


HOT = [
    "promote",
    "best_ready",
    "list_pending",
    "list_scheduled",
    "last_failures",
    "list_failed",
    "list_blocked",
    "list_finished",
    "list_processing",
    "select_pending",
    "select_failed",
    "select_blocked",
    "select_finished",
    "select_processing",
    "next_due_at",
    "oldest_waiting",
    "prune",
    "best_of_queue",
    "unfinished_of",
    "hold_queue",
    "hold_key",
    "first_held",
    "let_go",
    "standing",
    "running_of_key",
    "running",
    "unfinished",
    "deregister",
]


@pytest.mark.parametrize("name", HOT)
def test_a_statement_that_looks_for_jobs_says_by_which_index(name: str) -> None:
    assert NAMED.search(statement(name))


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_reads_a_table_from_end_to_end(database: apsw.Connection, name: str) -> None:
    scans = {line.split()[1] for line in plan(database, name) if line.startswith("SCAN") and "INDEX" not in line}

    assert scans & TABLES == ({WHOLE_TABLE[name]} if name in WHOLE_TABLE else set())


SORTING = {
    "running",  # a row per worker
    "list_processing",  # a row per worker
    "workers",  # a row per worker
    "oldest_waiting",  # a row per priority in use
    "list_pending",  # at most 1,000 rows more than are asked for
    "durations",  # a row per hour of `keep_completed`, queue and bucket
    "list_failed",  # failed jobs that are due and wait for a worker
    "select_pending",  # what is selected of the jobs that are read
    "select_failed",  # likewise
    "sum_up_durations",  # the minutes of the hours that have ended since the last call
    "count_gathered",  # a private table
    "first_taken",  # a private table, after an error
    "gathered_batches",  # a private table
    "select_processing",  # a row per worker
    "open_of",  # two words for a job
    "batch_callbacks",  # a few rows
    "batches",  # a row per batch and state
    "unknown_parent",  # a private table
}


@pytest.mark.parametrize("name", sorted(set(STATEMENTS) - SORTING))
def test_no_statement_sorts_what_an_index_could_give_in_order(database: apsw.Connection, name: str) -> None:
    assert not [line for line in plan(database, name) if "B-TREE" in line]


FILL = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)
INSERT INTO jobs (
    id, state, ready, queue, priority, command, max_retries, terms, cwd, env, secret_env,
    created_at, next_run_at, finished_at, attempt, worker
)
SELECT
    printf('j%07d', i), :state, :ready, 'default', i % 3, 'true', 3, 1, '/', x'', x'',
    :now + i, :due + i, :end + i,
    :end IS NOT NULL, CASE WHEN :end IS NOT NULL THEN 'w' END
FROM n
"""

MICROS = int(NOW.timestamp() * 1_000_000)
KINDS: dict[str, dict[str, str | int | None]] = {
    "waiting": {"state": "pending", "ready": 1, "due": MICROS, "end": None},
    "scheduled": {"state": "pending", "ready": 0, "due": MICROS + 86_400_000_000, "end": None},
    "failed": {"state": "failed", "ready": 0, "due": MICROS + 86_400_000_000, "end": None},
    "finished": {"state": "completed", "ready": 0, "due": None, "end": MICROS},
}
FEW, MANY = 1_000, 1_000_000


class Measured:
    """A store, and the steps that SQLite's machine makes in it (loops over rows are made of them)."""

    def __init__(self, home: Home) -> None:
        def seen(database: apsw.Connection) -> None:
            self.database = database

        apsw.connection_hooks.append(seen)
        self.store = SqliteStore(home, sync_every=1000.0)
        apsw.connection_hooks.remove(seen)
        self._steps = 0
        self.database.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._count)

    def _count(self, event: dict[str, dict[str, int]]) -> None:
        self._steps += event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]

    def steps(self, action: Callable[[SqliteStore], object]) -> int:
        self._steps = 0
        action(self.store)
        return self._steps


def filled(directory: Path, kind: str, number: int) -> Measured:
    home = Home(str(directory / f"{kind}-{number}"))
    home.create()
    SqliteStore(home).close()
    database = apsw.Connection(home.database)
    database.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000")
    database.execute("INSERT INTO terms VALUES (1, 2, 3600, 0, 3, 18, x'')")
    database.execute(FILL, {**KINDS[kind], "number": number, "now": MICROS})
    database.execute("INSERT INTO counts SELECT queue, state, count(*) FROM jobs GROUP BY 1, 2")
    database.execute("PRAGMA journal_mode = WAL")
    database.close()
    measured = Measured(home)
    # What the actions below need, whatever the jobs are that fill the store.
    measured.store.enqueue([new_job("mine", priority=9), new_job("other", priority=8)], NOW)
    measured.store.enqueue([new_job("last", priority=7), new_job("cancelled", run_at=after(1e6))], NOW)
    return measured


@pytest.fixture(scope="module", params=KINDS)
def few_and_many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Measured]]:
    directory = tmp_path_factory.mktemp("steps")
    stores = [filled(directory, request.param, number) for number in (FEW, MANY)]
    yield stores
    for measured in stores:
        measured.store.close()
    shutil.rmtree(directory)


def finish_and_claim(store: SqliteStore) -> None:
    job = store.claim(WORKER, COOKIE, after(1))
    assert job is not None
    _, following = store.finish_and_claim(job, WELL, COOKIE, after(1))
    assert following is not None
    assert store.rescue(following, Loss.CRASHED, after(1)) is not None


ACTIONS: dict[str, Callable[[SqliteStore], object]] = {
    "claim, finish and rescue": finish_and_claim,
    "enqueue": lambda store: store.enqueue([new_job()], after(1e6)),
    "cancel and retry": lambda store: (store.cancel("cancelled", NOW), store.retry("cancelled", NOW)),
    "next_due_at": lambda store: store.next_due_at(),
    "unfinished": lambda store: store.unfinished(NOW),
    "running": lambda store: store.running(),
    "get": lambda store: store.get("last"),
    "ids": lambda store: store.ids("j0000", 50),
    "metrics": lambda store: store.metrics(),
    "oldest_waiting": lambda store: store.oldest_waiting(),
    "last_failures": lambda store: store.last_failures(5),
    "prune": lambda store: store.prune(State.COMPLETED, 0, 100, after(0.0005)),
    "sum up durations": lambda store: store.upkeep(0, NOW),
    "list": lambda store: list(store.list(limit=100)),
    **{
        f"list {state}": lambda store, state=state: list(store.list(state, limit=100, now=NOW))  # type: ignore[misc]
        for state in State
    },
    "list scheduled": lambda store: list(store.list(State.PENDING, scheduled=True, limit=100, now=NOW)),
    # The last, because it takes away what the others look at.
    "first batch of clear": lambda store: next(iter(store.clear())),
}


@pytest.mark.parametrize("few_and_many", ["finished"], indirect=True)
def test_jobs_that_wait_are_selected_as_quickly_beside_a_long_history(few_and_many: list[Measured]) -> None:
    selection = Selection(("default",), tags={"run": "5"})
    few, many = (measured.steps(lambda store: store.matching(selection, CANCELLABLE, NOW)) for measured in few_and_many)

    assert 0 < many < 1.1 * few + 50


def test_no_cost_grows_with_the_number_of_jobs(few_and_many: list[Measured]) -> None:
    few, many = few_and_many
    grown = {}
    for name, action in ACTIONS.items():
        at_few, at_many = few.steps(action), many.steps(action)
        assert at_few > 0, name
        # A prepared plan may differ by a few steps; clear and prune take full batches where there are enough jobs.
        if at_many > 1.1 * at_few + 50 and not (name == "first batch of clear" and at_many < 3 * at_few):
            grown[name] = (at_few, at_many)

    assert grown == {}

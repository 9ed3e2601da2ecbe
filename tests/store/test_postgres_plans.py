"""What a statement costs on a server: which index it goes by, and that its work does not grow with the number of jobs.

Plans are those of a worker's session, which knows no values when it makes them (FOR_WORKERS).
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from psycopg import sql

from queuectl.job import State
from queuectl.lifecycle import Loss
from queuectl.store.postgres import queries
from queuectl.store.postgres.connection import Connection
from queuectl.store.postgres.days import BATCH
from queuectl.store.postgres.engine import PostgresStore
from queuectl.store.postgres.queries import statement
from tests.support.factories import BADLY, COOKIE, NOW, WELL, WORKER, new_job
from tests.support.postgres_run import RUN
from tests.support.stores import OLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from psycopg.errors import Diagnostic

    from queuectl.job import Job
    from tests.support.postgres import Cluster

    Plan = dict[str, Any]
    """A node of a plan, as EXPLAIN (FORMAT JSON) gives it."""

STATEMENTS = sorted(
    {path.stem for path in Path(queries.__file__).parent.glob("*.sql")}
    - {"incoming", "gather", "make_day", "attach_day", "close_days", "drop_day", "wait_briefly"}  # these have no plans
)

DAY = {"day": sql.Identifier("completed_other")}
"""What stands for a day in statements that name one."""

VALUES: dict[str, Any] = (
    {"worker": WORKER, "pid": 1, "started": 1, "boot": "", "home": "h1", "host": "", "version": "", "lease": 60.0}
    | {"id": "new", "seq": 1, "attempt": 1, "enqueue_key": b"", "cookie": COOKIE, "now": None}
    | {"queue": "default", "priority": 0, "command": "true", "argv": None, "max_retries": 3, "timeout": None}
    | {"cwd": "/", "env": b"", "secret_env": b"", "stdin": None, "run_at": None, "terms": 1}
    | {"state": State.PENDING, "from_state": State.DEAD, "ready": True, "delay": 0.0, "finished": False}
    | {"failures": 0, "crashes": 0, "interruptions": 0, "cancel_requested_at": None, "ending": "completed"}
    | {"paused_at": None, "held_by": None, "numbers": "{1,2}", "what": "signal"}
    | {"duration": None, "outcome": "exited", "exit_code": 0, "signal": None, "last_error": None}
    | {"limit": 100, "age": 1e9, "after": 0, "last": 100, "seqs": "{1,2}", "prefix": "w", "end": "x", "jobs": 2}
    | {"backoff_base": 2.0, "backoff_max": 1.0, "backoff_jitter": 0.0, "max_crashes": 3, "umask": 18}
    | {"caller_env": b"", "number": 999, "name": "", "value": "", "kept": "completed", "every": 60.0}
    | {"log": b"", "log_end": 0, "seconds": 1.0, "claimed": State.PROCESSING, "after_stop": 0}
    | {"tags": None, "key": None, "key_limit": None, "batch": "b1", "batch_role": None, "array_index": None}
    | {"unique_key": None, "schedule": None, "tick": None, "on_parent_failure": None}
    | {"followed": False, "blocked": State.BLOCKED, "was": State.BLOCKED, "parents": "{1,2}", "roles": '["then"]'}
    | {
        "queues": ["default"],
        "ids": ["waiting-1", "dead-1"],
        "words": None,
        "older_than": None,
        "scheduled": False,
        "anew": False,
        "paused": False,
    }
    | {"times": "", "zone": "", "job": "", "overlap": "skip", "catch_up": "one", "within": None, "splay": 0.0}
    | {"created_at": NOW, "next_tick": None, "last_seq": None, "keep": 50}
    | {"by": "", "reason": None, "concurrency": 1, "rate": None, "rate_period": None, "set_concurrency": True}
    | {"set_rate": False, "holder": "queue:default", "queues": ["default"], "looked": False}
    | {"above": "{9,1}", "priorities": "{1,0}", "created": [NOW, NOW]}
)
"""A value for each parameter."""

COMPLETED = {"state": State.COMPLETED, "delay": None, "finished": True}

ITS_VALUES: dict[str, dict[str, Any]] = {
    "finish": COMPLETED,
    "finish_and_claim": COMPLETED,
    "finish_and_claim_from": COMPLETED,
    "forget_day": {"limit": BATCH},
    "keep_tick": {"schedule": "s1", "tick": NOW, "outcome": "made"},
    "request": {"value": 10.0},
    "request_stop": {"now": True},
    "set_setting": {"key": ""},
}
"""What has to be another value in a statement."""

BY_STATE = {"list_finished", "prune", "select_finished"}
"""Statements that are about one of the final states."""

VARIANTS = [
    *[(name, ITS_VALUES.get(name, {})) for name in STATEMENTS if name not in BY_STATE],
    *[
        (name, {"state": state})
        for name in sorted(BY_STATE)
        for state in (State.COMPLETED, State.DEAD, State.CANCELLED)
    ],
]

each_statement = pytest.mark.parametrize(
    ("name", "values"), VARIANTS, ids=[f"{name}-{values.get('state', '')}".rstrip("-") for name, values in VARIANTS]
)

# What the kinds have in common follows from `state`, as the checks of the table say.
FILL = """
WITH kind AS (
    SELECT %(state)s::text AS state, %(ready)s::boolean AS ready, %(later)s::interval AS later
), taken AS (
    INSERT INTO queuectl.job_ids (id, enqueue_key)
    SELECT %(kind)s || '-' || i, '' FROM generate_series(1, %(number)s) AS i
    RETURNING id, seq
)
INSERT INTO queuectl.jobs (
    seq, id, state, ready, queue, priority, command, max_retries, terms, cwd, env, secret_env, attempt,
    created_at, next_run_at, started_at, ended_at, finished_at, worker, cookie, batch
)
SELECT
    seq, id, state, ready, 'default', mod(seq, 3), 'true', 3, 1, '/', '', '', (state <> 'pending')::integer,
    moment, CASE WHEN state IN ('pending', 'failed') THEN moment + later END,
    CASE WHEN state <> 'pending' THEN moment END, CASE WHEN state NOT IN ('pending', 'processing') THEN moment END,
    CASE WHEN state IN ('completed', 'dead', 'cancelled') THEN moment END,
    CASE WHEN state <> 'pending' THEN 'w' || seq END, CASE WHEN state = 'processing' THEN '' END,
    'b' || mod(seq, 2000)
FROM taken, kind, LATERAL (SELECT clock_timestamp() - interval '1 day' + seq * interval '1 millisecond' AS moment) AS m
"""

KINDS: dict[str, tuple[State, bool, str]] = {
    "waiting": (State.PENDING, True, "0"),
    "scheduled": (State.PENDING, False, "2 days"),
    "failed": (State.FAILED, False, "2 days"),
    "blocked": (State.BLOCKED, False, "0"),
    "processing": (State.PROCESSING, False, "0"),
    "completed": (State.COMPLETED, False, "0"),
    "cancelled": (State.CANCELLED, False, "0"),
    "dead": (State.DEAD, False, "0"),
}
"""State, whether it may run now, and how long after now it may."""

BESIDE = """
INSERT INTO queuectl.terms (backoff_base, backoff_max, backoff_jitter, max_crashes, umask, caller_env)
SELECT 2, 3600, 0, 3, 18, i::text::bytea FROM generate_series(1, 2000) AS i;
INSERT INTO queuectl.attempts SELECT seq, 1, 'w', now(), now(), 1, 'exited' FROM generate_series(1, 20000) AS seq;
INSERT INTO queuectl.dependencies SELECT seq + 9, seq, 'p', 'ok' FROM generate_series(1, 20000) AS seq;
INSERT INTO queuectl.durations
SELECT minute, 'default', 'completed', bucket, 1, 1, 1, 1
FROM generate_series(27000000, 27020000, 60) AS minute, generate_series(1, 50) AS bucket;
INSERT INTO queuectl.workers (
    id, pid, started, boot, home, host, version, registered_at, lease_until, rescue_at, idle
)
SELECT
    'w' || i, 1, 1, '', 'h' || i / 10, '', '', now(), now() + interval '1 day', now() + interval '2 days', mod(i, 2) = 0
FROM generate_series(1, 2000) AS i;
INSERT INTO queuectl.schedules
SELECT 's' || i, '', '', '', 'skip', 'one', NULL, 0, 18, '', now(), now() + i * interval '1 minute', NULL, NULL
FROM generate_series(-100, 20000) AS i;
INSERT INTO queuectl.ticks
SELECT 's' || i, now() - n * interval '1 minute', 'made', 1, ''
FROM generate_series(1, 2000) AS i, generate_series(1, 50) AS n;
INSERT INTO queuectl.requests (seq, attempt, what, value, asked_at)
SELECT i, 1, 'signal', 10, now() FROM generate_series(1, 2000) AS i;
INSERT INTO queuectl.stops SELECT 'h' || i, i, 0 FROM generate_series(1, 2000) AS i;
INSERT INTO queuectl.queues (name, concurrency) SELECT 'q' || i, 1 FROM generate_series(1, 2000) AS i;
INSERT INTO queuectl.starts SELECT 'q' || mod(i, 200), i, now() FROM generate_series(1, 2000) AS i;
INSERT INTO queuectl.openings SELECT 'queue:q' || i, now() + interval '1 day' FROM generate_series(1, 2000) AS i
"""


class Watched(Connection):
    """A worker's connection that shows what a statement is to it."""

    def __init__(self, url: str) -> None:
        super().__init__(url, for_worker=True)

    def fill(self, kind: str, number: int) -> None:
        """Add jobs of a kind."""
        state, ready, later = KINDS[kind]
        values = {"kind": kind, "state": state, "ready": ready, "later": later, "number": number}
        self._connected().execute(FILL.encode(), values)

    def execute(self, statements: str) -> None:
        """Run statements that have no names."""
        for text in statements.split(";"):
            self._connected().execute(text.encode(), prepare=False)

    def plan(self, name: str, values: Mapping[str, Any]) -> Plan:
        """Return the plan by which a session that has run a statement runs it again; nothing is changed."""
        db = self._connected()
        try:
            db.execute("BEGIN")
            if "{day}" in statement(name):  # planned each time
                explain = sql.SQL("EXPLAIN (FORMAT JSON) ") + sql.SQL(statement(name)).format(**DAY)
                (([found],),) = db.execute(explain, values, prepare=False)
            else:
                self.change("incoming")
                self.change(name, values)
                (([found],),) = db.execute(self._explain_prepared(name, values), prepare=False)
            plan: Plan = found["Plan"]
            return plan
        finally:
            db.execute("ROLLBACK")

    def _explain_prepared(self, name: str, values: Mapping[str, Any]) -> sql.Composed:
        names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement(name))))
        text = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", statement(name))
        ((prepared,),) = self._connected().execute(
            "SELECT name FROM pg_prepared_statements WHERE statement = %s", [text.replace("%%", "%")]
        )
        explain = sql.SQL("EXPLAIN (FORMAT JSON) EXECUTE {}").format(sql.Identifier(prepared))
        if names:
            explain += sql.SQL("({})").format(sql.SQL(", ").join(sql.Literal(values[name]) for name in names))
        return explain

    def parents(self) -> dict[str, str]:
        """Return of each index of a partition the one that it is a part of."""
        rows = self._connected().execute(
            "SELECT relname, pg_partition_root(oid)::regclass::text FROM pg_class WHERE relkind IN ('i', 'I')"
            " AND pg_partition_root(oid) <> oid",
            prepare=False,
        )
        return {name: parent.removeprefix("queuectl.") for name, parent in rows}


@pytest.fixture(scope="module")
def new_database(pytestconfig: pytest.Config) -> Iterator[Callable[[Cluster], str]]:
    """Makes databases like those of the tests, each with an empty queue, that last for the module."""
    with ExitStack() as databases:
        yield lambda cluster: databases.enter_context(pytestconfig.stash[RUN].database(cluster))


# Plans


@pytest.fixture(scope="module")
def full(request: pytest.FixtureRequest, new_database: Callable[[Cluster], str]) -> str:
    """A database with 20,000 jobs of each kind, but only 100 that run."""
    url = new_database(request.getfixturevalue(getattr(request, "param", "postgres")))
    connection = Watched(url)
    for kind in KINDS:
        connection.fill(kind, 100 if kind == "processing" else 20_000)
    connection.execute(BESIDE)
    connection.execute("VACUUM (ANALYZE)")
    connection.close()
    return url


@pytest.fixture
def watched(full: str) -> Iterator[Watched]:
    connection = Watched(full)
    yield connection
    connection.close()


def nodes(plan: Plan) -> Iterator[Plan]:
    """Yield a node and all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def planned(watched: Watched, name: str, values: Mapping[str, Any]) -> list[Plan]:
    return list(nodes(watched.plan(name, {**VALUES, **values})))


def named(name: str) -> set[str]:
    """Return the indexes that the comment of a statement names."""
    comment = " ".join(line.removeprefix("--") for line in statement(name).splitlines() if line.startswith("--"))
    return set(re.findall(r"\w+", " ".join(re.findall(r"\bIndex(?:es)?:([^.]+)\.", comment))))


BY_NUMBER = re.compile(r"jobs_(unfinished|blocked|processing|dead|completed|cancelled)|\w+_pkey|pg_\w+")
"""Indexes that nobody has to name: what is known by its key is looked up by it, and the server has its own."""


@pytest.mark.parametrize("full", ["postgres", *OLDER], indirect=True)
@each_statement
def test_a_statement_uses_the_indexes_that_its_comment_names(
    watched: Watched, name: str, values: dict[str, Any]
) -> None:
    parents = watched.parents()
    indexes = [node["Index Name"] for node in planned(watched, name, values) if "Index Name" in node]
    used = {parents.get(index, index) for index in indexes}
    wanted = {parents.get(index, index) for index in named(name)}

    assert wanted <= used
    assert not [index for index in used - wanted if not BY_NUMBER.fullmatch(index)]


HOT = {
    *("claim", "held", "expired", "running_near", "unowned", "unfinished", "next_due_at", "deregister"),
    "workers",
    *("list_pending", "list_scheduled", "list_failed", "list_blocked", "list_finished", "list_processing"),
    *("select_failed", "select_blocked", "select_processing"),
    *("last_failures", "oldest_waiting", "prune"),
}


@pytest.mark.parametrize("name", sorted(HOT))
def test_a_statement_that_looks_for_jobs_says_by_which_index(name: str) -> None:
    assert named(name)


TIMED = {
    "claim": "jobs_due",
    "unfinished": "jobs_due",
    "list_pending": "jobs_scheduled",
    "list_scheduled": "jobs_scheduled",
    "list_failed": "jobs_failed",
    "prune": "finished",
}
"""Statements that look for what is due, or old, and the index that knows it."""


@pytest.mark.parametrize(("name", "values"), [(name, values) for name, values in VARIANTS if name in TIMED])
def test_a_time_is_a_condition_of_the_index(watched: Watched, name: str, values: dict[str, Any]) -> None:
    timed = [
        node
        for node in planned(watched, name, values)
        if TIMED[name] in node.get("Index Name", "") and re.search(r"(next_run_at|finished_at) [<>]", str(node))
    ]
    assert timed
    for node in timed:
        assert re.search(r"(next_run_at|finished_at) [<>]", node.get("Index Cond", "")), node
        assert not re.search(r"(next_run_at|finished_at) [<>]", node.get("Filter", "")), node


WHOLE_TABLE = {
    "select_pending": {"unfinished"},  # nearly all of its jobs are pending, and no index knows tags or commands
    "select_finished": {"dead", "completed_other", "cancelled_other"},  # tables that have one of the states each
    "counts": {"counts", "count_changes"},  # a row per queue and state; the changes of the last minute
    "sum_up_counts": {"count_changes"},
    "durations": {"durations", "runs"},  # a row per hour of `keep_completed`, queue and bucket; the last minute's runs
    "sum_up_runs": {"runs"},
    "clear_durations": {"durations", "runs"},
    "prune_durations": {"durations", "runs"},
    "settings": {"config"},
    "schedules": {"schedules"},
    "open_of": {"queues"},  # a row per queue for which something is set
    "rules": {"queues"},
    "request_stop": {"stops"},  # a row per host that was asked to stop within 30 days
    "last_stop": {"stops"},
    "drop_requests": {"requests"},  # what has been asked of runs in the last minute
    "schema_version": {"migrations", "identity"},
    "forget_day": {
        "completed_other",
        "attempts",
        "dependencies",
        "job_ids",
    },  # 100,000 jobs at once: joins are three times as fast
    "past_day": {"pg_inherits"},  # a row per day that is kept
    "upkeep": {"pg_database"},  # a row per database of the server, in the view of its sessions
}
"""Statements that read a whole table on purpose. All may read those of workers, rounds and live logs, and what a
session has put aside.
"""


@each_statement
def test_no_statement_reads_a_table_from_end_to_end(watched: Watched, name: str, values: dict[str, Any]) -> None:
    scans = {node["Relation Name"] for node in planned(watched, name, values) if node["Node Type"] == "Seq Scan"}

    assert scans - {"workers", "rounds", "live_logs", "incoming"} <= WHOLE_TABLE.get(name, set())


SORTING = {
    "schedules",  # a row per schedule
    "ticks",  # 50 rows
    "running",  # a row per worker
    "list_processing",  # a row per worker
    "running_near",  # a row per worker of this machine
    "unowned",  # the jobs that a rescue left
    "expired",  # a row per worker
    "workers",  # a row per worker
    "attempts",  # the runs of one job
    "requests",  # what is asked of one run
    "oldest_waiting",  # a row per priority in use
    "list_pending",  # at most 1,000 rows more than are asked for
    "list_failed",  # failed jobs that are due and wait for a worker
    *("select_pending", "select_failed", "select_finished", "select_processing"),  # what is selected
    "missing_days",  # two rows for each of three days
    "past_day",  # a row per day that is kept
    "enqueue_gathered",  # a private table
    "take_gathered",  # a private table
    "first_taken",  # a private table, after an error
    "gathered_batches",  # a private table
    "open_of",  # two words for a job
    "batch_callbacks",  # a few rows
    "batches",  # a row per partition, batch and state
    "unknown_parent",  # a private table
}
"""Statements that sort."""


@each_statement
def test_no_statement_sorts_what_an_index_could_give_in_order(
    watched: Watched, name: str, values: dict[str, Any]
) -> None:
    sorts = [node for node in planned(watched, name, values) if node["Node Type"].endswith("Sort")]

    assert bool(sorts) == (name in SORTING), sorts


# What is read

AUTO_EXPLAIN = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
    "auto_explain.log_nested_statements": "on",
}

FEW, MANY = 1_000, 100_000

FILLINGS = {
    "waiting": ["waiting"],
    "later": ["scheduled", "failed"],
    "finished": ["completed", "cancelled", "dead"],
}
"""Kinds of which a database is full."""


class Measured:
    """A store of a worker, and the pages that its statements use."""

    def __init__(self, url: str) -> None:
        options = "options=" + quote(" ".join(f"-c {name}={value}" for name, value in AUTO_EXPLAIN.items()))
        self.store = PostgresStore(f"{url}{'&' if '?' in url else '?'}{options}", for_worker=True)
        self.store._connection._connected().add_notice_handler(self._count)  # noqa: SLF001  nothing else hears them
        self._pages = 0

    def _count(self, notice: Diagnostic) -> None:
        _, explained, plan = str(notice.message_primary).partition("plan:\n")
        assert explained, notice.message_primary
        # A node counts what is below it as well. So this is no number of pages, but it grows as theirs does.
        self._pages += sum(
            node["Shared Hit Blocks"] + node["Shared Read Blocks"] for node in nodes(json.loads(plan)["Plan"])
        )

    def pages(self, action: Callable[[PostgresStore], object]) -> int:
        self._pages = 0
        action(self.store)
        return self._pages


def filled(url: str, kinds: list[str], number: int) -> Measured:
    connection = Watched(url)
    for kind in kinds:
        connection.fill(kind, number)
    connection.execute("VACUUM (ANALYZE)")
    connection.close()
    measured = Measured(url)
    # What the actions below need, whatever the jobs are that fill the store.
    measured.store.enqueue([new_job("mine", priority=9), new_job("other", priority=8)])
    measured.store.enqueue([new_job("last", priority=7), new_job("cancelled", run_at=later(1e6))])
    return measured


@pytest.fixture(scope="module", params=FILLINGS)
def few_and_many(
    request: pytest.FixtureRequest, postgres: Cluster, new_database: Callable[[Cluster], str]
) -> Iterator[list[Measured]]:
    stores = [filled(new_database(postgres), FILLINGS[request.param], number) for number in (FEW, MANY)]
    yield stores
    for measured in stores:
        measured.store.close()


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def claimed(store: PostgresStore, id: str, now: datetime | None = None) -> Job:
    job = store.claim(WORKER, COOKIE, now)
    assert job is not None
    assert job.id == id
    return job


def finish_and_claim(store: PostgresStore) -> None:
    job = claimed(store, "mine")
    _, following = store.finish_and_claim(job, WELL, COOKIE)
    assert following is not None
    assert store.rescue(following, Loss.CRASHED) is not None


def promote(store: PostgresStore) -> None:
    store.enqueue([new_job("due", priority=10, run_at=later(100))])
    assert store.finish(claimed(store, "due", later(101)), BADLY) is not None


ACTIONS: dict[str, Callable[[PostgresStore], object]] = {
    "claim, finish and rescue": finish_and_claim,
    "promote and fail": promote,
    "claims that were lost": lambda store: store.rescue_expired(),
    "enqueue": lambda store: store.enqueue([new_job()]),
    "cancel and retry": lambda store: (store.cancel("cancelled"), store.retry("cancelled")),
    "next_due_at": lambda store: store.next_due_at(),
    "unfinished": lambda store: store.unfinished(),
    "running": lambda store: store.running(),
    "workers": lambda store: store.workers(),
    "get": lambda store: store.get("last"),
    "ids": lambda store: store.ids("dead-1", 50),
    "metrics": lambda store: store.metrics(),
    "oldest_waiting": lambda store: store.oldest_waiting(),
    "last_failures": lambda store: store.last_failures(5),
    "upkeep": lambda store: store.upkeep(0),
    "list": lambda store: list(store.list(limit=100)),
    **{
        f"list {state}": lambda store, state=state: list(store.list(state, limit=100))  # type: ignore[misc]
        for state in State
    },
    "list scheduled": lambda store: list(store.list(State.PENDING, scheduled=True, limit=100)),
    # The last, because they take away what the others look at.
    "prune completed": lambda store: store.prune(State.COMPLETED, 0, 100),
    "prune dead": lambda store: store.prune(State.DEAD, 0, 100),
    "first batch of clear": lambda store: next(iter(store.clear())),
}


def test_no_cost_grows_with_the_number_of_jobs(few_and_many: list[Measured]) -> None:
    few, many = few_and_many
    grown = {}
    for name, action in ACTIONS.items():
        at_few, at_many = few.pages(action), many.pages(action)
        # An index of more jobs is a level or two higher, and clear takes twice as many where there are enough.
        if at_many > (6 if name == "first batch of clear" else 3) * at_few + 50:
            grown[name] = (at_few, at_many)

    assert grown == {}

"""A store on a server: connections that break, answers that are lost, first starts, and what an error says."""

from __future__ import annotations

import select
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queuectl.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from queuectl.job import Ended, Outcome, State
from queuectl.joblogs.writer import error_in
from queuectl.store.base import Call
from queuectl.store.postgres.addresses import spread
from queuectl.store.postgres.connection import Connection, ConnectionLost
from queuectl.store.postgres.engine import PostgresStore
from tests.support.factories import COOKIE, WELL, WORKER, claimed, identity, job, new_job, stored_job
from tests.support.postgres import Server, binaries
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from queuectl.job import NewJob
    from tests.support.proxy import Lost


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    """A store as commands have it."""
    store = PostgresStore(postgres_url)
    yield store
    store.close()


@pytest.fixture
def worker(postgres_url: str) -> Iterator[PostgresStore]:
    """A store as workers have it."""
    store = PostgresStore(postgres_url, for_worker=True)
    yield store
    store.close()


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def break_connections(url: str) -> None:
    """Let the server throw out everybody but us."""
    execute(
        url,
        "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


# Connections that break


def test_the_statement_after_a_broken_connection_opens_another(store: PostgresStore, postgres_url: str) -> None:
    store.enqueue([new_job("a")])
    break_connections(postgres_url)

    with pytest.raises(StoreUnavailable, match="was lost"):
        store.get("a")
    assert stored_job(store, "a").state is State.PENDING


def test_an_enqueue_does_not_notice_a_broken_connection(store: PostgresStore, postgres_url: str) -> None:
    break_connections(postgres_url)
    assert list(store.enqueue([new_job("a")])) == ["a"]

    break_connections(postgres_url)
    assert list(store.enqueue([new_job("b"), new_job("c")])) == ["b", "c"]

    assert store.counts()["default"][State.PENDING] == 3


def test_after_a_broken_connection_a_worker_is_given_the_job_that_it_holds(
    worker: PostgresStore, postgres_url: str
) -> None:
    worker.enqueue([new_job("a", priority=1), new_job("b")])
    held = claimed(worker, "a")
    break_connections(postgres_url)

    with pytest.raises(StoreUnavailable):
        worker.claim(WORKER, COOKIE)
    assert worker.claim(WORKER, COOKIE) == held
    assert claimed(worker).id == "b"


def test_after_a_broken_connection_a_worker_that_holds_none_is_given_the_next_job(
    worker: PostgresStore, postgres_url: str
) -> None:
    worker.enqueue([new_job("a", priority=1), new_job("b")])
    held = claimed(worker, "a")
    break_connections(postgres_url)

    done = Ended(Outcome.EXITED, exit_code=0, duration=1.0)
    with pytest.raises(StoreUnavailable):
        worker.finish_and_claim(held, done, COOKIE)
    finished, following = worker.finish_and_claim(held, done, COOKIE)
    assert finished is not None
    assert following is not None
    assert (finished.state, following.id) == (State.COMPLETED, "b")


def test_a_worker_hears_again_after_a_broken_connection(worker: PostgresStore, postgres_url: str) -> None:
    bell = worker.bell(WORKER)
    break_connections(postgres_url)
    with pytest.raises(StoreUnavailable):
        worker.counts()
    worker.counts()

    assert bell.answer(0), "what was said meanwhile is not known"
    (descriptor,) = bell.descriptors(idle=True)
    execute(postgres_url, f"NOTIFY queuectl_{WORKER}, 'work'")
    select.select([descriptor], [], [], 60)
    assert bell.answer(descriptor) == Call.WORK
    assert not bell.answer(descriptor)


def test_a_call_that_comes_with_the_answer_to_a_statement_is_heard(worker: PostgresStore, postgres_url: str) -> None:
    bell = worker.bell(WORKER)
    (descriptor,) = bell.descriptors(idle=False)
    bell.answer(descriptor)
    assert not bell.heard
    execute(postgres_url, f"NOTIFY queuectl_{WORKER}, 'look'")
    select.select([descriptor], [], [], 60)

    worker.counts()

    assert bell.heard
    assert bell.answer(descriptor) == Call.LOOK
    assert not bell.heard


# A server of our own


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that is stopped and started, and reached by TCP."""
    versions = binaries()
    if not versions:
        pytest.skip("no PostgreSQL is installed")
    with Server(versions[max(versions)], tcp=True) as started:
        yield started


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """The URL, with the password, of a database without a queue."""
    server.create_database("queue")
    yield server.url("queue", password=True)
    server.drop_database("queue")


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def with_port(url: str, port: int) -> str:
    return url.replace(f":{port_of(url)}/", f":{port}/")


def test_a_store_outlives_a_restart_of_its_server(server: Server, database: str) -> None:
    store = PostgresStore(database)
    store.enqueue([new_job("a")])
    server.stop()
    with pytest.raises(StoreUnavailable, match="was lost"):
        store.get("a")
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        store.get("a")
    server.start()

    assert stored_job(store, "a").state is State.PENDING
    store.close()


def test_an_enqueue_waits_for_a_server_that_restarts_under_it(server: Server, database: str) -> None:
    store = PostgresStore(database)
    store.enqueue([new_job("a")])
    server.stop()
    starting = threading.Thread(target=server.start)
    starting.start()
    store.enqueue([new_job("b")])
    starting.join()

    assert store.counts()["default"][State.PENDING] == 2
    store.close()


# Answers that are lost


@pytest.fixture
def other(database: str) -> Iterator[PostgresStore]:
    """A store that is reached without the proxy."""
    store = PostgresStore(database)
    yield store
    store.close()


@pytest.fixture
def proxy(database: str) -> Iterator[Proxy]:
    with Proxy(port_of(database)) as proxy:
        yield proxy


@pytest.fixture
def far(database: str, other: PostgresStore, proxy: Proxy) -> Iterator[PostgresStore]:  # noqa: ARG001  makes the queue
    """A store that is reached by the proxy. A worker's sends a statement before it runs it, to prepare it."""
    store = PostgresStore(with_port(database, proxy.port))
    yield store
    store.close()


ONE = [new_job("a")]
MANY = [new_job("a"), new_job("b"), new_job("c")]

one_or_many = pytest.mark.parametrize(
    ("jobs", "message"), [(ONE, b"INSERT INTO queuectl.job_ids"), (MANY, b"COMMIT\0")], ids=["one", "many"]
)


@one_or_many
@pytest.mark.parametrize("lost", ["message", "answer"])
def test_an_enqueue_whose_answer_is_lost_adds_its_jobs_once(  # noqa: PLR0913, PLR0917  fixtures
    far: PostgresStore, other: PostgresStore, proxy: Proxy, jobs: list[NewJob], message: bytes, lost: Lost
) -> None:
    proxy.cut(message, lost)

    assert list(far.enqueue(jobs)) == [job.id for job in jobs]

    assert proxy.cuts == 1
    assert [job.id for job in other.list(State.PENDING)] == [job.id for job in jobs]
    assert other.counts()["default"][State.PENDING] == len(jobs)


@pytest.mark.parametrize("jobs", [ONE, MANY], ids=["one", "many"])
def test_an_id_that_another_takes_before_the_repeat_is_a_conflict(
    far: PostgresStore, other: PostgresStore, proxy: Proxy, jobs: list[NewJob]
) -> None:
    # Before it takes the ids: whoever wants one that is taken and not committed waits.
    proxy.cut(b"INSERT INTO queuectl.job_ids", "message", lambda: other.enqueue([new_job("a", queue="other")]))

    with pytest.raises(Conflict, match=r'^job "a" already exists \(pending\)$'):
        far.enqueue(jobs)

    assert proxy.cuts == 1
    assert [(job.id, job.queue) for job in other.list()] == [("a", "other")]


def test_a_claim_whose_answer_is_lost_is_answered_again(far: PostgresStore, other: PostgresStore, proxy: Proxy) -> None:
    other.enqueue([new_job("a", priority=1), new_job("b")])
    proxy.cut(b"best AS MATERIALIZED")

    with pytest.raises(StoreUnavailable):
        far.claim(WORKER, COOKIE)
    found = claimed(far, "a")

    assert proxy.cuts == 1
    assert (found.attempt, found.state) == (1, State.PROCESSING)
    assert other.counts()["default"][State.PROCESSING] == 1


def test_a_connection_that_breaks_while_it_begins_to_listen_is_opened_again(
    far: PostgresStore, other: PostgresStore, proxy: Proxy, capfd: pytest.CaptureFixture[str]
) -> None:
    proxy.cut(b"LISTEN", "message")
    with pytest.raises(StoreUnavailable):
        far.bell(WORKER)
    bell = far.bell(WORKER)
    proxy.cut(b"best AS MATERIALIZED", then=lambda: proxy.cut(b"LISTEN", "message"))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            far.claim(WORKER, COOKIE)
    assert far.claim(WORKER, COOKIE) is None

    assert proxy.cuts == 3
    (descriptor,) = bell.descriptors(idle=True)
    bell.answer(descriptor)
    other.wake_worker(WORKER)
    select.select([descriptor], [], [], 60)
    assert bell.answer(descriptor) == Call.LOOK
    assert capfd.readouterr() == ("", "")


def test_a_connection_that_breaks_while_the_store_is_opened_is_told_in_one_line(
    database: str, other: PostgresStore, proxy: Proxy
) -> None:
    assert other.counts() == {}
    proxy.cut(b"to_regclass", "message")

    with pytest.raises(StoreUnavailable, match=r"^the connection to the store postgresql://.* was lost: .*$"):
        PostgresStore(with_port(database, proxy.port))


# A server that hangs


@pytest.mark.parametrize("for_worker", [True, False])
def test_an_answer_is_waited_for_only_so_long(
    for_worker: bool,  # noqa: FBT001  a parameter of the test
    database: str,
    other: PostgresStore,
    proxy: Proxy,
) -> None:
    other.enqueue([new_job("a")])
    connection = Connection(with_port(database, proxy.port), for_worker=for_worker, patience=0.3)
    assert len(connection.rows("counts")) == 1
    proxy.hold()

    with pytest.raises(ConnectionLost, match=r"was lost: no answer within 0\.3 s$"):
        connection.rows("counts")

    proxy.let_go()
    assert len(connection.rows("counts")) == 1
    connection.close()


def test_a_command_waits_for_what_takes_long_in_a_transaction(
    database: str, other: PostgresStore, proxy: Proxy
) -> None:
    other.enqueue([new_job("a")])
    connection = Connection(with_port(database, proxy.port), for_worker=False, patience=0.01)

    with connection.transaction():
        proxy.hold()
        threading.Timer(0.3, proxy.let_go).start()
        assert len(connection.rows("counts")) == 1
    connection.close()


def test_a_worker_is_given_what_it_claimed_by_a_statement_that_was_carried_out_late(
    worker: PostgresStore, store: PostgresStore
) -> None:
    store.register(identity(), 60)
    store.enqueue([new_job("late"), new_job("later")])
    assert worker.renew(WORKER, 60).kept
    worker.changed()
    # As if it came by an earlier connection of the worker.
    assert claimed(store).id == "late"

    assert worker.renew(WORKER, 60).kept

    assert worker.changed(), "it is not time to look"
    assert claimed(worker).id == "late"


def test_a_worker_is_given_what_it_claimed_late_when_it_has_ended_its_job(
    worker: PostgresStore, store: PostgresStore
) -> None:
    store.register(identity(), 60)
    store.enqueue([new_job("a"), new_job("late"), new_job("later")])
    running = claimed(worker, "a")
    assert claimed(store).id == "late"

    worker.renew(WORKER, 60)

    ended, late = worker.finish_and_claim(running, WELL, COOKIE)
    assert ended is not None
    assert ended.state is State.COMPLETED
    assert late == stored_job(store, "late")


# Addresses

ADDRESSES = {
    "one": ["10.0.0.1"],
    "two": ["10.0.0.1", "10.0.0.2"],
    "four": ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"],
    "::1": ["::1"],
    "there": ["127.0.0.2", "127.0.0.1"],
}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know the addresses of a few names, whatever this machine knows."""

    def look_up(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host not in ADDRESSES:
            raise socket.gaierror(socket.EAI_NONAME, "nobody knows it")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ADDRESSES[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.mark.parametrize(
    ("given", "spread_out", "seconds"),
    [
        ({}, {}, 5),
        ({"host": "/run/postgresql"}, {"host": "/run/postgresql", "hostaddr": ""}, 5),
        ({"host": "one"}, {"host": "one", "hostaddr": "10.0.0.1"}, 5),
        ({"host": "four", "port": "1"}, {"host": "four,four,four,four", "port": "1,1,1,1"}, 3),
        ({"host": "four,four"}, {"host": ",".join(["four"] * 8)}, 2),
        ({"host": "one,two", "port": "1"}, {"host": "one,two,two", "hostaddr": "10.0.0.1,10.0.0.1,10.0.0.2"}, 5),
        ({"host": "two,/run", "port": "1,2"}, {"host": "two,two,/run", "port": "1,1,2"}, 5),
        ({"host": "unknown,::1"}, {"hostaddr": ",::1"}, 5),
        ({"host": "four", "hostaddr": "1.1.1.1"}, {"host": "four"}, 5),
        ({"host": "four", "connect_timeout": "60"}, {}, "60"),
    ],
)
@pytest.mark.usefixtures("names")
def test_the_time_for_a_connection_is_shared_by_all_addresses(
    given: dict[str, str], spread_out: dict[str, str], seconds: object
) -> None:
    found = spread(given, 15)

    assert found["connect_timeout"] == seconds
    assert {**found, **spread_out} == found


@pytest.mark.usefixtures("names")
def test_a_server_is_found_at_the_last_of_its_addresses(database: str) -> None:
    store = PostgresStore(database.replace("@127.0.0.1:", "@there:"))

    assert store.counts() == {}
    store.close()


# What an error says


def said(action: Callable[[], object]) -> str:
    """Return all that the error of an action says."""
    with pytest.raises((StoreUnavailable, InvalidInput)) as error:
        action()
    return f"{error.value.message}\n{error.value.hint}"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:sesame@127.0.0.1:1/queue",
        "postgresql://me@127.0.0.1:1/queue?password=sesame",
        "postgresql://me@127.0.0.1:1/queue?pass%77ord=sesame",
        "postgresql://me@127.0.0.1:1/queue?Password=sesame",
        "postgresql://me@127.0.0.1:1/queue?passwrd=sesame",
        "postgresql://me@127.0.0.1:1/queue?scram_client_key=sesame",
        "postgresql://me@127.0.0.1:1/queue?oauth_client_secret=sesame",
        "postgresql://me:sesame@127.0.0.1:1/queue?application_name=a@b",
        "postgresql://me:sesame@localhost:1,127.0.0.1:2/queue",
        "postgresql://me:sesame@127.0.0.1:1/queue?nonsense=1",
        "postgresql://me:sesame@[::1/queue",
        "postgresql://me:x%sesame@127.0.0.1:1/queue",
        "postgresql://me:x@sesame@127.0.0.1:1/queue",
        "postgresql://me:x/sesame@127.0.0.1:1/queue",
        "postgresql://me:sesame/x@127.0.0.1:1/queue",
        "postgresql://me:sesame/x@y@127.0.0.1:1/queue",
    ],
)
def test_a_server_that_cannot_be_reached_is_said_in_one_line_without_the_password(url: str) -> None:
    text = said(lambda: PostgresStore(url))

    message, hint = text.split("\n")
    assert "sesame" not in text
    assert "me@" in message
    assert hint


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("postgresql://me@127.0.0.1:1/queue?Password=x", "did you mean: password"),
        ("postgresql://me@127.0.0.1:1/queue?sslmod=require", "did you mean: sslmode"),
        ("postgresql://me:\udcff@127.0.0.1:1/queue", "postgresql://USER@HOST/DATABASE"),
        ("postgresql://me@127.0.0.1:abc/queue", None),
        ("postgresql://me@127.0.0.1:99999/queue", None),
        ("postgresql://me@127.0.0.1:1/queue?connect_timeout=abc", None),
        ("postgresql://me@::1/queue", "an IPv6 address stands in brackets: postgresql://USER@[::1]/DATABASE"),
    ],
)
def test_a_url_that_can_never_work_is_bad_input(url: str, hint: str | None) -> None:
    with pytest.raises(InvalidInput) as error:
        PostgresStore(url)

    assert error.value.hint == hint


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_does_not_take_every_text_is_refused(server: Server, encoding: str) -> None:
    name = encoding.lower()
    with psycopg.connect(server.url("postgres", password=True), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'".encode())

    text = said(lambda: PostgresStore(server.url(name, password=True)))

    assert f"is a database in {encoding}" in text
    assert "createdb --encoding UTF8" in text


def test_the_encoding_of_the_surroundings_changes_nothing(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    store = PostgresStore(database)

    store.enqueue([new_job("a")._replace(command="echo €")])

    assert stored_job(store, "a").command == "echo €"
    store.close()


def test_a_wrong_password_is_not_shown(server: Server, database: str) -> None:
    wrong = database.replace("@", "sesame@")

    text = said(lambda: PostgresStore(wrong))

    assert "password authentication failed" in text
    assert "sesame" not in text
    assert str(urlsplit(server.url("queue", password=True)).password) not in text


def test_a_lost_connection_is_told_without_the_password(server: Server, database: str) -> None:
    store = PostgresStore(database)
    password = str(urlsplit(database).password)
    break_connections(server.url("queue"))

    lost = said(store.counts)
    server.stop()
    refused = said(store.counts)
    server.start()

    assert password not in lost + refused
    assert "refused" in refused
    assert len(lost.splitlines()) == len(refused.splitlines()) == 2
    store.close()


# First starts


SCHEMAS = "SELECT count(*) FROM pg_namespace WHERE nspname = 'queuectl'"


def test_a_database_without_a_queue_stays_as_it_is_when_none_is_to_be_made(server: Server, database: str) -> None:
    with pytest.raises(NotFound, match="there is no queue in postgresql://postgres@127"):
        PostgresStore(database, make=False)

    assert execute(server.url("queue"), SCHEMAS) == [(0,)]


@pytest.mark.usefixtures("store")
def test_a_worker_makes_the_queue_where_there_is_none(database: str) -> None:
    store = PostgresStore(database, for_worker=True)

    assert store.claim(WORKER, COOKIE) is None
    store.close()


def test_a_queue_that_is_there_is_opened_when_none_is_to_be_made(postgres_url: str) -> None:
    store = PostgresStore(postgres_url, make=False)
    assert store.counts() == {}
    store.close()


def test_processes_that_open_an_empty_database_at_once_all_work(database: str) -> None:
    opened: list[PostgresStore] = []
    together = threading.Barrier(6)

    def use(number: int) -> None:
        together.wait()
        opened.append(PostgresStore(database))
        opened[-1].enqueue([new_job(f"job{number}")])

    threads = [threading.Thread(target=use, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(job.id for job in opened[0].list()) == [f"job{number}" for number in range(6)]
    for store in opened:
        store.close()


@pytest.mark.usefixtures("store")
def test_a_queue_of_a_newer_version_is_refused(postgres_url: str) -> None:
    execute(postgres_url, "INSERT INTO queuectl.migrations (number, name) VALUES (9999, 'of tomorrow')")

    with pytest.raises(StoreUnavailable, match=r"made by a newer queuectl \(schema 9999, ") as error:
        PostgresStore(postgres_url)
    assert error.value.hint == "upgrade this queuectl"


# Text

TEXT = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.sampled_from("\t\n\r\b\f\v\\\"'N.")
)
NAMES = st.text(st.characters(exclude_characters="\0=", exclude_categories=["Cs"]), min_size=1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=TEXT,
    argv=st.lists(TEXT, min_size=1).map(tuple),
    env=st.dictionaries(NAMES, TEXT),
    queue=TEXT,
    cwd=TEXT,
    stdin=st.none() | TEXT,
)
def test_any_text_comes_through_a_bulk_enqueue_as_it_is(  # noqa: PLR0913, PLR0917  the fields that are text
    store: PostgresStore,
    text: str,
    argv: tuple[str, ...],
    env: dict[str, str],
    queue: str,
    cwd: str,
    stdin: str | None,
) -> None:
    fields: dict[str, Any] = {
        "queue": queue,
        "cwd": cwd,
        "stdin": stdin,
        "env": env,
        "caller_env": env,
        "secret_env": tuple(env),
    }
    shell = new_job()._replace(command=text, **fields)
    words = new_job(argv=argv)._replace(**fields)

    store.enqueue([shell, words])

    not_alike = {"policy", "run_at", "after"}
    for new in (shell, words):
        stored = stored_job(store, new.id)
        assert {name: getattr(stored, name) for name in new._fields if name not in not_alike} == {
            name: value for name, value in new._asdict().items() if name not in not_alike
        }


def test_a_last_line_that_holds_a_nul_can_be_stored(store: PostgresStore) -> None:
    running = job(store, State.PROCESSING)

    failed = store.finish(running, Ended(Outcome.EXITED, exit_code=1, error=error_in(b"a\0b\n"), duration=1.0))

    assert failed is not None
    assert stored_job(store, running.id).last_error == r"a\x00b"

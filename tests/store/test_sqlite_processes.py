"""Several processes on one database file: locks, sudden deaths, first starts, upgrades."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import apsw
import pytest

from queuectl import __version__, roster
from queuectl.errors import StoreBusy, StoreUnavailable
from queuectl.job import State
from queuectl.process import boot_id, start_time
from queuectl.store.sqlite import connection
from queuectl.store.sqlite.engine import SqliteStore
from tests.support import children
from tests.support.eventually import eventually
from tests.support.factories import COOKIE, WELL, claimed, job, new_job, stored_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import Popen

    from queuectl.job import Job
    from queuectl.paths import Home

# The write lock

HOLD = """
descriptor = os.open(home.write_lock, os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(descriptor, fcntl.LOCK_EX)
say("locked")
sys.stdin.readline()
"""


@pytest.fixture
def impatient(home: Home) -> Iterator[SqliteStore]:
    store = SqliteStore(home, patience=0.1)
    yield store
    store.close()


@pytest.fixture
def holder(home: Home) -> Iterator[Popen[str]]:
    """A process that holds the write lock until it is killed; a store has to be open before."""
    with children.start(HOLD, home.path) as child:
        children.heard(child, "locked")
        yield child
        child.kill()


def test_who_holds_the_lock_too_long_is_named(impatient: SqliteStore, holder: Popen[str]) -> None:
    with pytest.raises(StoreBusy) as busy:
        impatient.enqueue([new_job()])

    assert busy.value.message == f"the queue was locked by process {holder.pid} for 0.1 s"
    assert (busy.value.hint, busy.value.unchanged) == ("try again", True)
    assert list(impatient.list()) == []


def test_who_holds_the_lock_too_long_is_named_in_a_thread(impatient: SqliteStore, holder: Popen[str]) -> None:
    caught: list[StoreBusy] = []

    def enqueue() -> None:
        try:
            impatient.enqueue([new_job()])
        except StoreBusy as busy:
            caught.append(busy)

    thread = threading.Thread(target=enqueue)
    thread.start()
    thread.join()

    assert [busy.message for busy in caught] == [f"the queue was locked by process {holder.pid} for 0.1 s"]


@pytest.mark.usefixtures("impatient", "holder")
def test_a_wait_in_vain_leaves_no_timer_and_no_handler(impatient: SqliteStore) -> None:
    before = signal.getsignal(signal.SIGALRM)

    with pytest.raises(StoreBusy):
        impatient.claim("w", "c")

    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


ALARMS = """
parent = os.getppid()
say("ready")
while os.getppid() == parent:
    os.kill(parent, signal.SIGALRM)
"""


@pytest.mark.usefixtures("impatient", "holder")
def test_an_alarm_that_comes_late_does_no_harm(impatient: SqliteStore) -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    with children.start(ALARMS, "") as alarms:
        children.heard(alarms, "ready")
        try:
            for _ in range(200):
                with pytest.raises(StoreBusy):
                    impatient.claim("w", "c")
        finally:
            alarms.kill()
    signal.signal(signal.SIGALRM, before)


SOON = """
from queuectl.errors import StoreBusy
from queuectl.store.sqlite.lock import WriteLock
for microseconds in range(1, 400):
    lock = WriteLock(home.write_lock, microseconds / 1e6)
    try:
        lock.acquire()
        say("not locked")
    except StoreBusy:
        lock.close()
"""


@pytest.mark.usefixtures("impatient", "holder")
def test_an_alarm_that_comes_before_the_wait_has_begun_is_not_missed(home: Home) -> None:
    assert children.run(SOON, home.path) == (0, "")


WAIT = """
store = SqliteStore(home, patience=60)
try:
    store.set_setting("grace", "1s")
except KeyboardInterrupt:
    say(signal.getitimer(signal.ITIMER_REAL))
    say(signal.getsignal(signal.SIGALRM))
store.set_setting("grace", "2s")
store.close()
"""


@pytest.mark.usefixtures("impatient")
def test_an_interrupted_wait_leaves_no_timer_and_no_handler(home: Home, holder: Popen[str]) -> None:
    def waits() -> bool:
        with open("/proc/locks", encoding="ascii") as locks:
            return any(f"-> FLOCK  ADVISORY  WRITE {waiter.pid} " in line for line in locks)

    with children.start(WAIT, home.path) as waiter:
        eventually(waits)
        waiter.send_signal(signal.SIGINT)
        children.heard(waiter, "(0.0, 0.0)")
        children.heard(waiter, str(signal.SIG_DFL))
        holder.kill()
        assert waiter.wait() == 0


def test_after_a_wait_in_vain_the_lock_is_free_for_others(
    home: Home, impatient: SqliteStore, holder: Popen[str]
) -> None:
    with pytest.raises(StoreBusy):
        impatient.enqueue([new_job()])
    holder.kill()
    holder.wait()

    other = SqliteStore(home, patience=0.1)
    other.enqueue([new_job("a")])
    other.close()
    impatient.enqueue([new_job("b")])


@pytest.mark.usefixtures("impatient", "holder")
def test_reading_waits_for_no_lock(home: Home, impatient: SqliteStore) -> None:
    assert list(impatient.list()) == []
    assert impatient.metrics().counts[State.PENDING] == 0
    SqliteStore(home, patience=0.1).close()


WRITES: dict[str, Callable[[SqliteStore, Job], object]] = {
    "enqueue": lambda store, _: store.enqueue([new_job()]),
    "claim": lambda store, _: store.claim("w", "c"),
    "finish": lambda store, running: store.finish(running, WELL),
    "cancel": lambda store, running: store.cancel(running.id),
    "clear": lambda store, _: list(store.clear()),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_program_that_locks_the_file_itself_is_waited_for_and_then_told_of(
    home: Home, impatient: SqliteStore, name: str
) -> None:
    running = job(impatient, State.PROCESSING)
    intruder = apsw.Connection(home.database)
    intruder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StoreBusy, match="is locked by another program"):
        WRITES[name](impatient, running)
    intruder.execute("ROLLBACK")
    intruder.close()

    assert list(impatient.list()) == [running]
    assert impatient.finish(running, WELL) is not None


def test_a_program_that_locks_the_file_for_a_moment_is_waited_for(home: Home) -> None:
    store = SqliteStore(home, patience=60)
    intruder = apsw.Connection(home.database)
    intruder.execute("BEGIN EXCLUSIVE")
    leaving = threading.Timer(0.2, intruder.execute, ["ROLLBACK"])
    leaving.start()

    store.enqueue([new_job("a")])

    leaving.join()
    assert stored_job(store, "a")
    intruder.close()
    store.close()


WRITE = """
store = SqliteStore(home)
for n in range(int(sys.argv[3])):
    store.enqueue([new_job(f"{sys.argv[2]}-{n}")])
store.close()
"""


def test_writers_take_turns_without_an_error(home: Home) -> None:
    programs = [children.start(WRITE, home.path, name, 50) for name in "abcd"]
    ends = [(program.communicate()[0], program.returncode) for program in programs]

    assert ends == [("", 0)] * 4
    store = SqliteStore(home)
    assert store.metrics().counts[State.PENDING] == 200
    store.close()


SHORT = """
for n in range(100):
    store = SqliteStore(home)
    store.enqueue([new_job(f"{sys.argv[2]}-{n}")])
    assert store.get(f"{sys.argv[2]}-{n}")
    store.close()
"""


def test_short_visits_of_several_processes_meet_no_error(home: Home) -> None:
    programs = [children.start(SHORT, home.path, name) for name in "abcd"]
    ends = [(program.communicate()[0], program.returncode) for program in programs]

    assert ends == [("", 0)] * 4
    store = SqliteStore(home)
    assert store.metrics().counts[State.PENDING] == 400
    store.close()


FIRST = """
say("ready")
sys.stdin.readline()
store = SqliteStore(home)
store.enqueue([new_job(sys.argv[2])])
store.close()
"""


@pytest.mark.parametrize("turn", range(3))
def test_eight_processes_start_on_one_fresh_home_at_once(home: Home, turn: int) -> None:
    names = [f"r{turn}-{n}" for n in range(8)]
    programs = [children.start(FIRST, home.path, name) for name in names]
    for program in programs:
        children.heard(program, "ready")
    for program in programs:
        assert program.stdin is not None
        program.stdin.write("\n")
        program.stdin.flush()
    ends = [(program.communicate()[0], program.returncode) for program in programs]

    assert ends == [("", 0)] * 8
    store = SqliteStore(home)
    assert sorted(job.id for job in store.list()) == names
    store.close()


def test_nothing_comes_between_the_parts_of_a_look_at_the_header(home: Home) -> None:
    """Half of it from before another process made the schema, and half from after, would look like a foreign file."""
    home_is_new = not os.path.exists(home.database)
    tried: list[str] = []

    def intrude(_cursor: apsw.Cursor, sql: str, _bindings: object) -> bool:
        if "user_version" in sql and not tried:
            tried.append(sql)
            intruder = apsw.Connection(home.database)
            with suppress(apsw.BusyError):
                intruder.execute("PRAGMA user_version = 99")
            intruder.close()
        return True

    def watch(database: apsw.Connection) -> None:
        apsw.connection_hooks.remove(watch)
        database.exec_trace = intrude

    apsw.connection_hooks.append(watch)
    SqliteStore(home).close()

    assert home_is_new
    assert tried


# Sudden death

DIE = """
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
running = store.running()[0].job
connections[0].set_exec_trace(count)
store.finish_and_claim(running, WELL, COOKIE)
"""


def whole(home: Home) -> SqliteStore:
    """Return a store that opens, whose lock is free and whose file is intact."""
    store = SqliteStore(home, patience=5)
    store.set_setting("grace", "1s")
    database = apsw.Connection(home.database)
    assert database.pragma("integrity_check") == "ok"
    assert database.pragma("foreign_key_check") is None
    database.close()
    return store


def test_a_death_between_any_two_statements_of_a_transaction_undoes_it(home: Home) -> None:
    store = SqliteStore(home)
    first = job(store, State.PROCESSING)
    second = job(store, State.PENDING)
    store.close()
    deaths = 0
    while (end := children.run(DIE, home.path, deaths))[0] == -signal.SIGKILL:
        store = whole(home)
        assert stored_job(store, first.id) == first
        assert stored_job(store, second.id) == second
        store.close()
        deaths += 1

    assert end == (0, "")
    assert deaths > 6
    store = whole(home)
    assert stored_job(store, first.id).state is State.COMPLETED
    assert stored_job(store, second.id).state is State.PROCESSING
    store.close()


DIE_OPENING = """
def in_a_process(action):
    child = os.fork()  # this process itself never opens the database
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        action()
        os._exit(0)
    finally:
        os._exit(1)

def open_and_die():
    left = deaths
    def count(cursor, sql, bindings):
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return True
    apsw.connection_hooks.append(lambda database: database.set_exec_trace(count))
    SqliteStore(home, patience=5)

def use():
    store = SqliteStore(home, patience=5)
    job(store, State.COMPLETED)
    store.close()
    assert apsw.Connection(home.database).pragma("integrity_check") == "ok"

deaths = 0
while (end := in_a_process(open_and_die)) == -signal.SIGKILL:
    assert in_a_process(use) == 0
    os.unlink(home.database)
    deaths += 1
assert end == 0
say(deaths)
"""


def test_a_death_between_any_two_statements_of_a_first_start_leaves_a_home_that_opens(home: Home) -> None:
    code, said = children.run(DIE_OPENING, home.path)

    assert code == 0, said
    assert int(said) > 20


# Interrupts


def test_an_interrupt_before_any_statement_of_a_write_undoes_it_and_locks_nobody_out(home: Home) -> None:
    opened: list[apsw.Connection] = []
    apsw.connection_hooks.append(opened.append)
    try:
        store = SqliteStore(home, patience=0.2, sync_every=1000.0)
    finally:
        apsw.connection_hooks.remove(opened.append)
    other = SqliteStore(home, patience=0.2)
    running, waiting = job(store, State.PROCESSING), job(store, State.PENDING)
    left = interrupts = 0

    def interrupt(*_: object) -> bool:
        nonlocal left
        left -= 1
        if left == -1:
            signal.raise_signal(signal.SIGINT)
        return True

    def interrupted() -> bool:
        opened[0].exec_trace = interrupt
        try:
            store.finish_and_claim(running, WELL, COOKIE)
        except KeyboardInterrupt:
            return True
        finally:
            opened[0].exec_trace = None
        return False

    while interrupted():
        assert sorted(store.list()) == [running, waiting]
        other.set_setting("grace", "1s")
        store.set_setting("grace", "1s")  # which would end a transaction left open, and write its counts
        interrupts += 1
        left = interrupts

    assert interrupts > 8
    assert (stored_job(other, running.id).state, stored_job(other, waiting.id).state) == (
        State.COMPLETED,
        State.PROCESSING,
    )
    assert {state: n for state, n in other.counts()["default"].items() if n} == {
        State.COMPLETED: 1,
        State.PROCESSING: 1,
    }
    other.close()
    store.close()


# Upgrade

ENROL = """
from queuectl import roster
from queuectl.process import boot_id, start_time
member = roster.Member("1" * 32, os.getpid(), start_time(os.getpid()), boot_id(), sys.argv[2])
roster.enrol(home.workers, member)
say("enrolled")
sys.stdin.readline()
"""


@pytest.fixture
def old(home: Home) -> Home:
    store = SqliteStore(home)
    job(store, State.COMPLETED, new_job("kept"))
    store.close()
    return home


@pytest.fixture
def upgrade(old: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a queuectl that knows two more steps of the schema than the one that made `old`."""
    made_by_the_old_one = schema(old)
    directory = tmp_path / "migrations"
    shutil.copytree(connection.MIGRATIONS, directory)
    (directory / "9998_more.sql").write_text("CREATE TABLE more (n INTEGER) STRICT;\nINSERT INTO more VALUES (1);\n")
    (directory / "9999_most.sql").write_text("INSERT INTO more VALUES (2);\n")
    monkeypatch.setattr(connection, "MIGRATIONS", str(directory))
    assert made_by_the_old_one < 9998


def schema(home: Home) -> int:
    database = apsw.Connection(home.database)
    version: int = database.pragma("user_version")
    database.close()
    return version


def more(home: Home) -> list[object]:
    database = apsw.Connection(home.database)
    rows = [n for (n,) in database.execute("SELECT n FROM more ORDER BY n")]
    database.close()
    return rows


@pytest.mark.usefixtures("upgrade")
def test_an_old_database_is_upgraded_step_by_step_and_keeps_its_jobs(old: Home) -> None:
    store = SqliteStore(old)

    assert stored_job(store, "kept").state is State.COMPLETED
    store.close()
    assert schema(old) == 9999
    assert more(old) == [1, 2]


@pytest.mark.usefixtures("upgrade")
def test_an_upgrade_is_refused_while_a_worker_of_another_version_lives(old: Home) -> None:
    before = schema(old)
    with children.start(ENROL, old.path, "0.0.1") as worker:
        children.heard(worker, "enrolled")
        with pytest.raises(StoreUnavailable) as refused:
            SqliteStore(old)
        worker.kill()

    assert refused.value.message == f"worker {worker.pid} runs version 0.0.1 on a queue that has to be upgraded"
    assert refused.value.hint == "stop it first: queuectl worker stop"
    assert schema(old) == before
    SqliteStore(old).close()
    assert schema(old) == 9999


@pytest.mark.usefixtures("upgrade")
def test_an_upgrade_minds_no_worker_of_its_own_version_and_no_dead_one(old: Home) -> None:
    dead = roster.Member("2" * 32, 2**22 - 1, 1, boot_id(), "0.0.1")
    os.close(roster.enrol(old.workers, dead))
    started = start_time(os.getpid())
    assert started is not None
    os.close(roster.enrol(old.workers, roster.Member("3" * 32, os.getpid(), started, boot_id(), __version__)))

    SqliteStore(old).close()

    assert schema(old) == 9999


def test_a_worker_of_another_version_hinders_nobody_when_nothing_has_to_be_upgraded(old: Home) -> None:
    with children.start(ENROL, old.path, "0.0.1") as worker:
        children.heard(worker, "enrolled")
        SqliteStore(old).close()
        worker.kill()


@pytest.mark.usefixtures("upgrade")
def test_an_upgrade_that_fails_changes_nothing(old: Home) -> None:
    before = schema(old)
    with open(os.path.join(connection.MIGRATIONS, "9999_most.sql"), "a", encoding="utf-8") as file:
        file.write("CREATE TABLE jobs (n);\n")

    with pytest.raises(StoreUnavailable):
        SqliteStore(old)

    assert schema(old) == before
    with pytest.raises(apsw.SQLError, match="no such table"):
        more(old)


def test_a_store_that_could_not_be_opened_keeps_no_descriptor(old: Home) -> None:
    database = apsw.Connection(old.database)
    database.execute("PRAGMA user_version = 4711")
    database.close()

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    for _ in range(5):
        with suppress(StoreUnavailable):
            SqliteStore(old)

    assert descriptors() == before


def test_a_claim_of_one_process_is_seen_by_another(home: Home) -> None:
    store = SqliteStore(home)
    first = job(store, State.PENDING)
    code, said = children.run("say(SqliteStore(home).claim('other', 'c').id)", home.path)
    assert (code, said) == (0, f"{first.id}\n")

    assert store.claim("w", "c") is None
    assert stored_job(store, first.id).worker == "other"
    second = job(store, State.PENDING)
    assert claimed(store).id == second.id
    store.close()

"""The database file: made private, and refused with one line and untouched when it is not one of ours."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from typing import TYPE_CHECKING

import apsw
import pytest

from queuectl.errors import StoreUnavailable
from queuectl.job import State
from queuectl.lifecycle import Loss
from queuectl.paths import Home
from queuectl.store.migrate import after as migrations_after
from queuectl.store.migrate import latest
from queuectl.store.sqlite.connection import APPLICATION_ID, MIGRATIONS
from queuectl.store.sqlite.engine import SqliteStore
from tests.support import children
from tests.support.factories import BADLY, COOKIE, NOW, WELL, WORKER, after, claimed, identity, job, new_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from queuectl.store.base import Store

NOBODY = 65534


def refusal(home: Home) -> StoreUnavailable:
    """Return why the store of this home cannot be opened."""
    with pytest.raises(StoreUnavailable) as refused:
        SqliteStore(home, patience=0.2)
    assert "\n" not in refused.value.message
    assert refused.value.exit_code == 5
    return refused.value


def content(path: str) -> bytes:
    """Return the bytes of a database that this process has not opened."""
    with open(path, "rb") as file:
        return file.read()


def put(home: Home, data: bytes) -> None:
    with open(home.database, "wb") as file:
        file.write(data)


def make(home: Home, jobs: int = 0) -> None:
    """Make a whole database, all of it in the one file, and close it."""
    store = SqliteStore(home)
    store.enqueue(new_job() for _ in range(jobs))
    store.close()
    database = apsw.Connection(home.database)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_directories_are_0700_and_files_0600_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        home = Home(str(tmp_path / "home"))
        home.create()
        store = SqliteStore(home)
        job(store, State.COMPLETED)
        found = {}
        for directory, _, files in os.walk(home.path):
            for path in (directory, *(os.path.join(directory, file) for file in files)):
                found[os.path.relpath(path, home.path)] = stat.S_IMODE(os.lstat(path).st_mode)
        store.close()
    finally:
        os.umask(before)

    private = {"queue.db", "queue.db-wal", "queue.db-shm", "run/write.lock"}
    assert private <= found.keys()
    assert found == {path: 0o600 if path in private else 0o700 for path in found}


def test_a_fresh_database_is_marked_as_ours(home: Home) -> None:
    make(home)

    database = apsw.Connection(home.database)
    assert database.pragma("application_id") == APPLICATION_ID
    assert database.pragma("user_version") == latest(MIGRATIONS)
    assert database.pragma("journal_mode") == "wal"
    database.close()


@pytest.mark.parametrize("version", range(1, latest(MIGRATIONS)))
def test_a_database_of_an_older_version_is_brought_up_with_its_jobs(home: Home, version: int) -> None:
    home.create()
    database = apsw.Connection(home.database)
    database.execute("PRAGMA page_size = 2048; PRAGMA journal_mode = WAL")
    for migration in migrations_after(MIGRATIONS, 0)[:version]:
        database.execute(migration.sql)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}")
    database.execute("INSERT INTO terms VALUES (1, 2.0, 60.0, 0.0, 3, 18, x'')")
    database.execute(
        "INSERT INTO jobs (id, state, ready, queue, priority, command, max_retries, terms, cwd, env, secret_env, "
        "created_at, next_run_at) VALUES ('old', 'pending', 1, 'default', 0, 'true', 3, 1, '/', x'', x'', 1, 1)"
    )
    database.close()

    store = SqliteStore(home)

    store.register(identity(), 60)
    job = store.claim(WORKER, COOKIE)
    assert job is not None
    done = store.finish(job, WELL)
    assert (done and done.id, done and done.state) == ("old", State.COMPLETED)
    store.close()


def test_every_connection_syncs_commits_and_checks_references(home: Home) -> None:
    seen: list[apsw.Connection] = []
    apsw.connection_hooks.append(seen.append)
    try:
        store = SqliteStore(home)
    finally:
        apsw.connection_hooks.remove(seen.append)

    assert seen[0].pragma("synchronous") == 2
    assert seen[0].pragma("foreign_keys") == 1
    store.close()


def test_a_restored_copy_is_brought_back_into_wal_mode(home: Home) -> None:
    make(home, jobs=2)
    copy = f"{home.path}/copy.db"
    apsw.Connection(home.database).execute("VACUUM INTO ?", (copy,))
    os.replace(copy, home.database)

    store = SqliteStore(home)

    assert len(list(store.list())) == 2
    assert apsw.Connection(home.database).execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_what_was_stored_is_there_after_reopening(home: Home) -> None:
    store = SqliteStore(home)
    stored = job(store, State.FAILED)
    store.close()

    again = SqliteStore(home)
    assert list(again.list()) == [stored]
    again.close()


def test_a_number_is_never_used_again_after_reopening(home: Home) -> None:
    store = SqliteStore(home)
    first = job(store, State.COMPLETED)
    list(store.clear())
    store.close()

    again = SqliteStore(home)
    assert job(again, State.PENDING).seq > first.seq
    again.close()


def test_an_empty_file_is_made_a_database(home: Home) -> None:
    put(home, b"")

    store = SqliteStore(home)

    assert job(store, State.PENDING)
    store.close()


def test_a_database_in_wal_mode_without_content_is_made_ours(home: Home) -> None:
    database = apsw.Connection(home.database)
    database.execute("PRAGMA journal_mode = WAL")  # where a kill may have left a process that made the schema
    database.close()

    make(home, jobs=1)


@pytest.mark.parametrize("data", [b"hello\n", b"\0" * 8192, os.urandom(5000), b"SQLite format 3\0" + b"\xff" * 4080])
def test_a_file_that_is_no_database_is_refused_untouched(home: Home, data: bytes) -> None:
    put(home, data)

    assert "not a" in refusal(home).message
    assert content(home.database) == data


@pytest.mark.parametrize("application_id", [0, 42])
def test_the_database_of_another_program_is_refused_untouched(home: Home, application_id: int) -> None:
    foreign = apsw.Connection(home.database)
    foreign.execute(f"PRAGMA application_id = {application_id}; CREATE TABLE notes (text)")
    foreign.close()
    before = content(home.database)

    refused = refusal(home)

    assert refused.message == f"{home.database} is not a queuectl database"
    assert refused.hint == "it was left untouched"
    assert content(home.database) == before


def test_the_database_of_a_newer_queuectl_is_refused_untouched(home: Home) -> None:
    make(home)
    database = apsw.Connection(home.database)
    database.execute("PRAGMA user_version = 4711")
    database.close()
    before = content(home.database)

    refused = refusal(home)

    assert "newer queuectl (schema 4711" in refused.message
    assert refused.hint == "upgrade this queuectl"
    assert content(home.database) == before


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_a_truncated_database_is_refused_not_crashed_on(home: Home, share: float) -> None:
    make(home, jobs=2000)
    os.truncate(home.database, int(os.path.getsize(home.database) * share))

    with pytest.raises(StoreUnavailable, match="damaged"):
        read_all(home)


def test_a_database_with_a_torn_page_is_refused_not_crashed_on(home: Home) -> None:
    make(home, jobs=2000)
    with open(home.database, "r+b") as file:
        for page in range(2, 60):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)

    with pytest.raises(StoreUnavailable, match="damaged"):
        read_all(home)


def read_all(home: Home) -> None:
    store = SqliteStore(home, patience=0.2)
    try:
        list(store.list())
        store.metrics()
        store.enqueue([new_job()])
        list(store.clear())
    finally:
        store.close()


def socket_at(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(os.path.dirname(path))  # the name of a socket is short
        listener.bind(os.path.basename(path))


def link_to_a_database(path: str) -> None:
    elsewhere = Home(f"{os.path.dirname(path)}-elsewhere")
    elsewhere.create()
    make(elsewhere)
    os.symlink(elsewhere.database, path)


@pytest.mark.parametrize(
    "thing",
    [os.mkdir, os.mkfifo, socket_at, link_to_a_database, lambda path: os.symlink("/nowhere", path)],
    ids=["directory", "fifo", "socket", "link", "dangling link"],
)
def test_what_is_no_regular_file_is_refused(
    home: Home, thing: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    thing(home.database)

    assert refusal(home).message == f"{home.database} is not a regular file"


def test_a_home_with_a_link_in_it_is_refused(home: Home) -> None:
    link_to_a_database(home.database)

    with pytest.raises(StoreUnavailable, match="symbolic link"):
        home.create()
    with pytest.raises(StoreUnavailable, match="symbolic link"):
        home.exists()


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_home_that_others_can_write_is_refused(home: Home, mode: int) -> None:
    os.chmod(home.path, mode)

    for look in (home.create, home.exists):
        with pytest.raises(StoreUnavailable, match="others can write") as refused:
            look()
        assert refused.value.hint == f"make it private: chmod go-w {home.path}"


def test_a_database_that_others_can_write_is_refused(home: Home) -> None:
    make(home)
    os.chmod(home.database, 0o660)

    with pytest.raises(StoreUnavailable, match="others can write"):
        home.create()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a home away")
def test_a_home_of_another_user_is_refused(home: Home) -> None:
    os.chown(home.path, NOBODY, NOBODY)

    for look in (home.create, home.exists):
        with pytest.raises(StoreUnavailable, match=rf"belongs to another user \(uid {NOBODY}\)"):
            look()


def test_a_file_in_the_place_of_a_home_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")

    with pytest.raises(StoreUnavailable):
        Home(str(tmp_path / "home")).create()


# Without the right to write

WITHOUT_RIGHTS = """
import array, json  # while it is sure that Python's own files can be read
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
for look in (lambda store: list(store.list()), lambda store: store.enqueue([new_job("new")])):
    try:
        home.create()
        store = SqliteStore(home, patience=0.2)
        look(store)
        say("worked")
        store.close()
    except StoreUnavailable as error:
        say(error.message)
"""


@pytest.fixture
def home_of_nobody() -> Iterator[Home]:
    """A home of a user without privileges, where that user can reach it."""
    directory = tempfile.mkdtemp(prefix="queuectl-test-")
    os.chmod(directory, 0o711)  # noqa: S103  that user has to get through
    home = Home(os.path.join(directory, "home"))
    home.create()
    make(home, jobs=3)
    if os.geteuid() == 0:
        for path, _, files in os.walk(home.path):
            for each in (path, *(os.path.join(path, file) for file in files)):
                os.chown(each, NOBODY, NOBODY)
    yield home
    os.chmod(home.path, 0o700)
    shutil.rmtree(directory)


def test_a_user_without_privileges_can_use_a_home(home_of_nobody: Home) -> None:
    assert children.run(WITHOUT_RIGHTS, home_of_nobody.path) == (0, "worked\nworked\n")


def test_a_home_can_be_made_below_a_directory_that_its_user_may_not_read(home_of_nobody: Home) -> None:
    assert children.run(WITHOUT_RIGHTS, f"{home_of_nobody.path}/new/home") == (0, "worked\nworked\n")


def test_a_read_only_file_is_refused_for_writing_with_one_line(home_of_nobody: Home) -> None:
    os.chmod(home_of_nobody.database, 0o400)

    code, said = children.run(WITHOUT_RIGHTS, home_of_nobody.path)

    assert (code, said.splitlines()[1]) == (0, f"{home_of_nobody.database} is read-only")


def test_an_unreadable_file_is_refused_with_one_line(home_of_nobody: Home) -> None:
    os.chmod(home_of_nobody.database, 0)

    code, said = children.run(WITHOUT_RIGHTS, home_of_nobody.path)

    assert (code, set(said.splitlines())) == (0, {f"cannot open {home_of_nobody.database}"})


def test_a_read_only_directory_is_refused_with_one_line(home_of_nobody: Home) -> None:
    os.chmod(home_of_nobody.path, 0o500)

    code, said = children.run(WITHOUT_RIGHTS, home_of_nobody.path)

    assert code == 0, said
    assert len(said.splitlines()) == 2
    assert all(home_of_nobody.database in line for line in said.splitlines()), said


# A full disk

FILL = """
store = SqliteStore(home)
accepted = 0
try:
    while True:
        store.enqueue([new_job(policy=None)._replace(command="x" * 20_000)])
        accepted += 1
except StoreUnavailable as error:
    say(error.message)
assert accepted
for write in (lambda: store.claim(WORKER, COOKIE), lambda: store.set_setting("grace", "x" * 20_000)):
    try:
        write()
    except StoreUnavailable as error:
        pass
assert sum(1 for _ in store.list()) == accepted == store.metrics().counts[State.PENDING] + len(store.running())
"""

MAKE_ROOM = """
assert sum(len(batch) for batch in store.clear()) > 0
store.enqueue([new_job("again")])
assert store.get("again")
store.close()
assert apsw.Connection(home.database).pragma("integrity_check") == "ok"
say("whole")
"""


def test_a_full_disk_refuses_new_jobs_and_damages_nothing(tmp_path: Path) -> None:
    space = tmp_path / "space"
    space.mkdir()
    prefix = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=2m none "$0" && exec "$@"', str(space)]
    if not shutil.which("unshare") or children.run("", space, prefix=prefix)[0]:
        pytest.skip("this machine lets nobody mount a small disk")
    ballast = "home.create()\nopen(home.path + '/ballast', 'wb').write(b'x' * 500_000)\n"
    room = "os.unlink(home.path + '/ballast')\n"

    code, said = children.run(ballast + FILL + room + MAKE_ROOM, space / "home", prefix=prefix)

    assert (code, said) == (0, f"no space left on the disk of {space}/home/queue.db\nwhole\n")


def test_a_limit_on_the_size_of_files_refuses_new_jobs_and_damages_nothing(home: Home) -> None:
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))\n"
    no_limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"

    code, said = children.run(limit + FILL + no_limit + MAKE_ROOM, home.path)

    assert code == 0, said
    refused, whole = said.splitlines()
    assert home.database in refused
    assert whole == "whole"


# Who touches the file, and how

WATCHED = """
opened = []
def watch(event, arguments):
    if event == "open" and str(arguments[0]).startswith(home.database):
        opened.append(arguments)
    if event == "import" and arguments[0].partition(".")[0] in ("sqlite3", "_sqlite3"):
        opened.append(arguments)
sys.addaudithook(watch)

for _ in range(2):
    store = SqliteStore(home, sync_every=1000.0)
    running = job(store, State.PROCESSING)
    store.finish_and_claim(running, WELL, COOKIE)
    store.enqueue(new_job() for _ in range(100))
    list(store.list()), store.metrics(), store.changed(), store.flush(), list(store.clear())
    store.close()
for path, mode, flags in opened:
    say(f"{os.path.basename(path)} exclusive: {bool(flags & os.O_EXCL and flags & os.O_CREAT)}")
"""


def test_nothing_but_sqlite_opens_the_database_except_to_make_it(home: Home) -> None:
    assert children.run(WATCHED, home.path) == (0, "queue.db exclusive: True\n")


def use_everything(store: Store) -> None:
    """Call every method of the port that writes."""
    store.register(identity(), 60.0, NOW)
    store.mark_stopping(WORKER, NOW)
    store.enqueue([new_job("one")], NOW)
    store.enqueue([new_job("two"), new_job("three"), new_job("four")], NOW)
    _, running = store.finish_and_claim(claimed(store, "one"), WELL, COOKIE, NOW)
    assert running is not None
    store.finish(running, BADLY, NOW)
    store.rescue(claimed(store, "three"), Loss.CRASHED, NOW)
    store.cancel("four", NOW)
    store.cancel(claimed(store, "three").id, NOW)
    store.retry("four", NOW)
    store.retry("two", NOW)
    store.set_setting("grace", "1s")
    store.flush()
    store.prune(State.COMPLETED, 0, 10, after(1))
    list(store.clear())
    store.deregister(WORKER)


def test_every_write_happens_in_an_immediate_transaction(home: Home) -> None:
    make(home)
    begun: list[str] = []
    outside: list[str] = []

    def statement(cursor: apsw.Cursor, sql: str, _bindings: object) -> bool:
        plain = " ".join(line for line in sql.splitlines() if not line.startswith("--")).strip()
        if plain.startswith(("BEGIN", "SAVEPOINT")):
            begun.append(plain)
        elif plain.startswith(("COMMIT", "ROLLBACK", "RELEASE")):
            begun.clear()
        elif not cursor.is_readonly and "incoming (" not in plain and "temp.incoming;" not in plain:
            if begun != ["BEGIN IMMEDIATE"]:
                outside.append(plain)
            written.add(plain)
        return True

    written: set[str] = set()
    opened: list[apsw.Connection] = []
    apsw.connection_hooks.append(opened.append)
    try:
        store = SqliteStore(home, sync_every=1000.0)
    finally:
        apsw.connection_hooks.remove(opened.append)
    opened[0].exec_trace = statement
    use_everything(store)
    opened[0].exec_trace = None
    store.close()

    assert outside == []
    assert len(written) > 15

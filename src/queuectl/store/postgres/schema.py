"""Owns the tables of a queue in a database: makes them, brings them up to date, refuses those of a newer version.

Must not know how the server is reached (opening.py does).
"""

from __future__ import annotations

import os

from queuectl import __version__
from queuectl.errors import NotFound, StoreUnavailable
from queuectl.store import migrate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.store.postgres.connection import Connection

MIGRATIONS = os.path.join(os.path.dirname(__file__), "migrations")

IS_THERE = "SELECT to_regclass('queuectl.migrations') IS NOT NULL"

BEGIN_ALONE = """
SELECT pg_advisory_xact_lock(hashtext('queuectl'), 0);
CREATE SCHEMA IF NOT EXISTS queuectl
"""

LET_NOBODY_REGISTER = "LOCK TABLE queuectl.workers IN SHARE ROW EXCLUSIVE MODE"
"""Who registers from now on waits, and then meets the new schema."""


def prepare(connection: Connection, *, make: bool) -> str:
    """Make the schema or migrate it where needed, and return the random id of the queue.

    Raises:
        NotFound: there is no queue, and `make` says not to make one.
        StoreUnavailable: it is of a newer version, or has workers of another one.
    """
    newest = migrate.latest(MIGRATIONS)
    version, queue = _found(connection, newest)
    if version == newest:
        return queue
    if not version and not make:
        raise NotFound(f"there is no queue in {connection.where}")
    with connection.transaction():
        connection.script(BEGIN_ALONE)
        version, _ = _found(connection, newest)
        if version:
            connection.script(LET_NOBODY_REGISTER)
            _refuse_other_versions(connection)
        for migration in migrate.after(MIGRATIONS, version):
            connection.script(migration.sql)
            connection.change("migrated", {"number": migration.number, "name": migration.name})
        _, queue = _found(connection, newest)
    return queue


def _found(connection: Connection, newest: int) -> tuple[int, str]:
    """Return the number of the schema, 0 where there is none, and the id of the queue."""
    if connection.script(IS_THERE) == [(False,)]:
        return 0, ""
    ((version, queue),) = connection.rows("schema_version")
    if version > newest:
        raise StoreUnavailable(
            f"{connection.where} was made by a newer queuectl (schema {version}, this one knows {newest})",
            "upgrade this queuectl",
        )
    return version, queue


def _refuse_other_versions(connection: Connection) -> None:
    """Refuse to change a schema under the feet of a living worker."""
    if other := connection.row("other_versions", {"version": __version__}):
        pid, host, theirs = other
        raise StoreUnavailable(
            f"worker {pid} on {host} runs version {theirs} on a queue that has to be upgraded",
            "stop it first: queuectl worker stop",
        )

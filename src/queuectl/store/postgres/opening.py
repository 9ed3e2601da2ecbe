"""Owns how a server is reached: what its URL may say, which servers will do, and what a connection to one is set to.

Must not know what is asked of a server, nor when (connection.py does).
"""

from __future__ import annotations

import logging

import psycopg
from psycopg import pq
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.numeric import Int8BinaryDumper

from queuectl.errors import InvalidInput, StoreUnavailable
from queuectl.store.postgres.addresses import spread
from queuectl.store.postgres.patience import ImpatientConnection
from queuectl.storeurl import PUBLIC, SECRETS, unknown_parameter, without_password

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from psycopg.abc import Buffer

# What goes wrong with a connection is told by whoever used it; psycopg would print it to stderr as well.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

OLDEST = 150000
"""The oldest server that is used, as PQserverVersion says it."""

FOR_EVERYBODY = {
    # A server that is cut off is noticed after some 11 s at the latest, long before a lease is over.
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "application_name": "queuectl",
}
"""Parameters of a connection, unless the URL has others."""

FOR_WORKERS = """
SET plan_cache_mode = force_generic_plan;
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = '30s'
"""
"""What the session of a worker is set to: its few statements are planned once, and nothing of it waits for ever."""

NUMBERS = {"port": 65535, "connect_timeout": 2**31 - 1}
"""Parameters that are whole numbers, and the largest that they may be."""


class Server:
    """A database on a server, as a URL names it."""

    def __init__(self, url: str, *, for_worker: bool) -> None:
        """Read the URL; nothing is asked of the server.

        Raises:
            InvalidInput: the URL makes no sense.
        """
        self.where = without_password(url)
        """The URL as people may see it."""
        self._parameters = {**FOR_EVERYBODY, **_parameters(url, self.where), "client_encoding": "UTF8"}
        self._for_worker = for_worker
        self.pooled = False
        """Whether a worker met a pooler on its way, which swallows notifications and prepared statements."""

    def connect(self, within: float, until: float) -> ImpatientConnection:
        """Return a new connection, for which hardly so many seconds are waited; for no answer beyond a monotonic time.

        Raises:
            StoreUnavailable: the server cannot be used; it says why, never with a password.
        """
        try:
            db = ImpatientConnection.connect(
                make_conninfo("", **spread(self._parameters, within)),
                autocommit=True,
                prepare_threshold=0 if self._for_worker else None,
            )
        except psycopg.Error as error:
            raise unreachable(self.where, error) from None
        db.until = until
        try:
            self._check(db)
            self._set_up(db)
        except psycopg.Error as error:
            db.close()
            raise unreachable(self.where, error) from None
        except BaseException:
            db.close()
            raise
        return db

    def _check(self, db: ImpatientConnection) -> None:
        if db.info.server_version < OLDEST:
            raise StoreUnavailable(
                f"{self.where} is PostgreSQL {db.info.server_version // 10000}", "15 is the oldest that works"
            )
        if (encoding := db.info.parameter_status("server_encoding")) != "UTF8":
            raise StoreUnavailable(
                f"{self.where} is a database in {encoding}, which does not take every command",
                "make one in UTF8: createdb --encoding UTF8 --template template0 NAME",
            )

    def _set_up(self, db: ImpatientConnection) -> None:
        db.adapters.register_loader("timestamptz", MicrosLoader)
        db.adapters.register_dumper(int, Int8BinaryDumper)  # one type: one prepared statement
        if self._for_worker:
            # A pooler invents the process id that it gives at the start.
            ((pid,),) = db.execute(b"SELECT pg_backend_pid()", prepare=False)
            self.pooled = pid != db.info.backend_pid
            if self.pooled:
                db.prepare_threshold = None
            else:
                db.execute(FOR_WORKERS.encode(), prepare=False)  # several statements


class MicrosLoader(Loader):
    """Reads an instant as microseconds since 1970, as rows of every engine have it."""

    format = pq.Format.BINARY

    def load(self, data: Buffer) -> int:
        """Read the microseconds since 2000 that the server sends."""
        return int.from_bytes(data, "big", signed=True) + 946_684_800_000_000


def unreachable(where: str, error: psycopg.Error) -> StoreUnavailable:
    """Return what is said of a server to which there is no connection."""
    return StoreUnavailable(f"the store {where} cannot be reached: {reason(error)}", unchanged=True)


def reason(error: psycopg.Error) -> str:
    """Return what the server or libpq says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].removeprefix("connection failed: ") if lines else type(error).__name__


def _parameters(url: str, where: str) -> dict[str, Any]:
    """Return the parameters in a URL. What is said of one that makes no sense would show a part of a password."""
    try:
        conninfo_to_dict(where)
        url.encode()
    except UnicodeEncodeError:
        raise InvalidInput("the URL of the store is not valid UTF-8", "postgresql://USER@HOST/DATABASE") from None
    except psycopg.Error as error:
        raise InvalidInput(
            f"the store {where} makes no sense: {reason(error)}", "postgresql://USER@HOST/DATABASE"
        ) from None
    if (name := unknown_parameter(url)) is not None:
        from difflib import get_close_matches  # noqa: PLC0415  needed only here

        near = get_close_matches(name.lower(), PUBLIC | SECRETS, n=1)
        raise InvalidInput(
            f"the URL of the store {where} has a parameter that means nothing",
            f"did you mean: {near[0]}" if near else "postgresql://USER@HOST/DATABASE?PARAMETER=VALUE",
        )
    authority, _, path = url.partition("://")[2].partition("?")[0].partition("/")
    if authority.count("@") <= 1 and "@" not in path:
        try:
            return _checked(conninfo_to_dict(url), where)
        except psycopg.Error:
            pass
    raise InvalidInput(
        f"the password in the URL of the store {where} cannot be read",
        "write special characters as their numbers: @ as %40, / as %2F, % as %25",
    )


def _checked(parameters: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the parameters of a connection, among them no number that libpq would only refuse when it connects."""
    for name, most in NUMBERS.items():
        for value in str(parameters.get(name) or "").split(","):
            if value and not (value.isascii() and value.isdigit() and int(value) <= most):
                raise InvalidInput(
                    f"the store {where} makes no sense: {name} must be a whole number up to {most}",
                    "an IPv6 address stands in brackets: postgresql://USER@[::1]/DATABASE" if ":" in value else None,
                )
    return parameters

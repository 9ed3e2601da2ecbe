"""Owns the URL of a store that is not a file: which are understood, and how one is passed on without what is secret."""

from __future__ import annotations

SCHEMES = ("postgresql", "postgres")

SECRETS = frozenset({"password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"})
"""Parameters of a URL that nobody else is to see."""

PUBLIC = frozenset(
    [
        "application_name",
        "channel_binding",
        "client_encoding",
        "connect_timeout",
        "dbname",
        "fallback_application_name",
        "gssdelegation",
        "gssencmode",
        "gsslib",
        "host",
        "hostaddr",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "krbsrvname",
        "load_balance_hosts",
        "max_protocol_version",
        "min_protocol_version",
        "oauth_client_id",
        "oauth_issuer",
        "oauth_scope",
        "options",
        "passfile",
        "port",
        "replication",
        "require_auth",
        "requirepeer",
        "requiressl",
        "service",
        "servicefile",
        "ssl",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "sslcert",
        "sslcertmode",
        "sslcompression",
        "sslcrl",
        "sslcrldir",
        "sslkey",
        "sslkeylogfile",
        "sslmode",
        "sslnegotiation",
        "sslrootcert",
        "sslsni",
        "target_session_attrs",
        "tcp_user_timeout",
        "user",
    ]
)
"""The others of libpq 18. One that is none of these may be a password whose name was mistyped: nobody sees it."""


def is_known(url: str) -> bool:
    """Return whether an engine understands a URL."""
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme in SCHEMES


def without_password(url: str) -> str:
    """Return a URL as a job or a message may have it."""
    scheme, _, rest = url.partition("://")
    after_user = _start_of_host(rest)
    ends = [end for mark in "/?" if (end := rest.find(mark, after_user)) >= 0]
    end = min(ends, default=len(rest))
    authority, tail = rest[:end], rest[end:]
    userinfo, at, hosts = authority.rpartition("@")
    path, question, query = tail.partition("?")
    kept = [word for word in query.split("&") if _name(word) in PUBLIC]
    return f"{scheme}://{userinfo.partition(':')[0]}{at}{hosts}{path}{question if kept else ''}{'&'.join(kept)}"


def unknown_parameter(url: str) -> str | None:
    """Return the name of a parameter that means nothing; to be compared with others, not to be shown."""
    query = url.partition("://")[2].partition("?")[2]
    return next((name for name in map(_name, _words(query)) if name not in PUBLIC | SECRETS), None)


def _start_of_host(rest: str) -> int:
    """Return where user and password have ended. One that is written as it must not be may hold any character."""
    place, _, query = rest.partition("?")
    authority, _, path = place.partition("/")
    understood = "@" not in path and all(_name(word) in PUBLIC | SECRETS for word in _words(query))
    return (authority if understood else rest).rfind("@") + 1


def _words(query: str) -> list[str]:
    return [word for word in query.split("&") if word]


def _name(word: str) -> str:
    name = word.partition("=")[0]
    if "%" in name:
        from urllib.parse import unquote  # noqa: PLC0415  4 ms, and nobody writes it so

        return unquote(name)
    return name

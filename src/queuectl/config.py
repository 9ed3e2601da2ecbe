"""Owns the configuration of a queue: its keys, their defaults, what is allowed, and where a value comes from.

Precedence: environment (`QUEUECTL_<KEY>`) over the store over the default. Values are text here and in the store;
`Settings` is what the program works with.
"""

from __future__ import annotations

from queuectl.durations import parse_duration, parse_size
from queuectl.errors import InvalidInput
from queuectl.quoting import quoted
from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NEVER = float("inf")
"""Seconds after which something that is kept for ever is pruned."""


SHORTEST_LEASE, LONGEST_LEASE = 4.0, 3600.0
"""Seconds. A worker looks once a second whether its lease is to be renewed."""


class Key(Record):
    """One configuration key."""

    name: str
    default: str
    parse: Callable[[str], int | float | None]
    help: str


class Settings(Record):
    """The configuration that is in force."""

    default_max_retries: int
    default_timeout: float | None
    """Seconds; None is without end."""
    backoff_base: float
    backoff_max: float
    """Seconds."""
    backoff_jitter: float
    max_crashes: int
    grace: float
    """Seconds between TERM and KILL."""
    log_cap: int
    """Bytes of output kept of each attempt."""
    keep_completed: float
    """Seconds."""
    keep_cancelled: float
    keep_dead: float
    lease: float
    """Seconds that a worker on a shared store may be out of touch before others take its job, less a quarter."""


def parse_integer(text: str, least: int, most: int) -> int:
    """Read a decimal integer: ASCII digits with an optional minus, nothing else.

    Raises:
        InvalidInput: another form, or outside of `least` to `most`.
    """
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18 or not least <= int(text) <= most:
        raise InvalidInput(f"{quoted(text)} is not a whole number from {least} to {most}")
    return int(text)


def parse_number(text: str, least: float, most: float) -> float:
    """Read a decimal number such as 2 or 1.5.

    Raises:
        InvalidInput: another form, or outside of `least` to `most`.
    """
    whole, _, fraction = text.partition(".")
    plain = whole.isascii() and whole.isdigit() and (fraction == "" or (fraction.isascii() and fraction.isdigit()))
    if not plain or text.endswith(".") or len(text) > 18 or not least <= float(text) <= most:
        raise InvalidInput(f"{quoted(text)} is not a number from {least:g} to {most:g}")
    return float(text)


def _age(text: str) -> float:
    return NEVER if text == "forever" else parse_duration(text)


def _time_limit(text: str) -> float | None:
    limit = None if text == "none" else parse_duration(text)
    if limit == 0:
        raise InvalidInput(f"{quoted(text)} is not longer than 0", "for no time limit say none")
    return limit


def _lease(text: str) -> float:
    length = parse_duration(text)
    if not SHORTEST_LEASE <= length <= LONGEST_LEASE:
        raise InvalidInput(f"{quoted(text)} is not from {SHORTEST_LEASE:g}s to {LONGEST_LEASE / 3600:g}h")
    return length


KEYS: dict[str, Key] = {
    key.name: key
    for key in (
        Key("default_max_retries", "3", lambda text: parse_integer(text, 0, 1000), "retries of a job that names none"),
        Key("default_timeout", "none", _time_limit, "time limit of an attempt, or none"),
        Key("backoff_base", "2", lambda text: parse_number(text, 1, 1000), "failure n is retried after base ** n s"),
        Key("backoff_max", "1h", parse_duration, "longest wait between two attempts"),
        Key("backoff_jitter", "0", lambda text: parse_number(text, 0, 1), "random share added to the wait, 0 to 1"),
        Key("max_crashes", "3", lambda text: parse_integer(text, 1, 1_000_000), "lost workers that make a job dead"),
        Key("grace", "10s", parse_duration, "time between TERM and KILL"),
        Key("log_cap", "10MiB", parse_size, "output kept of each attempt"),
        Key("keep_completed", "7d", _age, "how long completed jobs are kept, or forever"),
        Key("keep_cancelled", "7d", _age, "how long cancelled jobs are kept, or forever"),
        Key("keep_dead", "forever", _age, "how long dead jobs are kept, or forever"),
        Key("lease", "60s", _lease, "PostgreSQL: silence that makes a worker lost"),
    )
}
"""Every configuration key, in the order in which they are shown."""

ALIASES = {"max_retries": "default_max_retries"}


def key_named(name: str) -> Key:
    """Return the key of a name as a user types it: hyphens are underscores, `max_retries` is accepted.

    Raises:
        InvalidInput: no such key.
    """
    plain = name.replace("-", "_")
    plain = ALIASES.get(plain, plain)
    if plain in KEYS:
        return KEYS[plain]
    from difflib import get_close_matches  # noqa: PLC0415  costs 5 ms, needed only here

    near = get_close_matches(plain[:64], KEYS, n=1)
    hint = f"did you mean: {near[0]}" if near else f"keys: {', '.join(KEYS)}"
    raise InvalidInput(f"no configuration key {quoted(name)}", hint)


def resolve(stored: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return every key's value in force and its origin: `environment`, `store` or `default`."""
    values = {}
    for name, key in KEYS.items():
        if override := environ.get(f"QUEUECTL_{name.upper()}"):
            values[name] = (override, "environment")
        elif name in stored:
            values[name] = (stored[name], "store")
        else:
            values[name] = (key.default, "default")
    return values


def settings(stored: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    """Return the configuration in force.

    Raises:
        InvalidInput: a value is not allowed; the message names its variable or key.
    """
    parsed = {}
    for name, (value, origin) in resolve(stored, environ).items():
        try:
            parsed[name] = KEYS[name].parse(value)
        except InvalidInput as error:
            where = f"QUEUECTL_{name.upper()}" if origin == "environment" else name
            raise InvalidInput(f"{where}: {error.message}", error.hint) from None
    return Settings(**parsed)  # type: ignore[arg-type]

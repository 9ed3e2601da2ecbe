"""Owns how a length of time, a size and an instant are written by people. Pure; no clock: `now` is an argument."""

from __future__ import annotations

from queuectl.errors import InvalidInput
from queuectl.quoting import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
"""Seconds, in the order in which units stand in a duration."""
LONGEST = 10 * 366 * 86400
"""Ten years, in seconds: the longest duration and the farthest instant that are accepted."""
DECIMALS = 9
"""Nanoseconds are the finest that can be written."""

SIZE_UNITS = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
SIZES = range(64 << 10, (64 << 30) + 1)

DURATION_FORMS = "examples: 30, 30s, 5m, 1h30m, 2d"
SIZE_FORMS = "examples: 64KiB, 10MiB, 1GiB"
INSTANT_FORMS = "accepted: 2026-12-01T10:00:00Z, 2026-12-01T10:00:00+01:00, 2026-12-01T10:00 (local time), +10m"
INSTANT_PATTERN = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?"
)
"""`datetime.fromisoformat` alone also takes 20260101, 2026-W01-1 and, in later versions of Python, 24:00."""


def parse_duration(text: str) -> float:
    """Read a length of time such as 30, 1.5, 30s or 1h30m and return it in seconds, from 0 to `LONGEST`.

    A bare number is seconds. Units stand in descending order, each once; only the last number may have decimals.

    Raises:
        InvalidInput: another form, or longer than ten years.
    """
    bare = text[-1:].isdigit()
    rest = text + "s" if bare else text
    total, scale = 0, 1  # whole numbers until the end: 1m30.1s is the float nearest to 90.1
    for unit in "s" if bare else UNITS:
        number, found, after = rest.partition(unit)
        if not found:
            continue
        whole, point, decimals = number.partition(".")
        if not _digits(whole, 18) or (point and (after or not _digits(decimals, DECIMALS))):
            raise InvalidInput(f"{quoted(text)} is not a duration", DURATION_FORMS)
        scale = 10 ** len(decimals)
        total = total * scale + int(whole + decimals) * UNITS[unit]
        rest = after
    if rest or not text:
        raise InvalidInput(f"{quoted(text)} is not a duration", DURATION_FORMS)
    if total > LONGEST * scale:
        raise InvalidInput(f"{quoted(text)} is longer than 10 years")
    return total / scale


def format_duration(seconds: float) -> str:
    """Write a length of time, 0 or longer, as `parse_duration` reads it: 1h30m, 10s, 0.25s; to the nanosecond."""
    plain = repr(round(seconds, DECIMALS))
    if "e" in plain:
        plain = f"{seconds:.{DECIMALS}f}"
    whole, _, decimals = plain.partition(".")
    decimals = decimals.rstrip("0")
    minutes, rest = divmod(int(whole), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    written = "".join(f"{count}{unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if count)
    if decimals:
        return f"{written}{rest}.{decimals}s"
    return f"{written}{rest}s" if rest or not written else written


def parse_size(text: str) -> int:
    """Read a size such as 10MiB, or a bare number of bytes, and return it in bytes, from 64 KiB to 64 GiB.

    Raises:
        InvalidInput: another form, or out of range.
    """
    unit = next((unit for unit in SIZE_UNITS if text.endswith(unit)), "")
    number = text.removesuffix(unit)
    if not _digits(number, 18):
        raise InvalidInput(f"{quoted(text)} is not a size", SIZE_FORMS)
    size = int(number) * SIZE_UNITS.get(unit, 1)
    if size not in SIZES:
        raise InvalidInput(f"{quoted(text)} is not a size from 64KiB to 64GiB", SIZE_FORMS)
    return size


def parse_time(text: str, now: datetime) -> datetime | float:
    """Read when something is to be: an instant, as `parse_instant` returns it, or `+10m`, in seconds.

    From when these count is for the store to say. Raises as both readers do.
    """
    if text.startswith("+") and text[-1] in UNITS:
        return parse_duration(text[1:])
    return parse_instant(text, now)


def parse_instant(text: str, now: datetime) -> datetime:
    """Read an instant and return it in UTC: RFC 3339, or without a zone in local time.

    Local is what the C library makes of TZ. Of a local time that comes twice the first is meant; decimals
    beyond microseconds are cut off. The past is accepted.

    Raises:
        InvalidInput: another form, no such date or local time, or more than ten years after `now`.
    """
    from datetime import UTC, timedelta  # noqa: PLC0415  2.4 ms, and most jobs name no instant
    from datetime import datetime as moment  # noqa: PLC0415
    from re import fullmatch  # noqa: PLC0415

    if not fullmatch(INSTANT_PATTERN, text):
        raise InvalidInput(f"{quoted(text)} is not a time", INSTANT_FORMS)
    try:
        read = moment.fromisoformat(text.upper())
        instant = _from_local(read) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidInput(f"{quoted(text)} is not a time: {error}") from None
    if instant - now > timedelta(seconds=LONGEST):
        raise InvalidInput(f"{quoted(text)} is more than 10 years ahead")
    return instant


def _from_local(read: datetime) -> datetime:
    """Return what the clocks of this place showed, in UTC.

    Raises:
        InvalidInput: they never showed it, because they jumped over it.
    """
    from datetime import UTC, timedelta  # noqa: PLC0415

    instant = read.astimezone(UTC)
    if instant.astimezone().replace(tzinfo=None) == read:
        return instant
    # A skipped time is read by the offset after the jump, and with fold=1 by the one before it: the two instants
    # enclose the jump (PEP 495).
    before, after = instant.replace(microsecond=0), read.replace(fold=1, microsecond=0).astimezone(UTC)
    offset = before.astimezone().utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone().utcoffset() == offset:
            before = middle
        else:
            after = middle
    last, first = before.astimezone(), after.astimezone()
    leaves, zone = last + timedelta(seconds=1), last.isoformat()[len("2026-12-01T10:00:00") :]
    raise InvalidInput(
        f"the local time {read.isoformat(' ')} does not exist: "
        f"the clock jumps from {leaves:%H:%M %Z} to {first:%H:%M %Z}",
        f"write the offset from UTC, as in {read.isoformat()}{zone}",
    )


def _digits(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= most

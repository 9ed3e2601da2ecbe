"""Owns the names of time zones: which there are, and which one this machine keeps. Reads the zone files, nothing else.

A zone is always kept by its name: machines that share a store need not be in the same one.
"""

from __future__ import annotations

import os
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from queuectl.errors import InvalidInput
from queuectl.quoting import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LOCALTIME = "/etc/localtime"
"""A link into the zone files, by whose target a machine's zone is known."""
TIMEZONE = "/etc/timezone"
"""Debian's note of the same, where the other is a copy and no link."""

NO_NAMES = ("posix/", "right/", "localtime", "posixrules")
"""Beginnings of files beside the zones that are none: `right/` counts leap seconds, `localtime` is another one each."""

EXAMPLES = "examples: UTC, Europe/Berlin, America/New_York"


def zone(name: str) -> ZoneInfo:
    """Return the time zone of that name.

    Raises:
        InvalidInput: there is none; the hint names one that may be meant.
    """
    if not name.startswith(NO_NAMES):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    near = _nearest(name)
    raise InvalidInput(f"no time zone {quoted(name)}", f"did you mean: {near}" if near else EXAMPLES)


def local_name(environ: Mapping[str, str], localtime: str = LOCALTIME, timezone: str = TIMEZONE) -> str:
    """Return the name of the zone in which this machine, or this shell by TZ, tells the time.

    Raises:
        InvalidInput: it is not known by a name.
    """
    name: str | None = None
    if "TZ" in environ:
        name = environ["TZ"].removeprefix(":") or "UTC"
    elif not os.path.exists(localtime):
        name = "UTC"  # as the C library has it
    else:
        _, found, rest = os.path.realpath(localtime).rpartition("/zoneinfo/")
        name = rest.removeprefix("posix/") if found else _first_line(timezone)
    try:
        if name is not None:
            return zone(name).key
    except InvalidInput:
        pass
    raise InvalidInput(
        f"the time zone of this {'shell' if 'TZ' in environ else 'machine'} has no name", f"say it: --tz; {EXAMPLES}"
    )


def _first_line(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except (OSError, UnicodeDecodeError):
        return None


def _nearest(name: str) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415  costs 5 ms, needed only here

    known = {full.lower(): full for full in available_timezones()}
    cities = {full.rpartition("/")[2]: full for full in sorted(known, reverse=True)}
    wanted = name[:64].lower().replace(" ", "_")
    city = wanted.rpartition("/")[2]
    near = get_close_matches(wanted, known, n=1, cutoff=0.75) or [
        cities[match] for match in get_close_matches(city, cities, n=1, cutoff=0.8)
    ]
    return known[near[0]] if near else None

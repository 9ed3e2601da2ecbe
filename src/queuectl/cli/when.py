"""Owns how moments and lengths of time are told to people: `3m`, `6d 23h`, `2026-12-01 09:00 CET`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime


def age(seconds: float) -> str:
    """Return one number and its unit: 3s, 2m, 9h, 12d."""
    whole = max(0, int(seconds))
    for size, unit in ((172_800, "d"), (7200, "h"), (120, "m")):
        if whole >= size:
            return f"{whole // {'d': 86400, 'h': 3600, 'm': 60}[unit]}{unit}"
    return f"{whole}s"


def span(seconds: float) -> str:
    """Return a length of time in its two largest units: 41s, 9m 3s, 6d 23h."""
    whole = max(0, round(seconds))
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, whole = divmod(whole, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def local(instant: datetime) -> str:
    """Return a moment in this machine's time zone, with the zone's name."""
    here = instant.astimezone()
    return here.strftime("%Y-%m-%d %H:%M:%S %Z" if here.second else "%Y-%m-%d %H:%M %Z")


def until(instant: datetime, now: datetime) -> float:
    """Return the seconds from `now` to a moment."""
    return (instant - now).total_seconds()

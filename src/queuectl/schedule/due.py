"""Owns which ticks of a schedule make a job, and how long after its tick a job may run. Pure; no clock.

As lifecycle.py decides where a job moves, this decides what a schedule does; the store carries it out.
"""

from __future__ import annotations

from datetime import timedelta
from zlib import crc32

from queuectl.record import Record
from queuectl.schedule.catchup import CatchUp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from queuectl.schedule.when import Times

ON_TIME = timedelta(minutes=1)
"""A tick that is later than this was missed. Workers look each second; cron itself counts in minutes."""

AT_ONCE = 100
"""Ticks that are made up for in one transaction, so that no other writer waits long."""

_INSTANT = timedelta(microseconds=1)


class Due(Record):
    """What a schedule is to do now."""

    ticks: tuple[datetime, ...]
    """Each makes a job; oldest first."""
    missed: datetime | None
    """The first of those that were due and make none; None when each makes one."""
    next_tick: datetime | None
    """When to look again; not in the future when more is due than is done at once. None: never."""


def due(times: Times, first: datetime, now: datetime, catch_up: CatchUp, within: float | None) -> Due:
    """Return what to do about the ticks from `first`, the next one that nobody has seen to, until now.

    On time are those of the last minute, and each makes a job. Of others ALL makes one each and ONE the last, if none
    is on time; but never a tick that is more than `within` seconds late.
    """
    if first > now:
        return Due((), None, first)
    oldest = first if within is None else max(first, now - timedelta(seconds=within))
    if catch_up is not CatchUp.ALL:
        on_time = _between(times, max(oldest, now - ON_TIME + _INSTANT), now)
        last = times.latest(oldest, now) if not on_time and catch_up is CatchUp.ONE else None
        ticks = on_time if last is None else [last]
        next_tick = times.after(now)
    else:
        ticks = _between(times, oldest, now, AT_ONCE)
        next_tick = times.after(ticks[-1] if ticks else now)
    return Due(tuple(ticks), first if first not in ticks else None, next_tick)


def offset(key: str, tick: datetime, splay: float) -> float:
    """Return the seconds, less than `splay`, after a tick at which its job may run: always the same for this tick."""
    share = crc32(f"{key} {tick.isoformat()}".encode()) / (1 << 32)  # hashlib brings 2 MiB with it
    return int(share * splay * 1000) / 1000


def _between(times: Times, first: datetime, last: datetime, limit: int = 1 << 30) -> list[datetime]:
    ticks: list[datetime] = []
    tick = times.after(first - _INSTANT)
    while tick is not None and tick <= last and len(ticks) < limit:
        ticks.append(tick)
        tick = times.after(tick)
    return ticks

"""`queuectl schedule list|show|next`, and how schedules are shown by all that show one."""

from __future__ import annotations

from queuectl.cli.output import cut
from queuectl.cli.terminal import safe
from queuectl.cli.when import age, span, until
from queuectl.config import parse_integer
from queuectl.durations import format_duration
from queuectl.jobjson import parse_job
from queuectl.schedule.catchup import CatchUp
from queuectl.schedule.when import has_zone, parse_when
from queuectl.wire import rfc3339, shown_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator
    from datetime import datetime

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.queue import Queue
    from queuectl.schedule.record import Schedule, Tick

MOST_TICKS = 1000
"""Ticks that are told at once of those to come."""

SHOWN_TICKS = 10
"""Ticks that `show` tells of those that were, on a terminal."""

LONGEST_TIMES = 30
"""Columns of the times in a table on a terminal."""


def schedule_fields(schedule: Schedule) -> dict[str, object]:
    """Return a schedule as it is shown as JSON; values of variables that look secret are hidden."""
    request = parse_job(schedule.job)
    job = {
        "command": request.command,
        "argv": None if request.argv is None else list(request.argv),
        "queue": request.queue,
        "priority": request.priority,
        "max_retries": request.max_retries,
        "timeout": "none" if request.timeout == float("inf") else request.timeout,
        "cwd": request.cwd,
        "env": shown_environment(request.env),
        "secret_env": list(request.secret_env),
        "stdin": request.stdin,
        "tags": dict(request.flow.tags),
    }
    return {
        "name": schedule.name,
        "times": schedule.times,
        "zone": schedule.zone if has_zone(schedule.times) else None,
        "explained": parse_when(schedule.times, schedule.zone, schedule.created_at).explain(),
        "overlap": str(schedule.overlap),
        "catch_up": str(schedule.catch_up),
        "within": schedule.within,
        "splay": schedule.splay,
        "created_at": rfc3339(schedule.created_at),
        "next_tick": None if schedule.paused_at is not None else _instant(schedule.next_tick),
        "paused_at": _instant(schedule.paused_at),
        "job": job,
    }


def tick_fields(tick: Tick) -> dict[str, object]:
    """Return what became of a tick as it is shown as JSON."""
    return {"tick": rfc3339(tick.tick), "outcome": str(tick.outcome), "seq": tick.seq, "id": tick.id}


def next_told(schedule: Schedule, now: datetime) -> str:
    """Return when a schedule ticks next, in words."""
    if schedule.paused_at is not None:
        return "no more: it is paused"
    if schedule.next_tick is None:
        return "no more"
    wait = until(schedule.next_tick, now)
    return f"in {span(wait)}, at {_shown(schedule, schedule.next_tick)}" if wait > 0 else "now"


def configure_list(parser: Parser) -> None:
    """Describe the command line of `schedule list`."""
    parser.describe(
        "", "List the schedules, when each ticks next, and what its last tick has come to.", "queuectl schedule list"
    )


def run_list(_args: Namespace, app: App) -> int:
    """Write the schedules."""
    queue = app.reading_queue()
    schedules = queue.timetable().all() if queue else ()
    if app.out.quiet:
        for schedule in schedules:
            app.out.line(schedule.name)
    elif app.out.json:
        app.out.values(map(schedule_fields, schedules))
    elif queue and schedules:
        now = queue.now()
        rows = [
            (
                schedule.name,
                safe(schedule.times if app.out.columns is None else cut(schedule.times, LONGEST_TIMES)),
                schedule.zone if has_zone(schedule.times) else "-",
                _next_cell(schedule, now),
                _last_cell(queue, schedule, now),
                safe(_command(schedule)),
            )
            for schedule in schedules
        ]
        app.out.table(("NAME", "TIMES", "ZONE", "NEXT", "LAST", "COMMAND"), rows)
    else:
        app.out.say(f"no schedules; add one: {app.call('schedule add')}")
    return 0


def configure_show(parser: Parser) -> None:
    """Describe the command line of `schedule show`."""
    parser.describe(
        "SCHEDULE",
        "Show everything about a schedule: what, when, how, and its last ticks.",
        "queuectl schedule show nightly",
    )
    parser.add_argument("name", metavar="SCHEDULE", help="name of the schedule")


def run_show(args: Namespace, app: App) -> int:
    """Write all about a schedule."""
    queue = app.existing_queue()
    schedule = queue.timetable().get(args.name)
    ticks = queue.timetable().ticks(args.name)
    if app.out.json:
        app.out.value({**schedule_fields(schedule), "ticks": list(map(tick_fields, ticks))})
        return 0
    now = queue.now()
    fields = schedule_fields(schedule)
    request = parse_job(schedule.job)
    catch_up = "" if schedule.within is None else f", within {format_duration(schedule.within)}"
    lines = {
        "name": schedule.name,
        "times": f"{schedule.times} ({fields['explained']})",
        "zone": fields["zone"],
        "next": next_told(schedule, now),
        "overlap": schedule.overlap,
        "catch-up": f"{schedule.catch_up}{catch_up}" if schedule.catch_up is not CatchUp.NONE else "none",
        "splay": format_duration(schedule.splay) if schedule.splay else None,
        "command": _command(schedule),
        "queue": request.queue,
        "directory": request.cwd,
        "added": f"{age(-until(schedule.created_at, now))} ago",
        "paused": None if schedule.paused_at is None else f"{age(-until(schedule.paused_at, now))} ago",
    }
    told = {f"{name}:": safe(str(value)) for name, value in lines.items() if value is not None}
    width = max(map(len, told))
    for name, text in told.items():
        app.out.line(f"{name:<{width}}  {text}")
    if ticks:
        app.out.line("")
        rows = [(_shown(schedule, tick.tick), str(tick.outcome), tick.id or "-") for tick in ticks[:SHOWN_TICKS]]
        app.out.table(("TICK", "OUTCOME", "JOB"), rows)
    return 0


def configure_next(parser: Parser) -> None:
    """Describe the command line of `schedule next`."""
    parser.describe(
        "SCHEDULE [-n N]",
        "Show when a schedule ticks next, in its own time zone; of one that is paused, when it would.",
        "queuectl schedule next nightly\nqueuectl schedule next nightly -n 400 | grep 03-2",
    )
    parser.add_argument("name", metavar="SCHEDULE", help="name of the schedule")
    parser.options.add_argument(
        "-n", dest="count", metavar="N", type=_count, help=f"how many, 1 to {MOST_TICKS} [default: 5]"
    )


def run_next(args: Namespace, app: App) -> int:
    """Write the next ticks of a schedule."""
    queue = app.existing_queue()
    schedule = queue.timetable().get(args.name)
    now = queue.now()
    ticks = _next_ticks(schedule, now, args.count or 5)
    if app.out.json:
        app.out.values({"tick": rfc3339(tick), "local": _in_zone(schedule, tick).isoformat()} for tick in ticks)
    else:
        for tick in ticks:
            app.out.line(f"{_shown(schedule, tick)}  in {span(until(tick, now))}")
    return 0


def _next_ticks(schedule: Schedule, now: datetime, count: int) -> Iterator[datetime]:
    times = parse_when(schedule.times, schedule.zone, schedule.created_at)
    tick = times.after(now)
    for _ in range(count):
        if tick is None:
            return
        yield tick
        tick = times.after(tick)


def _next_cell(schedule: Schedule, now: datetime) -> str:
    if schedule.paused_at is not None:
        return "paused"
    if schedule.next_tick is None:
        return "never"
    wait = until(schedule.next_tick, now)
    return f"in {span(wait)}" if wait > 0 else "now"


def _last_cell(queue: Queue, schedule: Schedule, now: datetime) -> str:
    ticks = queue.timetable().ticks(schedule.name)
    return f"{ticks[0].outcome} {age(-until(ticks[0].tick, now))} ago" if ticks else "-"


def _command(schedule: Schedule) -> str:
    request = parse_job(schedule.job)
    if request.argv is None:
        return request.command or ""
    from shlex import join  # noqa: PLC0415  1 ms

    return join(request.argv)


def _in_zone(schedule: Schedule, instant: datetime) -> datetime:
    from zoneinfo import ZoneInfo  # noqa: PLC0415  only where a time is shown

    return instant.astimezone(ZoneInfo(schedule.zone) if has_zone(schedule.times) else None)


def _shown(schedule: Schedule, instant: datetime) -> str:
    return _in_zone(schedule, instant).strftime("%a %Y-%m-%d %H:%M:%S %Z").replace(":00 ", " ", 1)


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else rfc3339(instant)


def _count(text: str) -> int:
    return parse_integer(text, 1, MOST_TICKS)

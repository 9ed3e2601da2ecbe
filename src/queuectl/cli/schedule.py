"""`queuectl schedule add|run|pause|resume|rm`: what changes the schedules of a queue."""

from __future__ import annotations

from queuectl.cli.enqueue import warn_without_worker
from queuectl.cli.joboptions import add_job_options, requested_job
from queuectl.cli.parser import one_of
from queuectl.cli.schedules import next_told, schedule_fields
from queuectl.cli.terminal import safe
from queuectl.clock import instant, micros
from queuectl.errors import InvalidInput, PartlyDone, QueuectlError, StoreUnavailable
from queuectl.quoting import quoted
from queuectl.request import check_name
from queuectl.schedule.catchup import CatchUp
from queuectl.schedule.record import NewSchedule, Overlap
from queuectl.schedule.when import has_zone, parse_when
from queuectl.schedule.zones import local_name, zone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.schedule.record import Schedule


def add_schedule_options(parser: Parser) -> None:
    """Add the options that say how a schedule ticks."""
    add = parser.options.add_argument
    add("--tz", metavar="ZONE", help="time zone of TIMES, as Europe/Berlin [default: this machine's]")
    add(
        "--overlap",
        metavar="OVERLAP",
        type=one_of("overlap", list(Overlap)),
        help="while the job before has not ended: skip, queue behind it, or replace it [default: skip]",
    )
    add(
        "--catch-up",
        metavar="CATCH-UP",
        type=one_of("catch-up", list(CatchUp)),
        help="jobs for ticks that no worker saw in time: none, one, all [default: one]",
    )
    add("--within", metavar="DURATION", type=_duration, help="catch up with no tick that is later than this")
    add("--splay", metavar="DURATION", type=_duration, help="spread the jobs over so long after their ticks")


def asked_schedule(name: str, times: str, zone_name: str, args: Namespace) -> NewSchedule:
    """Return a schedule as the options ask for it, as yet without a job.

    Raises:
        InvalidInput: they exclude each other.
    """
    catch_up = CatchUp(args.catch_up or CatchUp.ONE)
    # A tick for each that was missed makes sense only if none of them is skipped for the one before it.
    usual = Overlap.QUEUE if catch_up is CatchUp.ALL else Overlap.SKIP
    overlap = Overlap(args.overlap or usual)
    if catch_up is CatchUp.ALL and overlap is not Overlap.QUEUE:
        raise InvalidInput(f"--catch-up all and --overlap {overlap} exclude each other", "all of them: --overlap queue")
    if catch_up is CatchUp.NONE and args.within is not None:
        raise InvalidInput("--catch-up none and --within exclude each other", "none catches up with nothing")
    return NewSchedule(name, times, zone_name, "", overlap, catch_up, args.within, args.splay or 0.0)


def zone_of(args: Namespace, app: App) -> str:
    """Return the name of the time zone that is meant."""
    return local_name(app.environ) if args.tz is None else zone(args.tz).key


def configure_add(parser: Parser) -> None:
    """Describe the command line of `schedule add`."""
    parser.describe(
        "NAME TIMES [options] (-- ARGV... | -c STRING)",
        "Let a command become a job at each of the times: five fields as in crontab(5), @hourly, @daily, @weekly,\n"
        "@monthly, @yearly, or every 90s. Workers see to it; nothing else has to run.",
        """\
queuectl schedule add nightly '30 2 * * *' --tz Europe/Berlin -- ./backup.sh
queuectl schedule add poll 'every 90s' --overlap replace -- ./poll.sh
queuectl schedule add report @monthly --catch-up all --within 7d --max-retries 5 -- ./report.sh""",
    )
    parser.add_argument("name", metavar="NAME", help="name of the schedule")
    parser.add_argument("times", nargs="+", metavar="TIMES", help="when it ticks, in quotes")
    add_schedule_options(parser)
    add_job_options(parser, "setting default_max_retries at the tick", once=False)


def run_add(args: Namespace, app: App) -> int:
    """Add a schedule."""
    times = " ".join(args.times)
    if not has_zone(times) and args.tz is not None:
        raise InvalidInput(f"{quoted(times)} has no time zone", "leave --tz out")
    request = requested_job(args, app.argv, f"schedule add {args.name} {quoted(times)}")
    new = asked_schedule(args.name, times, zone_of(args, app) if has_zone(times) else "UTC", args)
    check_name("name", new.name)
    parse_when(times, new.zone, instant(micros(None)))  # before a home is made for what is refused
    queue = app.queue()
    (added,) = queue.timetable().add([(new, request)])
    if app.out.json and not app.out.quiet:
        app.out.value(schedule_fields(added))
    else:
        app.out.line(added.name)
    app.out.say(f"{added.name} ticks {next_told(added, queue.now())}")
    warn_without_worker(app, request.queue)
    return 0


def configure_run(parser: Parser) -> None:
    """Describe the command line of `schedule run`."""
    parser.describe(
        "SCHEDULE",
        "Make a job of a schedule now, beside its ticks, and print its id. Also of one that is paused.",
        "queuectl schedule run nightly",
    )
    parser.add_argument("name", metavar="SCHEDULE", help="name of the schedule")


def run_run(args: Namespace, app: App) -> int:
    """Make a job of a schedule."""
    job = app.existing_queue().timetable().run(args.name)
    if app.out.json and not app.out.quiet:
        from queuectl.wire import job_fields  # noqa: PLC0415  only for JSON

        app.out.value(job_fields(job))
    else:
        app.out.line(job.id)
    warn_without_worker(app, job.queue)
    return 0


def configure_pause(parser: Parser) -> None:
    """Describe the command line of `schedule pause`."""
    parser.describe(
        "SCHEDULE...",
        "Let schedules tick no more until they are resumed. Jobs that they have made go on.",
        "queuectl schedule pause nightly",
    )
    _add_names(parser)


def run_pause(args: Namespace, app: App) -> int:
    """Pause schedules."""
    return _each(args, app, app.existing_queue().timetable().pause, lambda schedule: f"{schedule.name} is paused")


def configure_resume(parser: Parser) -> None:
    """Describe the command line of `schedule resume`."""
    parser.describe(
        "SCHEDULE...",
        "Let paused schedules tick again. Ticks that came meanwhile are not made up for.",
        "queuectl schedule resume nightly",
    )
    _add_names(parser)


def run_resume(args: Namespace, app: App) -> int:
    """Resume schedules."""
    queue = app.existing_queue()
    return _each(
        args,
        app,
        queue.timetable().resume,
        lambda schedule: f"{schedule.name} ticks {next_told(schedule, queue.now())}",
    )


def configure_rm(parser: Parser) -> None:
    """Describe the command line of `schedule rm`."""
    parser.describe(
        "SCHEDULE...", "Forget schedules. The jobs that they have made stay.", "queuectl schedule rm nightly"
    )
    _add_names(parser)


def run_rm(args: Namespace, app: App) -> int:
    """Forget schedules."""
    return _each(args, app, app.existing_queue().timetable().remove, lambda schedule: f"{schedule.name} is gone")


def _add_names(parser: Parser) -> None:
    parser.add_argument("names", nargs="+", metavar="SCHEDULE", help="name of the schedule")


def _each(args: Namespace, app: App, act: Callable[[str], Schedule], told: Callable[[Schedule], str]) -> int:
    """Act on each schedule once and return the exit code, as `each.act_on` does for jobs."""
    done: list[Schedule] = []
    failed = False
    names = list(dict.fromkeys(args.names))
    for name in names:
        try:
            schedule = act(name)
        except StoreUnavailable as error:
            error.unchanged = error.unchanged and not done
            raise
        except QueuectlError as error:
            if len(names) == 1:
                raise
            app.out.complain(error)
            failed = True
            continue
        done.append(schedule)
        if app.out.quiet:
            app.out.line(schedule.name)
        else:
            app.out.say(safe(told(schedule)))
    if app.out.json and not app.out.quiet:
        app.out.values(schedule_fields(schedule) for schedule in done)
    return PartlyDone.exit_code if failed else 0


def _duration(text: str) -> float:
    from queuectl.durations import parse_duration  # noqa: PLC0415  only where one is given

    seconds = parse_duration(text)
    if not seconds:
        raise InvalidInput("is to be longer than 0")
    return seconds

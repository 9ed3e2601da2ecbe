"""`queuectl schedule import`: make schedules of a crontab, and name the lines that cannot be one."""

from __future__ import annotations

import os

from queuectl.cli.enqueue import warn_without_worker
from queuectl.cli.joboptions import add_job_options, requested_job
from queuectl.cli.schedule import add_schedule_options, asked_schedule, zone_of
from queuectl.cli.schedules import next_told, schedule_fields
from queuectl.cli.terminal import safe
from queuectl.clock import instant, micros
from queuectl.errors import InvalidInput, PartlyDone
from queuectl.request import check_request
from queuectl.schedule.crontab import Refused, read_crontab

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.request import JobRequest
    from queuectl.schedule.crontab import Entry
    from queuectl.schedule.record import NewSchedule

SYSTEM = ("/etc/crontab", "/etc/cron.")
"""Where crontabs are that have a column for the user."""

LARGEST = 1 << 20
"""Bytes of a crontab."""


def configure_import(parser: Parser) -> None:
    """Describe the command line of `schedule import`."""
    parser.describe(
        "CRONTAB [options]",
        "Make a schedule of each line of a user's crontab, named after its command; - is standard input. Options\n"
        "hold for all of them. A line that cannot be a schedule is named, and the others are imported. As under cron\n"
        "a command that fails is not retried, unless --max-retries says so, and runs in the home directory.",
        "queuectl schedule import mycrontab --dry-run\ncrontab -l | queuectl schedule import -",
    )
    parser.add_argument("file", metavar="CRONTAB", help="file of the form that crontab -l prints")
    parser.options.add_argument("--dry-run", action="store_true", help="show what would be added, and add nothing")
    add_schedule_options(parser)
    add_job_options(parser, "0, as cron", once=False, command=False)


def run_import(args: Namespace, app: App) -> int:
    """Add the schedules of a crontab."""
    if app.argv is not None:
        raise InvalidInput("the commands are those of the crontab", "leave -- out")
    news, lost = _schedules(_read(args.file), zone_of(args, app), args, app)
    code = PartlyDone.exit_code if lost else 0
    if args.dry_run:
        for new, request in news:
            app.out.line(f"{new.name}\t{new.times}\t{new.zone}\t{safe(request.command or str(request.argv))}")
        return code
    queue = app.queue()
    added = queue.timetable().add(news) if news else ()
    if app.out.json and not app.out.quiet:
        app.out.values(map(schedule_fields, added))
    for schedule in added:
        if app.out.quiet or not app.out.json:
            app.out.line(schedule.name)
        app.out.say(f"{schedule.name} ticks {next_told(schedule, queue.now())}")
    if added:
        warn_without_worker(app, news[0][1].queue)
    return code


def _schedules(
    text: str, zone_name: str, args: Namespace, app: App
) -> tuple[list[tuple[NewSchedule, JobRequest]], bool]:
    """Return the schedules of a crontab with their jobs, and whether there are lines that cannot be one."""
    news: list[tuple[NewSchedule, JobRequest]] = []
    lost = False
    for found in read_crontab(text, zone_name, instant(micros(None))):
        if isinstance(found, Refused):
            if found.ignored:
                app.out.say(f"line {found.line}: {found.why}")
            else:
                lost = True
                app.out.complain(InvalidInput(f"line {found.line}: {found.why}", found.text))
            continue
        try:
            news.append((asked_schedule(found.name, found.when, found.zone, args), _request(found, args, app)))
        except InvalidInput as error:
            lost = True
            app.out.complain(InvalidInput(f"line {found.line}: {error.message}", error.hint))
    return news, lost


def _request(entry: Entry, args: Namespace, app: App) -> JobRequest:
    """Return the job of a line: what the options say, with what the crontab says of its command."""
    args.command, argv = (
        (entry.command, None) if entry.interpreter is None else (None, (entry.interpreter, "-c", entry.command))
    )
    request = requested_job(args, argv, "schedule import")
    home = entry.home or app.environ.get("HOME") or os.path.expanduser("~")
    return check_request(
        request._replace(
            cwd=request.cwd or home,
            env={**entry.env, **request.env},
            max_retries=0 if request.max_retries is None else request.max_retries,
        )
    )


def _read(path: str) -> str:
    if path.startswith(SYSTEM):
        raise InvalidInput(f"{path} is a system crontab: its lines name a user", "import it without that column")
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None
    if len(data) > LARGEST:
        raise InvalidInput(f"{path} is larger than 1 MiB", "a crontab is not")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not valid UTF-8") from None

"""Owns what it means to act on several named jobs: all are tried, each failure is told, and so is each success."""

from __future__ import annotations

from queuectl.errors import PartlyDone, QueuectlError, StoreUnavailable
from queuectl.wire import job_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job


def add_ids(parser: Parser, *, required: bool = True) -> None:
    """Add the ids that a command acts on."""
    parser.add_argument("ids", nargs="+" if required else "*", metavar="ID", help="job")


def act_on(ids: Sequence[str], act: Callable[[str], Job], told: Callable[[Job], str], app: App) -> int:
    """Act on each job once and return the exit code.

    Raises:
        QueuectlError: a single job could not be acted on, or the store cannot be used.
    """
    jobs: list[Job] = []
    failed = False
    wanted = list(dict.fromkeys(ids))
    for id in wanted:
        try:
            job = act(id)
        except StoreUnavailable as error:
            error.unchanged = error.unchanged and not jobs
            raise
        except QueuectlError as error:
            if len(wanted) == 1:
                raise
            app.out.complain(error)
            failed = True
            continue
        jobs.append(job)
        if app.out.quiet:
            app.out.line(job.id)
        else:
            app.out.say(told(job))
    if app.out.json and not app.out.quiet:
        app.out.values(job_fields(job) for job in jobs)
    return PartlyDone.exit_code if failed else 0

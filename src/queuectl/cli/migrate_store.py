"""`queuectl migrate-store`: move the whole queue to another store, give that up, or open what was left of it."""

from __future__ import annotations

import os
import sys

from queuectl import process, roster
from queuectl.cli.follow import pause
from queuectl.cli.worker import stop_home
from queuectl.errors import Conflict, InvalidInput
from queuectl.store.base import Identity
from queuectl.store.transfers import Stage
from queuectl.storeurl import is_known
from queuectl.transfer import abandon, reopen, transfer
from queuectl.worker import rescue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.events import Event
    from queuectl.store.base import Registered, Store

CLEAR_LINE = "\r\33[K"


def configure(parser: Parser) -> None:
    """Describe the command line of `migrate-store`."""
    parser.describe(
        "(--to URL [--stop] | --abandon | --reopen)",
        "Move the whole queue, with its history and settings, to another store: a database, or the file of the\n"
        "home. No worker may run meanwhile. From the beginning on the queue is closed where it was, and when it\n"
        "has arrived it is open where it is. When this is interrupted, the same command goes on with it.",
        "queuectl migrate-store --to postgresql://jobs@db/queue\n"
        "queuectl migrate-store --to sqlite --stop           back, where QUEUECTL_STORE names the database",
    )
    parser.options.add_argument("--to", metavar="URL", help="postgresql://..., or sqlite: the file of the home")
    parser.options.add_argument("--stop", action="store_true", help="stop the workers first; running jobs finish")
    parser.options.add_argument(
        "--abandon",
        action="store_true",
        help="give up a move that was interrupted, and open the queue again; with --to, empty its target",
    )
    parser.options.add_argument(
        "--reopen", action="store_true", help="open the copy that is here: where the queue went or came from is lost"
    )


def run(args: Namespace, app: App) -> int:
    """Move the queue."""
    if args.reopen and (args.to is not None or args.stop or args.abandon):
        raise InvalidInput(
            "--reopen goes with no other option", "it opens the copy that is here, wherever the queue is"
        )
    if args.to is None and not (args.abandon or args.reopen):
        raise InvalidInput("--to is missing", "where the queue is to go: postgresql://USER@HOST/DATABASE, or sqlite")
    if args.to is not None and args.to != "sqlite" and not is_known(args.to):
        raise InvalidInput(
            "--to: no store that this version knows",
            "postgresql://USER@HOST/DATABASE, or sqlite for the file in --home",
        )
    if args.stop and args.abandon:
        raise InvalidInput("--stop and --abandon exclude each other", "nothing runs while the queue is moved")
    if "QUEUECTL_RUN" in app.environ:
        raise Conflict("a job cannot move the queue that it is in", "do it outside of the queue")
    source = app.existing_store()
    if args.reopen:
        return _reopen(source, app)
    target = None if args.to is None else app.store_at(args.to)
    try:
        if args.abandon:
            return _abandon(source, target, app)
        assert target is not None  # noqa: S101  `--to` is there
        return _move(source, target, app, stop=bool(args.stop))
    finally:
        if target is not None:
            target.close()


def _move(source: Store, target: Store, app: App, *, stop: bool) -> int:
    if source.gate().transfers().keys() <= {Stage.ARRIVED}:  # otherwise nothing can run any more
        _quiet(source, app, stop=stop)
    progress = Progress(shown=not app.out.json and not app.out.quiet and sys.stderr.isatty())
    try:
        moved = transfer(source, target, app.home, progress.tell)
    except KeyboardInterrupt:
        progress.end()
        app.out.say("the queue stays closed until the same command is run again, or with --abandon")
        raise
    finally:
        progress.end()
    if app.out.json:
        app.out.value({"moved": 0 if moved.already else moved.jobs, "to": moved.place})
    elif moved.already:
        app.out.say(f"the queue has moved to {moved.place} before")
    else:
        app.out.say(f"{_told(moved.jobs)} moved to {moved.place}")
    return 0


def _abandon(source: Store, target: Store | None, app: App) -> int:
    leaving = source.gate().transfers().get(Stage.LEAVING)
    abandon(source, target)
    if app.out.json:
        app.out.value({"abandoned": True})
    app.out.say("the move is given up, and the queue is open where it was")
    if target is None and leaving is not None:
        app.out.say(f"what has arrived in {leaving.place} is still there; to forget it, name that with --to")
    return 0


def _reopen(source: Store, app: App) -> int:
    end, jobs = reopen(source, app.home)
    if app.out.json:
        app.out.value({"reopened": jobs})
    how = "as it was when it moved to" if end.stage is Stage.LEFT else "with what had arrived from"
    app.out.say(f"the queue is open {how} {end.place}: {_told(jobs)}")
    app.out.say(f"nothing may run in {end.place} any more: what is in both would run twice")
    return 0


def _told(jobs: int) -> str:
    return f"{jobs:,} {'job' if jobs == 1 else 'jobs'}"


class Progress:
    """A line on a terminal that says how far the move is."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown

    def tell(self, jobs: int) -> None:
        """Say how many jobs have arrived."""
        if self._shown:
            sys.stderr.write(f"{CLEAR_LINE}{jobs:,} jobs copied")
            sys.stderr.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write(CLEAR_LINE)
            sys.stderr.flush()
            self._shown = False


# Before the queue is closed


def _quiet(store: Store, app: App, *, stop: bool) -> None:
    """Make sure that no worker serves the queue and none has left a job.

    Raises:
        Conflict: one does or has, and nobody asked to wait for the end of that.
    """
    serving = _serving(store, app)
    if serving and not stop:
        several = "1 worker serves" if len(serving) == 1 else f"{len(serving)} workers serve"
        raise Conflict(f"{several} the queue", "stop them first; or add --stop, which waits for their jobs")
    if serving:
        _stop(store, app, serving)
    told: Sequence[str] = ()
    while left := _left(store, app):
        if not stop:
            raise Conflict(
                f"job {left[0]} is in the hands of a worker that is gone", "--stop waits until it is taken from it"
            )
        if left != told:
            app.out.say(f"waiting for {', '.join(left)}")
            told = left
        pause()


def _serving(store: Store, app: App) -> Sequence[Registered]:
    """Return the living workers of the queue: those of this home as the kernel says it, others by their leases."""
    alive = {member.id for member in roster.workers(app.home)}
    near = {identity.worker for identity in store.identities(near=_me(app))}
    return [
        worker for worker in store.workers() if worker.identity.worker in alive or worker.identity.worker not in near
    ]


def _stop(store: Store, app: App, serving: Sequence[Registered]) -> None:
    """Ask all workers to stop, and wait until they have."""
    if not store.leased:
        stop_home(app)
        return
    for host in sorted({worker.identity.host for worker in serving}):
        store.request_stop(host, now=False)
    told: list[str] = []
    while serving := _serving(store, app):
        jobs = [worker.job for worker in serving if worker.job is not None]
        if jobs and jobs != told:
            app.out.say(f"waiting for {', '.join(jobs)}")
            told = jobs
        pause()


def _left(store: Store, app: App) -> Sequence[str]:
    """Take from workers that are gone what can be taken now; return which jobs somebody still holds."""
    if os.path.isdir(app.home.workers):
        rescue.rescue_lost(store, app.home, _me(app), _untold)
    rescue.rescue_expired(store, _untold)
    return [running.job.id for running in store.running()]


def _me(app: App) -> Identity:
    home = app.home.identity() if os.path.isdir(app.home.path) else ""
    return Identity("", os.getpid(), 0, process.boot_id(), home, "", "")


def _untold(_event: Event) -> None:
    """Say nothing: this is no worker, whose log it would be."""

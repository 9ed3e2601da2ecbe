"""`queuectl migrate-store`: move the whole queue to another store, give that up, or open what was left of it."""

from __future__ import annotations

import sys

from queuectl.errors import Conflict, InvalidInput
from queuectl.store.transfers import Stage
from queuectl.storeurl import is_known
from queuectl.transfer import abandon, check, reopen, transfer
from queuectl.worker.quiet import make_quiet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.store.base import Store

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
    if source.gate().transfers().keys() <= {Stage.ARRIVED}:  # otherwise it has begun, and nothing can run any more
        if replaced := check(source, target):
            settings = ", ".join(f"{key} = {value}" for key, value in sorted(replaced.items()))
            app.out.say(f"settings of {target.gate().place} that are replaced: {settings}")
        make_quiet(source, app.home, app.out.say, stop=stop)
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

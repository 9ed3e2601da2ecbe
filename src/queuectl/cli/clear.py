"""`queuectl clear`: forget every job that is not running, with its logs."""

from __future__ import annotations

from itertools import islice

from queuectl import joblogs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser

BATCH = 2000
"""Jobs whose logs are deleted together."""


def configure(parser: Parser) -> None:
    """Describe the command line of `clear`."""
    parser.describe(
        "",
        "Forget every job that is not running, waiting ones included, with its logs; and the durations that\n"
        "metrics shows. Ids are free again at once. Does not ask.",
        "queuectl clear",
    )


def run(_args: Namespace, app: App) -> int:
    """Forget the jobs."""
    queue = app.reading_queue()
    count = 0
    if queue is not None:
        seqs = queue.clear()
        while gone := tuple(islice(seqs, BATCH)):
            joblogs.delete(app.home, queue.shared_id, *gone)
            count += len(gone)
    if app.out.json:
        app.out.value({"cleared": count})
    app.out.say(f"cleared {count} job{'' if count == 1 else 's'}")
    return 0

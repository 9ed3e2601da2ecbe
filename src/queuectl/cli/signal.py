"""`queuectl signal`: send a signal to every process of a running job."""

from __future__ import annotations

from queuectl.cli.each import tell
from queuectl.signalnames import parse_signal, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser


def configure(parser: Parser) -> None:
    """Describe the command line of `signal`."""
    parser.describe(
        "ID SIGNAL",
        "Send a signal to every process of a running job, whatever it makes of it. A paused job takes it when it is\n"
        "resumed, KILL at once. A job that it ends has failed, and is retried: to end it for good use cancel.",
        "queuectl signal job1 USR1\nqueuectl signal job1 SIGHUP",
    )
    parser.add_argument("id", metavar="ID", help="job")
    parser.add_argument("signal", metavar="SIGNAL", type=parse_signal, help="name, with SIG or without, or number")


def run(args: Namespace, app: App) -> int:
    """Ask for the signal."""
    name = signal_name(args.signal)
    job = app.existing_queue().signal(args.id, args.signal)
    tell(iter([job]), lambda job: f"signal {name} requested: {job.id} is running", app)
    return 0

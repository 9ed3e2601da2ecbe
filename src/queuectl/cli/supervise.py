"""The program of a supervisor: `worker start` executes it, so that it begins with nothing but what it needs.

Called with one argument, a JSON object. When its workers may claim, a detached one writes a line to its stdout: whether
they can be called.
"""

from __future__ import annotations

import json
import os
import sys

from queuectl.cli.app import open_worker_store, prepare_worker_store
from queuectl.observe.logging import EventLog
from queuectl.paths import Home
from queuectl.serving import parse_served
from queuectl.worker.supervisor import Plan, Supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.events import Emit

READY, DEAF = b"ready\n", b"deaf\n"

ENVIRONMENT_OF_A_JOB = (
    *("QUEUECTL_RUN", "QUEUECTL_JOB_ID", "QUEUECTL_ATTEMPT", "QUEUECTL_QUEUE"),
    *("QUEUECTL_SCHEDULE", "QUEUECTL_TICK"),
)
"""What a supervisor must not have: it would be taken for a process of a job."""


def command_line(  # noqa: PLR0913  all that a supervisor is told
    home: str, *, count: int, drain: bool, after_stop: int, queues: str | None, foreground: bool, log_format: str
) -> list[str]:
    """Return the words that start a supervisor."""
    orders = {
        "home": home,
        "count": count,
        "drain": drain,
        "after_stop": after_stop,
        "queues": queues,
        "foreground": foreground,
        "log_format": log_format,
    }
    return [sys.executable, "-P", "-m", __name__, json.dumps(orders)]


def main() -> int:
    """Supervise as the orders say; return the exit code."""
    orders = json.loads(sys.argv[1])
    home = Home(orders["home"])
    foreground = orders["foreground"]
    os.closerange(3, 4096)
    os.chdir("/")
    url = os.environ.get("QUEUECTL_STORE") or None
    prepare_worker_store(url)

    def log_of(name: str) -> Emit:
        return EventLog(
            home.worker_log,
            home.log_lock,
            name,
            orders["log_format"],
            stream=2 if foreground else None,
        )

    def on_ready(deaf: bool) -> None:  # noqa: FBT001  the only thing it is told
        if not foreground:
            try:
                os.write(1, DEAF if deaf else READY)
            except BrokenPipeError:
                pass  # nobody waits for it any more
            os.dup2(0, 1)

    plan = Plan(
        home,
        home.identity(),
        orders["count"],
        orders["drain"],
        orders["after_stop"],
        None if orders["queues"] is None else parse_served(orders["queues"]),
        lambda: open_worker_store(home, url),
        dict(os.environ),
        log_of,
        on_ready,
    )
    return 0 if Supervisor(plan).run() else 1


if __name__ == "__main__":
    sys.exit(main())

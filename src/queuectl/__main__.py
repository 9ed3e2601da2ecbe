"""The entry point of the `queuectl` program and of `python -m queuectl`. Knows nothing but `cli.main`."""

from __future__ import annotations

import gc
import os


def run() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(50_000)  # the collector would look through the modules again and again while they load: 2 ms
    from queuectl.cli.main import main  # noqa: PLC0415  after that

    code = main()
    # Everything is written and closed; to take the interpreter apart as well costs 3 ms of an enqueue's 35.
    os._exit(code)


if __name__ == "__main__":
    run()

"""Owns how a process hears signals: as bytes in a pipe that its loop reads, one for each.

Caught, not ignored: an ignored signal would be inherited by the commands.
"""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def catch(signals: Iterable[signal.Signals]) -> int:
    """Let signals do no more than make the returned descriptor readable."""
    read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for number in signals:
        signal.signal(number, lambda _number, _frame: None)
    return read

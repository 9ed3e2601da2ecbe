"""Processes that a test reads from and waits for: none holds it up for ever."""

from __future__ import annotations

from threading import Timer
from typing import TYPE_CHECKING

from tests.support.eventually import DEADLINE

if TYPE_CHECKING:
    from subprocess import Popen
    from typing import AnyStr


def mortal(process: Popen[AnyStr]) -> Popen[AnyStr]:
    """Let a process be killed when it has taken too long, which ends all that is read from it as well."""
    killer = Timer(2 * DEADLINE, process.kill)
    killer.daemon = True
    killer.start()
    return process

"""Owns how people write signals: USR1, SIGUSR1, usr1 or 10. Must not know who they are sent to."""

from __future__ import annotations

from signal import SIGRTMAX, Signals

from queuectl.errors import InvalidInput
from queuectl.quoting import quoted

BY_NAME = {name.removeprefix("SIG"): int(number) for name, number in Signals.__members__.items()}
"""Numbers of the signals that have names, by these without SIG."""


def parse_signal(text: str) -> int:
    """Return the number of a signal.

    Raises:
        InvalidInput: there is no such signal, or it is one that queuectl alone sends to a job.
    """
    if text.isascii() and text.isdigit() and len(text) < 4:
        number = int(text)
        if not 1 <= number <= SIGRTMAX:
            raise InvalidInput(f"there is no signal {text}", f"1 to {int(SIGRTMAX)}, or a name such as USR1")
    else:
        number = BY_NAME.get(text.upper().removeprefix("SIG"), 0)
        if not number:
            raise _unknown(text)
    # A job that is stopped behind our back would run out of time, and nobody would know why it does nothing.
    if number in (Signals.SIGSTOP, Signals.SIGTSTP, Signals.SIGTTIN, Signals.SIGTTOU):
        raise InvalidInput(f"{signal_name(number)} is not sent to a job", "to stop one: queuectl pause ID")
    if number == Signals.SIGCONT:
        raise InvalidInput("CONT is not sent to a job", "to let a paused one go on: queuectl resume ID")
    return number


def signal_name(number: int) -> str:
    """Return the name of a signal without SIG; its number when it has none."""
    try:
        return Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def _unknown(text: str) -> InvalidInput:
    from difflib import get_close_matches  # noqa: PLC0415  5 ms, needed only here

    near = get_close_matches(text.upper().removeprefix("SIG"), BY_NAME, n=1, cutoff=0.5)
    hint = f"did you mean: {near[0]}" if near else "for example: HUP, INT, USR1, TERM, KILL, or a number"
    return InvalidInput(f"unknown signal {quoted(text)}", hint)

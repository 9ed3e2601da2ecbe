"""What the demo shows: remarks, the commands as a user types them, and a progress bar."""

from __future__ import annotations

import os
import shutil
import sys
import time

ON_TERMINAL = sys.stdout.isatty()
COLOURED = ON_TERMINAL and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

BAR = 30
"""Characters of the bar."""

TO_START_OF_LINE = "\r\x1b[K"


def width() -> int:
    """Return the columns of the terminal."""
    return shutil.get_terminal_size().columns


def remark(text: str) -> None:
    """Say what comes next."""
    print(paint("2", f"\n# {text}"), flush=True)


def prompt(line: str) -> None:
    """Show a command as it is typed."""
    print(f"{paint('32', '$')} {paint('1', line)}", flush=True)


def paint(code: str, text: str) -> str:
    """Return text in a colour (an SGR code), where there are colours."""
    return f"\x1b[{code}m{text}\x1b[0m" if COLOURED else text


class Progress:
    """A bar that is redrawn on a terminal; elsewhere a line for every tenth."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._begun = time.monotonic()
        self._tenths = 0

    def show(self, done: int, failed: int) -> None:
        """Show how many jobs have ended, and how many of all have failed so far."""
        rate = done / max(time.monotonic() - self._begun, 0.001)
        figures = f"{done:,}/{self._total:,}  {rate:.0f} jobs/s  {failed} failed"
        if ON_TERMINAL:
            end = "\n" if done == self._total else ""
            print(f"{TO_START_OF_LINE}{self._bar(done)}  {figures}", end=end, flush=True)
        elif (tenths := 10 * done // self._total) > self._tenths:
            self._tenths = tenths
            print(f"{10 * tenths:3} %  {figures}", flush=True)

    def _bar(self, done: int) -> str:
        full, empty = ("█", "░") if sys.stdout.encoding.lower().startswith("utf") else ("#", "-")
        filled = BAR * done // self._total
        return paint("32", full * filled) + paint("2", empty * (BAR - filled))

"""Owns how a crontab of a user is read: its lines as schedules, and which of them cannot be one. Pure.

crontab(5) of Debian and of cronie are the reference. A system crontab, with a column for the user, is none of a user.
"""

from __future__ import annotations

import re

from queuectl.errors import InvalidInput
from queuectl.record import Record
from queuectl.schedule.when import parse_when

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_VARIABLE = re.compile(r"""(["']?)([A-Za-z_][A-Za-z0-9_]*)\1\s*=\s*(.*)""", re.DOTALL)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

NOT_USED = {
    "MAILTO": "output is kept: queuectl logs",
    "MAILFROM": "output is kept: queuectl logs",
    "CONTENT_TYPE": "output is kept: queuectl logs",
    "CONTENT_TRANSFER_ENCODING": "output is kept: queuectl logs",
    "RANDOM_DELAY": "use --splay",
    "START_HOURS_RANGE": "it is for anacron",
}
"""Variables that say something to cron and nothing here, and what to do instead."""

LONGEST_NAME = 40


class Entry(Record):
    """A line that is a schedule."""

    line: int
    name: str
    """Made of its command, and of no other entry."""
    when: str
    zone: str
    command: str
    interpreter: str | None
    """What runs the command; None: `/bin/sh`."""
    env: dict[str, str]
    home: str | None
    """Directory in which it runs; None: the home of whoever imports it."""


class Refused(Record):
    """A line that is not imported."""

    line: int
    text: str
    why: str
    ignored: bool = False
    """Whether nothing is lost with it: it speaks to cron alone."""


def read_crontab(text: str, zone: str, now: datetime) -> Iterator[Entry | Refused]:
    """Read a crontab whose lines are of this time zone until CRON_TZ names another.

    Times that never come, and zones that are none, are refused with their lines, as all that cannot be imported.
    """
    env: dict[str, str] = {}
    names: set[str] = set()
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        variable = _VARIABLE.fullmatch(line)
        try:
            if variable is None:
                entry = _entry(number, line, zone, env, now)
                name = _unused(entry.name, names)
                names.add(name)
                yield entry._replace(name=name)
                continue
            name, value = variable[2], _unquoted(variable[3])
            if name == "CRON_TZ":
                parse_when("@daily", value, now)
                zone = value
            elif name in NOT_USED:
                yield Refused(number, line, f"{name} is not used: {NOT_USED[name]}", ignored=True)
            else:
                env[name] = value
        except InvalidInput as error:
            yield Refused(number, line, error.message)


def _entry(number: int, line: str, zone: str, env: dict[str, str], now: datetime) -> Entry:
    count = 1 if line.startswith("@") else 5
    words = line.split(maxsplit=count)
    when = " ".join(words[:count])
    parse_when(when, zone, now)
    if len(words) <= count:
        raise InvalidInput("there is no command")
    command = _command(words[count])
    rest = {name: value for name, value in env.items() if name not in {"SHELL", "HOME"}}
    interpreter = env.get("SHELL", "/bin/sh")
    return Entry(
        number,
        _name(command),
        when,
        zone,
        command,
        None if interpreter == "/bin/sh" else interpreter,
        rest,
        env.get("HOME"),
    )


def _command(text: str) -> str:
    r"""Return the command, in which `\%` is a percent sign and everything after a bare one its input."""
    if re.search(r"(?<!\\)%", text):
        raise InvalidInput('a "%" gives the command a standard input: put that into a file, and see --stdin')
    return text.replace("\\%", "%")


def _name(command: str) -> str:
    """Return what a command is called by: its first word that is a program, without its directory."""
    words = [word for word in command.split() if "=" not in word] or ["job"]
    found = _WORD.search(words[0].rpartition("/")[2])
    return found[0][:LONGEST_NAME] if found else "job"


def _unused(name: str, names: set[str]) -> str:
    number, free = 1, name
    while free in names:
        number += 1
        free = f"{name}-{number}"
    return free


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value

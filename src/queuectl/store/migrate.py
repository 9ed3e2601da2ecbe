"""Owns which migrations there are and which are still to be done. Forward only; an engine carries them out.

Must not know a database.
"""

from __future__ import annotations

import os

from queuectl.record import Record


class Migration(Record):
    """One numbered step of the schema."""

    number: int
    name: str
    sql: str


def latest(directory: str) -> int:
    """Return the number of the newest migration in an engine's directory, from the file names alone."""
    return max(int(name[:4]) for name in os.listdir(directory) if name.endswith(".sql"))


def after(directory: str, number: int) -> list[Migration]:
    """Return the migrations that follow `number`, in order."""
    steps = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".sql") and int(name[:4]) > number:
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                steps.append(Migration(int(name[:4]), name.removesuffix(".sql"), file.read()))
    return steps

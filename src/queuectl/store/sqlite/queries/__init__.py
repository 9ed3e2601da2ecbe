"""Owns the statements: one per file, read when first used."""

from __future__ import annotations

import os

_DIRECTORY = os.path.dirname(__file__)
_statements: dict[str, str] = {}


def load_all() -> None:
    """Read every statement: who runs for long is not to read those of a later version, nor to need a file for it."""
    for name in os.listdir(_DIRECTORY):
        if name.endswith(".sql"):
            statement(name.removesuffix(".sql"))


def statement(name: str) -> str:
    """Return the statement in `name`.sql."""
    try:
        return _statements[name]
    except KeyError:
        with open(os.path.join(_DIRECTORY, f"{name}.sql"), encoding="utf-8") as file:
            text = _statements[name] = file.read()
        return text

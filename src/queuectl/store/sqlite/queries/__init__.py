"""Owns the statements: one per file, read when first used."""

from __future__ import annotations

import os

_DIRECTORY = os.path.dirname(__file__)
_statements: dict[str, str] = {}


def statement(name: str) -> str:
    """Return the statement in `name`.sql."""
    try:
        return _statements[name]
    except KeyError:
        with open(os.path.join(_DIRECTORY, f"{name}.sql"), encoding="utf-8") as file:
            text = _statements[name] = file.read()
        return text

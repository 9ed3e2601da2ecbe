"""Owns how an engine's statements are found: one per file, read when first used. Must not know a database."""

from __future__ import annotations

import os


class Statements(dict[str, str]):
    """The statements of a directory, by the names of their files without `.sql`."""

    def __init__(self, directory: str, parts: str | None = None) -> None:
        """`parts` is a directory of what several statements have in common: there `{name}` stands for `name.sql`."""
        super().__init__()
        self._directory = directory
        self._parts = {} if parts is None else {name: _read(parts, name) for name in _names(parts)}

    def __missing__(self, name: str) -> str:
        text = self[name] = self._with_parts(_read(self._directory, name))
        return text

    def load_all(self) -> None:
        """Read every statement: who runs for long is to read none of a later version, nor to need a file for it."""
        for name in _names(self._directory):
            self[name]

    def _with_parts(self, text: str) -> str:
        for name, part in self._parts.items():
            if f"{{{name}}}" in text:
                text = text.replace(f"{{{name}}}", self._with_parts(part))
        return text


def _names(directory: str) -> list[str]:
    return [name.removesuffix(".sql") for name in os.listdir(directory) if name.endswith(".sql")]


def _read(directory: str, name: str) -> str:
    with open(os.path.join(directory, f"{name}.sql"), encoding="utf-8") as file:
        return file.read()

"""A disk that loses power: which of the steps done to it are still there afterwards.

A file's content is, once the file was synced, and its name, once the directory was: POSIX promises no more, though most
file systems do. Of all else, any part may be, in sectors of 512 bytes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from random import Random

    from tests.crash.recorder import Step

SECTOR = 512


class Luck:
    """What becomes of the steps that were not synced."""

    def __init__(self, share: float, chance: Random | None = None) -> None:
        """Let a share of them survive; of the others, half are lost and half torn."""
        self._share = share
        self._chance = chance

    def survivors(self, sectors: int) -> list[bool]:
        """Return for each sector of a step whether it survives."""
        if self._chance is None:
            return [self._share == 1] * sectors
        drawn = self._chance.random()
        if drawn < self._share:
            return [True] * sectors
        if drawn < (1 + self._share) / 2:
            return [False] * sectors
        return [self._chance.random() < 0.5 for _ in range(sectors)]

    def survives(self) -> bool:
        """Return whether a step survives that cannot be torn."""
        return self.survivors(1)[0]


ALL_KEPT = Luck(1)


class _File:
    def __init__(self, kind: str) -> None:
        self.kind = kind
        """file, directory or fifo."""
        self._synced = bytearray()
        self._unsynced: list[Step] = []

    def change(self, step: Step) -> None:
        self._unsynced.append(step)

    def sync(self) -> None:
        self._synced = self.content(ALL_KEPT)
        self._unsynced.clear()

    def content(self, luck: Luck) -> bytearray:
        content = bytearray(self._synced)
        for step in self._unsynced:
            if step.what == "truncate":
                if luck.survives():
                    del content[step.at :]
                    content.extend(bytes(step.at - len(content)))
                continue
            first, last = step.at // SECTOR, (step.at + len(step.data) - 1) // SECTOR
            for sector, survives in enumerate(luck.survivors(last - first + 1), first):
                if survives:
                    start, end = max(step.at, sector * SECTOR), min(step.at + len(step.data), (sector + 1) * SECTOR)
                    content.extend(bytes(max(0, end - len(content))))
                    content[start:end] = step.data[start - step.at : end - step.at]
        return content


class _Entry(NamedTuple):
    """A change of a directory: a name goes, another comes, or both at once."""

    gone: str | None
    come: str | None
    file: _File


class Image(NamedTuple):
    """What is on a disk: what each path is, and the content of the files."""

    kinds: dict[str, str]
    contents: dict[str, bytes]

    @property
    def key(self) -> int:
        """A number that tells images apart."""
        return hash((tuple(self.kinds.items()), tuple(self.contents.items())))

    def write(self, root: str, target: str) -> None:
        """Put it into a directory that is empty, in place of `root`."""
        for path, kind in sorted(self.kinds.items()):
            there = target + path.removeprefix(root)
            if kind == "directory":
                os.mkdir(there, 0o700)
            elif kind == "fifo":
                os.mkfifo(there, 0o600)
            else:
                with open(there, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                    file.write(self.contents[path])


class Disk:
    """What happens below a directory, which is empty at first and itself on the disk."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._names = {root: _File("directory")}
        self._synced_names = dict(self._names)
        self._unsynced_names: dict[str, list[_Entry]] = {}

    def do(self, step: Step) -> None:
        """Carry out a step; what users ask and are told changes nothing."""
        match step.what:
            case "make" | "mkdir" | "mkfifo" if step.path in self._names:
                pass  # another process was as fast
            case "make" | "mkdir" | "mkfifo":
                kind = {"make": "file", "mkdir": "directory", "mkfifo": "fifo"}[step.what]
                self._enter(_Entry(None, step.path, _File(kind)))
            case "remove":
                self._enter(_Entry(step.path, None, self._names[step.path]))
            case "rename":
                self._enter(_Entry(step.path, step.to, self._names[step.path]))
            case "sync" if self._names[step.path].kind == "directory":
                for entry in self._unsynced_names.pop(step.path, ()):
                    _carry_out(entry, self._synced_names)
            case "sync":
                self._names[step.path].sync()
            case "write" | "truncate":
                self._names[step.path].change(step)

    def image(self, luck: Luck) -> Image:
        """Return what is there after power fails now."""
        names = dict(self._synced_names)
        for entries in self._unsynced_names.values():
            for entry in entries:
                if luck.survives():
                    _carry_out(entry, names)
        found = {path: file for path, file in names.items() if path != self._root and self._is_reached(path, names)}
        kinds = {path: file.kind for path, file in found.items()}
        return Image(kinds, {path: bytes(file.content(luck)) for path, file in found.items() if file.kind == "file"})

    def _enter(self, entry: _Entry) -> None:
        _carry_out(entry, self._names)
        self._unsynced_names.setdefault(os.path.dirname(entry.come or entry.gone or ""), []).append(entry)

    def _is_reached(self, path: str, names: dict[str, _File]) -> bool:
        while path != self._root:
            path = os.path.dirname(path)
            if path not in names:
                return False
        return True


def _carry_out(entry: _Entry, names: dict[str, _File]) -> None:
    if entry.gone is not None:
        names.pop(entry.gone, None)
    if entry.come is not None:
        names[entry.come] = entry.file

"""Owns how words (argv, environments as NAME=value) are kept: as the kernel has them, bytes with a NUL after each."""

from __future__ import annotations

from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def packed(words: Iterable[str]) -> bytes:
    """Return words as they are kept; none of them holds a NUL."""
    return "".join(f"{word}\0" for word in words).encode("utf-8", "surrogateescape") if words else b""


@lru_cache(maxsize=64)
def unpacked(stored: bytes) -> tuple[str, ...]:
    """Undo `packed`; jobs that were enqueued together have the same words."""
    return tuple(stored.decode("utf-8", "surrogateescape").split("\0")[:-1])


def joined(stored: bytes) -> str:
    """Return words that are kept as one text, a blank between each two."""
    return stored[:-1].replace(b"\0", b" ").decode(errors="replace")


def of_environment(environment: Mapping[str, str]) -> bytes:
    """Return an environment as it is kept."""
    return packed([f"{name}={value}" for name, value in environment.items()]) if environment else b""


@lru_cache(maxsize=64)
def environment(stored: bytes) -> Mapping[str, str]:
    """Undo `of_environment`."""
    return dict(word.split("=", 1) for word in unpacked(stored))

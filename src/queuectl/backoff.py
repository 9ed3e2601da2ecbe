"""Owns the wait between a failure and the next attempt. Pure arithmetic."""

from __future__ import annotations


def backoff(failures: int, base: float, longest: float, jitter: float, share: float) -> float:
    """Return the seconds to wait after failure number `failures` (from 1): base ** failures, at most `longest`.

    A random part is added: `share` (in [0, 1), drawn by the caller) of `jitter` (a share of the delay).
    Cannot overflow: a power too large for a float is `longest`.
    """
    try:
        delay = min(base**failures, longest)
    except OverflowError:
        delay = longest
    return delay * (1.0 + jitter * share)

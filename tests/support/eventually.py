"""Waiting for something to become true: the only place in the tests that sleeps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

DEADLINE = 60
"""Seconds that anything may take on a busy machine."""

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.1


@overload
def eventually(check: Callable[[], None], timeout: float = ...) -> None: ...
@overload
def eventually(check: Callable[[], T | None], timeout: float = ...) -> T: ...
def eventually(check: Callable[[], object], timeout: float = DEADLINE) -> object:
    """Call `check` until it holds, and return its value.

    A function annotated `-> None` holds once its asserts pass; any other once, besides, its value is true.

    Raises:
        AssertionError: It did not hold within `timeout` seconds; says what came last.
    """
    only_asserts = getattr(check, "__annotations__", {}).get("return", "") in (None, "None")
    deadline = time.monotonic() + timeout
    pause = FIRST_PAUSE
    while True:
        failure: AssertionError | None = None
        value: object = None
        try:
            value = check()
        except AssertionError as error:
            failure = error
        if failure is None and (only_asserts or value):
            return value
        if time.monotonic() >= deadline:
            message = f"not within {timeout:g} s; last: {value if failure is None else failure!r}"
            raise AssertionError(message) from failure
        time.sleep(pause)  # noqa: TID251  see the module's docstring
        pause = min(2 * pause, LONGEST_PAUSE)

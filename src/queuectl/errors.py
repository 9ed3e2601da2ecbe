"""Owns the exception tree. Every class carries the exit code and the word that name it on the command line."""

from __future__ import annotations


class QueuectlError(Exception):
    """Something that the user is told in one line, and in at most one line of advice (`hint`)."""

    exit_code = 1
    code = "error"
    unchanged = False
    """Whether it is certain that nothing was changed."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class PartlyDone(QueuectlError):
    """Several ids were named and some could not be acted on."""

    exit_code = 1
    code = "partly_done"


class InvalidInput(QueuectlError):
    """An option, an argument or a file says something that cannot be meant."""

    exit_code = 2
    code = "invalid_input"


class NotFound(QueuectlError):
    """No job, attempt or key of that name."""

    exit_code = 3
    code = "not_found"


class Conflict(QueuectlError):
    """The job is in another state than the request needs, or its id is taken."""

    exit_code = 4
    code = "conflict"


class StoreUnavailable(QueuectlError):
    """The store or the home cannot be used: locked, full, read-only, damaged, foreign, newer, not ours."""

    exit_code = 5
    code = "store_unavailable"

    def __init__(self, message: str, hint: str | None = None, *, unchanged: bool = False) -> None:
        super().__init__(message, hint)
        self.unchanged = unchanged


class StoreBusy(StoreUnavailable):
    """The write lock was not free in time; the same call may succeed later."""

    code = "store_busy"


class StoreClosed(StoreUnavailable):
    """The queue is being taken to another store, or is there already."""

    code = "store_closed"

"""Owns how that which holds jobs is called: a queue, or the key that they share. Must not know a database.

A held job is due, and is not ready: nothing takes it until what holds it lets it go (docs/decisions/0022).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.job import Job

QUEUE, KEY = "queue:", "key:"


def of_queue(queue: str) -> str:
    """Return what holds the jobs that their queue lets not start."""
    return QUEUE + queue


def of_key(key: str | None) -> str | None:
    """Return what holds the jobs that their key lets not start."""
    return None if key is None else KEY + key


def of_job(job: Job) -> dict[str, str | None]:
    """Return what may hold others until this job ends, or does not start any more, as values of `open`."""
    return {"queue": of_queue(job.queue), "key": of_key(job.flow.key)}

"""What has to be so at the end: every job's end as decided beforehand, and a valid .pyc for each file."""

from __future__ import annotations

import marshal
import os
from collections import Counter
from importlib.util import MAGIC_NUMBER
from types import CodeType
from typing import TYPE_CHECKING, Any

from expectations import Expectation
from jobs import COMPILED, NOT_PYTHON, Ending

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jobs import Plan


def check_endings(plan: Plan, listed: Iterable[dict[str, Any]]) -> Iterator[Expectation]:
    """Compare the end of each job, as `list --json` tells it, with the one that was decided beforehand."""
    endings = {job["id"]: ending_of(job) for job in listed}
    states = Counter(ending.state for ending in endings.values())
    for state in ("completed", "dead"):
        yield Expectation(f"jobs {state}", sum(job.ending.state == state for job in plan.jobs), states.pop(state, 0))
    yield Expectation("jobs in another state", 0, states.total())
    for ending, what in ((COMPILED, "files compiled"), (NOT_PYTHON, "files that are no valid Python")):
        ids = [job.id for job in plan.library if job.ending is ending]
        yield Expectation(what, len(ids), sum(endings.get(id) == ending for id in ids))
    for job in plan.failing:
        yield Expectation(job.id, job.ending, endings.get(job.id))


def ending_of(job: dict[str, Any]) -> Ending:
    """Return how a job has ended, as `list --json` tells it; only of a dead job the error counts."""
    error = (job["last_error"] or "") if job["state"] == "dead" and job["outcome"] == "exited" else ""
    return Ending(job["state"], job["attempts"], job["outcome"], error.partition(":")[0])


def count_compiled(directory: str) -> int:
    """Return how many files below a directory hold code that this Python can load."""
    return sum(_is_code(os.path.join(parent, file)) for parent, _, files in os.walk(directory) for file in files)


def _is_code(path: str) -> bool:
    with open(path, "rb") as file:
        header, body = file.read(16), file.read()
    try:
        return header.startswith(MAGIC_NUMBER) and isinstance(marshal.loads(body), CodeType)  # noqa: S302  our own
    except (EOFError, TypeError, ValueError):
        return False

"""What the demo enqueues, and how each job has to end. Decided before anything runs; knows nothing of the queue."""

from __future__ import annotations

import os
import re
import sys
import warnings
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPILE = (sys.executable, "-I", "-S", "-W", "ignore", os.path.join(os.path.dirname(__file__), "compile_one.py"))
"""Begins the command of a compilation. Isolated and without `site`, Python starts in 10 ms."""

NOT_LIBRARY = {"site-packages", "dist-packages", "__pycache__"}
"""Directories inside of the standard library's that are not its own."""

SUSPECT = re.compile(r"bad_coding|badsyntax|lib2to3/tests/data|test_lib2to3/data")
"""Files that CPython's own `make install` does not compile: data of its tests, most of it invalid on purpose."""

FIRST = 10
"""Priority of the jobs that fail, so that their retries and the library's files run side by side."""

SOURCES = {
    "half_written.py": "def area(width, height)\n    return width * height\n",
    "python_2.py": "print 'Hello'\n",
}
"""Files with a syntax error, by name."""

REPAIRED = "def area(width, height): return width * height"
"""What half_written.py becomes."""

FLAKY = '[ "$QUEUECTL_ATTEMPT" -ge 3 ] && echo "attempt 3: done" || { echo "service is not up yet" >&2; exit 1; }'


class Ending(NamedTuple):
    """How a job ends."""

    state: str
    attempts: int
    outcome: str
    error: str
    """Kind of the error, when its own exit code made it dead: what the last line begins with."""

    def __str__(self) -> str:
        """Tell it in a line of the report."""
        times = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        return ", ".join(filter(None, (self.state, times, self.outcome, self.error)))


class Job(NamedTuple):
    """A job of the demo."""

    fields: dict[str, object]
    """As `queuectl enqueue` reads it."""
    ending: Ending
    """How it has to end."""

    @property
    def id(self) -> str:
        """Its name in the queue."""
        return str(self.fields["id"])


class Plan(NamedTuple):
    """All jobs of the demo."""

    library: list[Job]
    """One for each file of the library."""
    failing: list[Job]
    """Those that fail, one of them not for ever."""

    @property
    def jobs(self) -> list[Job]:
        """All of them."""
        return [*self.library, *self.failing]


COMPILED = Ending("completed", 1, "exited", "")
NOT_PYTHON = Ending("dead", 1, "exited", "SyntaxError")


def library_jobs(root: str, limit: int | None, compiled: str) -> list[Job]:
    """Return a job for each `.py` file below a directory; with a limit for so many, spread evenly."""
    paths = sorted(python_files(root))
    count = len(paths) if limit is None else min(limit, len(paths))
    chosen = [paths[number * len(paths) // count] for number in range(count)]
    return [_library_job(number, root, path, compiled) for number, path in enumerate(chosen, 1)]


def _library_job(number: int, root: str, path: str, compiled: str) -> Job:
    module = os.path.basename(path.removesuffix("/__init__.py").removesuffix(".py"))
    fields = {
        "id": re.sub(r"[^A-Za-z0-9_.-]", "-", f"{number:04}.{module}")[:64],
        "argv": [*COMPILE, path, os.path.join(compiled, f"{path}c")],
        "cwd": root,
        "max_retries": 0,
    }
    invalid = SUSPECT.search(path) is not None and not compiles(os.path.join(root, path))
    return Job(fields, NOT_PYTHON if invalid else COMPILED)


def failing_jobs(sources: str, compiled: str) -> list[Job]:
    """Write the sources that need it and return the jobs that fail, each in its own way."""
    for name, text in SOURCES.items():
        with open(os.path.join(sources, name), "w", encoding="utf-8") as file:
            file.write(text)

    def compilation(id: str, source: str, retries: int, ending: Ending) -> Job:
        argv = [*COMPILE, source, os.path.join(compiled, f"{source}c")]
        return Job({"id": id, "argv": argv, "cwd": sources, "max_retries": retries, "priority": FIRST}, ending)

    slow = {"id": "too-slow", "argv": ["sleep", "60"], "timeout": "1s", "max_retries": 0, "priority": FIRST}
    flaky = {"id": "flaky", "command": FLAKY, "max_retries": 3, "priority": FIRST}
    return [
        compilation("half-written", "half_written.py", 1, Ending("dead", 2, "exited", "SyntaxError")),
        compilation("python-2", "python_2.py", 0, NOT_PYTHON),
        compilation("missing-file", "missing.py", 0, Ending("dead", 1, "exited", "FileNotFoundError")),
        Job(slow, Ending("dead", 1, "timed_out", "")),
        Job(flaky, Ending("completed", 3, "exited", "")),
    ]


def python_files(root: str) -> Iterator[str]:
    """Yield the `.py` files below a directory, relative to it."""
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if name not in NOT_LIBRARY]
        for file in files:
            path = os.path.join(directory, file)
            if file.endswith(".py") and os.path.isfile(path):
                yield os.path.relpath(path, root)


def compiles(path: str) -> bool:
    """Return whether a file is valid Python for this interpreter."""
    with open(path, "rb") as file:
        text = file.read()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True

"""Owns the way in and the only way out: which command runs, every exit code, and how every error is told.

First of the program, before the five files that a job flows through (the first of those is cli/enqueue.py).
"""

from __future__ import annotations

import os
import sys

from queuectl.cli import words as command_line
from queuectl.cli.output import render_error
from queuectl.cli.table import BY_NAME, load
from queuectl.errors import QueuectlError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from queuectl.cli.words import Words

FAILED = 125
"""Exit code of queuectl's own failure where every other code is a job's."""

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command line and return its exit code."""
    _open_streams()
    words = command_line.take_apart(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
        sys.stdout.flush()
    except QueuectlError as error:
        return _fail(words, error, error.exit_code)
    except KeyboardInterrupt:
        _settle_output()
        return INTERRUPTED
    except BrokenPipeError:
        _settle_output()
        return FAILED if _ends_as_its_job(words) else 0
    except Exception as error:
        if os.environ.get("QUEUECTL_DEBUG") == "1":
            raise
        return _fail(words, _explained(error), 1)
    return code


def _run(words: Words) -> int:
    if not words.name or words.wants_help or "--version" in words.options:
        from queuectl.cli import help  # noqa: PLC0415  the hot path shows no help

        return help.answer(words)
    from queuectl.cli.app import App  # noqa: PLC0415  help needs no queue
    from queuectl.cli.parser import Parser  # noqa: PLC0415

    command = words.command
    configure, run = load(command)
    parser = Parser(command.name)
    configure(parser)
    parser.add_global_options()
    args = parser.read(words.options)
    with App(args, words.argv, os.environ) as app:
        return run(args, app)


def _fail(words: Words, error: QueuectlError, code: int) -> int:
    command = BY_NAME.get(words.name)
    if error.unchanged and command is not None and command.one_change:
        error.hint = f"nothing was changed; {error.hint}" if error.hint else "nothing was changed"
    _settle_output()
    try:
        sys.stderr.write(render_error(error, json=words.wants_json))
        sys.stderr.flush()
    except OSError:
        _settle_output()
    return FAILED if _ends_as_its_job(words) else code


def _ends_as_its_job(words: Words) -> bool:
    command = BY_NAME.get(words.name)
    return command is not None and command.job_code


def _explained(error: Exception) -> QueuectlError:
    """Return in one line what went wrong that no part of the program expected."""
    if isinstance(error, OSError):
        return QueuectlError(f"{error.filename or 'cannot read or write'}: {error.strerror or error}")
    if isinstance(error, MemoryError):
        return QueuectlError("out of memory")
    return QueuectlError(
        f"internal error: {type(error).__name__}: {error}", "QUEUECTL_DEBUG=1 shows where it comes from"
    )


def _open_streams() -> None:
    """Make both streams able to take any text, and keep files that are opened later off descriptors 0 to 2."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # A closed stdout refuses what is written to it, so that an id is not lost without a word.
            os.open(os.devnull, os.O_RDONLY if descriptor == 1 else os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  until the end
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  until the end
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _settle_output() -> None:
    """Write what is still held, or give it up, so that the interpreter does not fail on it once more at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(null, stream.fileno())
    os.close(null)

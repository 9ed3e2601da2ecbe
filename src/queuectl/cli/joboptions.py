"""Owns the options that say what a job is, shared by `enqueue` and `run`, and how they become a `JobRequest`.

The rules for a job are `request.check_request`'s.
"""

from __future__ import annotations

from queuectl import config
from queuectl.cli.parser import one_of
from queuectl.errors import InvalidInput
from queuectl.job import NO_FLOW, OnParentFailure
from queuectl.quoting import quoted
from queuectl.request import KEY_LIMITS, PRIORITIES, RETRIES, JobRequest, check_request, parse_parents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from datetime import datetime

    from queuectl.cli.parser import Parser
    from queuectl.job import Flow

FIELDS = (
    *("id", "command", "queue", "priority", "max_retries", "run_at", "timeout", "cwd", "env", "secret_env", "stdin"),
    *("tag", "key", "limit", "after", "on_parent_failure"),
)
"""Options that describe a job, by their names."""

MANY = "for many jobs: queuectl enqueue --file FILE"

LONGEST_ADVICE = 200
"""Characters of a command line that are said again as it should be."""


def add_job_options(parser: Parser, max_retries: str, *, once: bool = True, command: bool = True) -> None:
    """Add the options that describe a job; `max_retries` says what holds without it.

    Without `once` those that only a single job can have are left out, and JSON; without `command` that of the job.
    """
    add = parser.options.add_argument
    if once:
        add("--id", metavar="ID", help="name of the job [default: generated]")
    if command:
        add("-c", "--command", metavar="STRING", help="command for /bin/sh -c, exactly as it is")
    add("--queue", metavar="QUEUE", help="queue it belongs to [default: default]")
    add("--priority", metavar="N", type=_priority, help="-1000 to 1000, higher runs first [default: 0]")
    add("--max-retries", metavar="N", type=_retries, help=f"retries after the first run [default: {max_retries}]")
    if once:
        add("--run-at", metavar="TIME", type=_time, help="not before 2026-12-01T10:00:00Z, +10m (queuectl help time)")
    add(
        "--timeout",
        metavar="DURATION",
        type=_timeout,
        help="end an attempt after 30s, 5m ...; none: never [default: setting default_timeout]",
    )
    add("--cwd", metavar="DIR", help="directory it runs in [default: this one]")
    add("--env", metavar="NAME=VALUE", action="append", help="variable for the job, kept in the store; may be repeated")
    add(
        "--secret-env",
        metavar="NAME",
        action="append",
        help="variable that the worker passes on, not kept; may be repeated",
    )
    add("--key", metavar="KEY", help="what it shares with other jobs, of which only some run at once")
    add("--limit", metavar="N", type=_limit, help="so many jobs of the key run at once [default: 1]")
    add("--tag", metavar="NAME=VALUE", action="append", help="mark to select jobs by; may be repeated")
    add("--stdin", metavar="FILE", help="file that becomes its input [default: /dev/null]")
    if not command:
        parser.set_defaults(command=None)
    if not once:
        parser.set_defaults(id=None, run_at=None, after=None, on_parent_failure=None, words=())
        return
    add(
        "--after",
        metavar="[KIND:]ID,...",
        action="append",
        help="wait for jobs to complete, or fail: to die or be cancelled, any: to end; may be repeated",
    )
    add(
        "--on-parent-failure",
        metavar="DO",
        type=one_of("choice", tuple(OnParentFailure)),
        help="when one ends otherwise: cancel, run all the same, or wait for its retry [default: cancel]",
    )
    parser.add_argument(
        "words", nargs="*", metavar="JSON", help='a job as JSON: \'{"id": "job1", "command": "sleep 2"}\''
    )


def requested_job(args: Namespace, argv: tuple[str, ...] | None, verb: str) -> JobRequest:
    """Return the one job that a command line describes.

    Raises:
        InvalidInput: none, more than one, or one that breaks a rule.
    """
    given = [name for name in FIELDS if getattr(args, name) is not None]
    if argv is not None and args.words:
        raise _bare_words(verb, args.words, f"{quoted(args.words[0])} stands before --")
    if args.words:
        return _from_json(verb, args.words, given)
    if argv is not None and args.command is not None:
        raise InvalidInput("--command and -- ARGV exclude each other")
    if argv is None and args.command is None:
        raise InvalidInput("no command", f"for example: queuectl {verb} -- echo hi")
    return check_request(
        JobRequest(
            args.id,
            args.command,
            argv,
            "default" if args.queue is None else args.queue,
            args.priority or 0,
            args.max_retries,
            args.run_at,
            args.timeout,
            args.cwd,
            pairs("--env", args.env or (), "write --env NAME=VALUE, or --secret-env NAME"),
            tuple(args.secret_env or ()),
            args.stdin,
            _flow(args),
            tuple(parent for text in args.after or () for parent in parse_parents(text)),
        )
    )


def _flow(args: Namespace) -> Flow:
    if args.tag is None and args.on_parent_failure is None and args.key is None and args.limit is None:
        return NO_FLOW
    tags = pairs("--tag", args.tag or (), "write --tag NAME=VALUE")
    return NO_FLOW._replace(tags=tags, key=args.key, key_limit=args.limit, on_parent_failure=args.on_parent_failure)


def _from_json(verb: str, words: Sequence[str], given: Sequence[str]) -> JobRequest:
    texts = [word.removeprefix("\ufeff").lstrip() for word in words]
    if any(map(_is_array, texts)):
        raise InvalidInput("a job is one JSON object, not an array", MANY)
    if not all(text.startswith("{") for text in texts):
        raise _bare_words(verb, words, "a job is JSON, or follows -- or -c")
    if len(words) > 1:
        raise InvalidInput("one job at a time", MANY)
    if given:
        raise InvalidInput(f"JSON and --{given[0].replace('_', '-')} exclude each other", "say it in the JSON")
    from queuectl.jobjson import parse_job  # noqa: PLC0415  1 ms, only for JSON

    return parse_job(words[0])


def _is_array(text: str) -> bool:
    """Return whether text begins as an array does: not as the shell's own `[ -f x ]` or `[[ -f x ]]`."""
    inner = text.lstrip("[")
    return inner != text and len(text) > 1 and (not inner[:1].isspace() or inner.lstrip().startswith(("{", "[")))


def _bare_words(verb: str, words: Sequence[str], message: str) -> InvalidInput:
    from shlex import join  # noqa: PLC0415  1 ms, needed only here

    meant = join(words)
    shell_line = len(words) == 1 and any(char in words[0] for char in " \t\n|&;<>$`\"'()*?")
    if len(meant) > LONGEST_ADVICE:
        meant = "'STRING'" if shell_line else "ARGV..."
    return InvalidInput(message, f"did you mean: queuectl {verb} {'-c' if shell_line else '--'} {meant}")


def pairs(option: str, pairs: Sequence[str], advice: str) -> dict[str, str]:
    """Return what an option that may be repeated gives as NAME=VALUE.

    Raises:
        InvalidInput: a value is missing, or a name comes twice.
    """
    named: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise InvalidInput(f"{option} {quoted(name)} has no value", advice)
        if name in named:
            raise InvalidInput(f"{option} {quoted(name)} is given twice")
        named[name] = value
    return named


def _priority(text: str) -> int:
    return config.parse_integer(text, PRIORITIES[0], PRIORITIES[-1])


def _retries(text: str) -> int:
    return config.parse_integer(text, RETRIES[0], RETRIES[-1])


def _limit(text: str) -> int:
    return config.parse_integer(text, KEY_LIMITS[0], KEY_LIMITS[-1])


def _time(text: str) -> datetime | float:
    from queuectl.clock import instant, micros  # noqa: PLC0415  2 ms, only for a job of the future
    from queuectl.durations import parse_time  # noqa: PLC0415

    return parse_time(text, instant(micros(None)))


def _timeout(text: str) -> float:
    from queuectl.durations import parse_duration  # noqa: PLC0415

    return config.NEVER if text == "none" else parse_duration(text)

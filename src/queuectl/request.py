"""Owns `JobRequest`, a job as its user asks for it, and the rules that it must keep, as flags or as JSON.

Whatever `check_request` lets through can be stored, shown and run. Must not know the store, or the configuration
in force: None stands for a configured default.
"""

from __future__ import annotations

from functools import lru_cache

from queuectl.config import NEVER
from queuectl.durations import LONGEST
from queuectl.errors import InvalidInput
from queuectl.job import NO_FLOW, Condition, OnParentFailure, Parent
from queuectl.quoting import quoted
from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from queuectl.job import Flow

PRIORITIES = range(-1000, 1001)
RETRIES = range(1001)

LONGEST_ITEM = 100 << 10
"""Bytes of a command, an argument or a variable; Linux runs nothing with an item of 128 KiB (execve(2))."""
LARGEST_RUN = 1 << 20
"""Bytes of all arguments and variables as the kernel counts them; it takes 2 MiB, the worker's environment included."""
ITEM_OVERHEAD = 9
"""Bytes that the kernel counts for an item beyond its own: the NUL at its end and a pointer."""

MOST_TAGS = 32
MOST_PARENTS = 1000
KEY_LIMITS = range(1, 1_000_001)
LONGEST_TEXT = 200
"""Characters of what jobs are found by: the value of a tag, a key."""

TEXT_FORM = f"accepted: 1 to {LONGEST_TEXT} characters, none of them a control character"
NAME_FORM = 'accepted: 1 to 64 letters, digits, "_", "." and "-", the first a letter or a digit'
VARIABLE_FORM = 'accepted: letters, digits and "_", the first not a digit'


class JobRequest(Record):
    """A job as its user asks for it. Exactly one of `command` and `argv` is to be given."""

    id: str | None = None
    command: str | None = None
    argv: tuple[str, ...] | None = None
    queue: str = "default"
    priority: int = 0
    max_retries: int | None = None
    """None: the configured default."""
    run_at: datetime | float | None = None
    """As of `NewJob`."""
    timeout: float | None = None
    """Seconds; None: the configured default; `config.NEVER`: no limit."""
    cwd: str | None = None
    env: Mapping[str, str] = {}
    secret_env: tuple[str, ...] = ()
    stdin: str | None = None
    flow: Flow = NO_FLOW
    after: tuple[Parent, ...] = ()


def check_request(request: JobRequest) -> JobRequest:
    """Return a request that keeps every rule for jobs, whether it came as flags or as JSON.

    Raises:
        InvalidInput: a rule is broken; the message names the field.
    """
    id, command, argv, queue, priority, max_retries, _, timeout, cwd, env, secret_env, stdin, flow, after = request
    if id is not None:
        check_name("id", id)
    check_queue(queue)
    _check_run(command, argv, env)
    for name in secret_env:
        _check_variable(name)
    if cwd is not None:
        _check_path("cwd", cwd)
    if stdin is not None:
        _check_path("stdin", stdin)
    if after or flow is not NO_FLOW:
        request = request._replace(flow=_checked_flow(flow, after))
    if priority not in PRIORITIES:
        raise _out_of_range("priority", PRIORITIES)
    if max_retries is not None and max_retries not in RETRIES:
        raise _out_of_range("max_retries", RETRIES)
    if timeout is not None and timeout != NEVER and not 0 < timeout <= LONGEST:
        raise InvalidInput("timeout must be longer than 0 and at most 10 years", "for no time limit say none")
    return request


def _check_parents(parents: tuple[Parent, ...]) -> None:
    if len(parents) > MOST_PARENTS:
        raise InvalidInput(
            f"a job waits for at most {MOST_PARENTS:,} others", "let it wait for a batch: --batch, --then"
        )
    for parent in parents:
        check_name("after: id", parent.id)
    if len({parent.id for parent in parents}) < len(parents):
        raise InvalidInput("after: a job is named twice")


def _checked_flow(flow: Flow, after: tuple[Parent, ...]) -> Flow:
    """Return a flow that keeps the rules, with what holds for a job that waits for others and says no more."""
    if after:
        _check_parents(after)
        if flow.on_parent_failure is None:
            flow = flow._replace(on_parent_failure=OnParentFailure.CANCEL)
    elif flow.on_parent_failure is not None:
        raise InvalidInput("on_parent_failure is for a job that waits for others", "name them: --after ID")
    if flow.on_parent_failure not in (None, *OnParentFailure):
        raise InvalidInput(f"on_parent_failure is one of {', '.join(OnParentFailure)}")
    if flow.batch is not None:
        check_name("batch", flow.batch)
    if flow.key is not None or flow.key_limit is not None:
        flow = flow._replace(key_limit=_checked_limit(flow.key, flow.key_limit))
    if len(flow.tags) > MOST_TAGS:
        raise InvalidInput(f"a job has at most {MOST_TAGS} tags")
    for name, value in flow.tags.items():
        _check_tag(name, value)
    return flow


def check_marks(queues: Iterable[str], tags: Mapping[str, str], batch: str | None) -> None:
    """Check what jobs are selected by against the rules under which they get it.

    Raises:
        InvalidInput: no job can have it.
    """
    for queue in queues:
        check_queue(queue)
    for name, value in tags.items():
        _check_tag(name, value)
    if batch is not None:
        check_name("batch", batch)


def _check_tag(name: str, value: str) -> None:
    check_name("tag", name)
    _check_text(f"the value of tag {quoted(name)}", value)


def _checked_limit(key: str | None, limit: int | None) -> int:
    """Return how many jobs of a key run at once."""
    if key is None:
        raise InvalidInput("a limit is for a key that jobs share", "name it: --key KEY")
    _check_text("key", key)
    if limit is None:
        return 1
    if limit not in KEY_LIMITS:
        raise _out_of_range("key_limit", KEY_LIMITS)
    return limit


def _check_text(what: str, text: str) -> None:
    """Check a short text that others will type to find the job by."""
    if not text or len(text) > LONGEST_TEXT or not text.isprintable():
        raise InvalidInput(f"{what} is not allowed: {quoted(text)}", TEXT_FORM)


def parse_parents(text: str) -> tuple[Parent, ...]:
    """Read what a job waits for: ids with commas between them; `ok:`, `fail:` or `any:` holds until the next of these.

    Raises:
        InvalidInput: a word before a colon is none of these.
    """
    parents = []
    condition = Condition.OK
    for word in text.split(","):
        before, colon, id = word.rpartition(":")
        if colon:
            if before not in list(Condition):
                raise InvalidInput(f"after: {quoted(before)} is none of {', '.join(Condition)}", "write --after ok:ID")
            condition = Condition(before)
        parents.append(Parent(id, condition))
    return tuple(parents)


@lru_cache(maxsize=256)
def check_queue(name: str) -> None:
    """Check the name of a queue, once for all its jobs.

    Raises:
        InvalidInput: no queue can be called so.
    """
    check_name("queue", name)


def check_name(field: str, name: str) -> None:
    """Check a name that people give: of a job, a queue, a schedule.

    Raises:
        InvalidInput: it has another form; the message begins with `field`.
    """
    plain = name.replace("_", "0").replace(".", "0").replace("-", "0")
    if not (plain.isascii() and plain.isalnum() and name[0].isalnum() and len(name) <= 64):
        raise InvalidInput(f"{field} {quoted(name)} is not allowed", NAME_FORM)


def _check_variable(name: str) -> None:
    if not (name.isascii() and name.isidentifier()):
        raise InvalidInput(f"environment variable {quoted(name)} is not allowed", VARIABLE_FORM)
    if name.startswith("QUEUECTL_"):
        raise InvalidInput(f"environment variable {quoted(name)} is not allowed: QUEUECTL_ is for queuectl's own")


def _check_path(field: str, path: str) -> None:
    if not path:
        raise InvalidInput(f"{field} is empty")
    _size(field, path)


def _check_run(command: str | None, argv: tuple[str, ...] | None, env: Mapping[str, str]) -> None:
    if argv is None:
        if command is None:
            raise InvalidInput("no command", 'a job needs a "command" or an "argv"')
        if not command.strip():
            raise InvalidInput("command is empty")
        total = _size("command", command)
    else:
        if command is not None:
            raise InvalidInput("command and argv exclude each other")
        if not argv or not argv[0].strip():
            raise InvalidInput("command is empty", "argv begins with the program to run")
        total = sum([_size(f"argv[{index}]", item) for index, item in enumerate(argv)])
    for name, value in env.items():
        _check_variable(name)
        total += _size(f"environment variable {quoted(name)}", f"{name}={value}")
    if total > LARGEST_RUN:
        raise InvalidInput("arguments and environment together are larger than 1 MiB")


def _size(what: str, text: str) -> int:
    """Return the bytes that an item takes of `LARGEST_RUN`."""
    size = len(text)
    if not text.isascii():
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise InvalidInput(f"{what} is not valid UTF-8") from None
    if "\0" in text:
        raise InvalidInput(f"{what} holds a NUL character")
    if size > LONGEST_ITEM:
        raise InvalidInput(f"{what} is longer than 100 KiB", "put it into a file")
    return size + ITEM_OVERHEAD


def _out_of_range(field: str, allowed: range) -> InvalidInput:
    return InvalidInput(f"{field} must be a whole number from {allowed[0]} to {allowed[-1]}")

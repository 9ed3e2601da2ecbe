"""Owns how jobs are read from JSON: one object, or many in a file. Strict: what is not understood exactly is refused.

Must not know the store, the configuration in force, or the rules of a job beyond its JSON types (request.py has them).
"""

from __future__ import annotations

import json

from queuectl.clock import instant, micros
from queuectl.config import NEVER
from queuectl.durations import parse_duration, parse_time
from queuectl.errors import InvalidInput
from queuectl.job import NO_FLOW
from queuectl.quoting import quoted
from queuectl.request import KEY_LIMITS, PRIORITIES, RETRIES, JobRequest, check_request, parse_parents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime
    from io import BufferedReader, BytesIO
    from typing import Any

    from queuectl.job import Parent

LARGEST_JOB = 1 << 20
"""Bytes of JSON."""
LARGEST_ARRAY = 64 << 20
"""Bytes of JSON; an array is read whole."""
BLOCK = 64 << 10
"""Bytes of lines that are read and decoded together."""
LONGEST_NUMBER = 18
"""Digits; far more than any field takes."""


def parse_job(text: str) -> JobRequest:
    """Read one job from a JSON object of at most 1 MiB.

    Raises:
        InvalidInput: not JSON, not a job, or a job that breaks a rule.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput("the job is not valid UTF-8") from None
    if size > LARGEST_JOB:
        raise InvalidInput("the job is larger than 1 MiB")
    try:
        return _request(_DECODER.decode(text.removeprefix("\ufeff")))
    except (json.JSONDecodeError, RecursionError) as error:
        raise _not_json(error) from None


def written(request: JobRequest) -> str:
    """Return a job as JSON that `parse_job` reads as the same; one with a `run_at` or parents cannot be."""
    fields = {name: value for name in _READERS if (value := getattr(request, name)) != getattr(_NO_REQUEST, name)}
    fields |= {
        name: value for name in _FLOW_READERS if (value := getattr(request.flow, name)) != getattr(NO_FLOW, name)
    }
    if request.timeout == NEVER:
        fields["timeout"] = "none"
    return json.dumps(fields, ensure_ascii=False)


def read_jobs(stream: BufferedReader | BytesIO) -> Iterator[JobRequest]:
    """Read jobs from UTF-8 text: one JSON object a line, or one JSON array of them.

    Lines are read some at a time, at most 1 MiB each; an array is read whole, at most 64 MiB.

    Raises:
        InvalidInput: as `parse_job` does, with the number of the line or the item.
    """
    number, begun, rest = 0, False, b""
    while True:
        piece = stream.read1(BLOCK)  # not waiting for a whole block: a pipe may be slow
        block = rest + piece
        if not number:
            block = block.removeprefix(b"\xef\xbb\xbf")
        if not begun and block.lstrip().startswith(b"["):
            start = b"\n" * number + block  # errors in the array count lines from the top of the file
            yield from _read_array(start + stream.read(max(0, LARGEST_ARRAY + 1 - len(start))))
            return
        *lines, rest = block.split(b"\n") if piece else (*block.split(b"\n"), b"")
        begun = begun or any(line.strip() for line in lines)
        if len(rest) > LARGEST_JOB:
            lines.append(rest)  # its end will not make it shorter
        requests = _read_together(lines)
        yield from _read_each(lines, number + 1) if requests is None else requests
        if not piece:
            return
        number += len(lines)


def _read_together(lines: list[bytes]) -> list[JobRequest] | None:
    """Read lines as the items of one array, in a quarter of the time; None when they need a closer look.

    No line that `_read_each` refuses passes: each begins with { and ends with }, and there are as many objects as
    lines, so that an object which ends in a later line would have to hold a list of objects. No field takes one.
    """
    if not all(line.startswith(b"{") and line.endswith(b"}") and len(line) <= LARGEST_JOB for line in lines):
        return None
    try:
        values = _DECODER.decode("[" + b",\n".join(lines).decode() + "]")
        return [_request(value) for value in values] if len(values) == len(lines) else None
    except (json.JSONDecodeError, RecursionError, UnicodeDecodeError, InvalidInput):
        return None


def _read_each(lines: list[bytes], first: int) -> Iterator[JobRequest]:
    """Read lines one by one, so that an error can name its line; `first` is the number of the first."""
    for number, line in enumerate(lines, first):
        if len(line) > LARGEST_JOB:
            raise InvalidInput(f"line {number} is longer than 1 MiB")
        if not line.strip():
            continue
        try:
            request = _request(_DECODER.decode(line.decode()))
        except UnicodeDecodeError:
            raise InvalidInput(f"line {number} is not valid UTF-8") from None
        except (json.JSONDecodeError, RecursionError) as error:
            raise _located(f"line {number}", _not_json(error), "each line is one job, a JSON object") from None
        except InvalidInput as error:
            raise _located(f"line {number}", error) from None
        yield request


def _read_array(data: bytes) -> Iterator[JobRequest]:
    """Take the items one by one, so that every error can say which item it is about."""
    if len(data) > LARGEST_ARRAY:
        raise InvalidInput("the array is larger than 64 MiB", "write one job a line instead: no array, no commas")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise InvalidInput("the file is not valid UTF-8") from None
    at = _after_blanks(text, text.index("[") + 1)
    number, more = 0, not text.startswith("]", at)
    while more:
        number += 1
        try:
            value, end = _DECODER.raw_decode(text, at)
            request = _request(value)
        except (json.JSONDecodeError, RecursionError) as error:
            raise _located(f"item {number}", _not_json(error)) from None
        except InvalidInput as error:
            raise _located(f"item {number}", error) from None
        if end - at > LARGEST_JOB:
            raise InvalidInput(f"item {number} is larger than 1 MiB")
        yield request
        at = _after_blanks(text, end)
        more = text.startswith(",", at)
        if more:
            at = _after_blanks(text, at + 1)
        elif not text.startswith("]", at):
            raise _not_json(json.JSONDecodeError("Expecting ',' or ']'", text, at))
    at = _after_blanks(text, at + 1)
    if at != len(text):
        raise _not_json(json.JSONDecodeError("Extra data", text, at))


def _after_blanks(text: str, at: int) -> int:
    while text.startswith((" ", "\n", "\r", "\t"), at):
        at += 1
    return at


def _request(value: object) -> JobRequest:
    if not isinstance(value, dict):
        raise InvalidInput("expected a JSON object", 'example: {"command": "sleep 2"}')
    given: dict[str, Any] = {}
    flow: dict[str, Any] = {}
    for field, item in value.items():
        read = _READERS.get(field)
        if read is not None:
            if item is not None:
                given[field] = read(field, item)
        elif (read := _FLOW_READERS.get(field)) is not None:
            if item is not None:
                flow[field] = read(field, item)
        else:
            hint = _nearest(field, FIELDS) or f"fields: {', '.join(FIELDS)}"
            raise InvalidInput(f"unknown field {quoted(field)}", hint)
    if "run_at" in given:
        given["run_at"] = _time(given["run_at"])
    if flow:
        given["flow"] = NO_FLOW._replace(**flow)
    return check_request(_NO_REQUEST._replace(**given))


_NO_REQUEST = JobRequest()


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f'field "{field}" must be a string')
    return value


def _texts(field: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidInput(f'field "{field}" must be a list of strings')
    return tuple(value)


def _pairs(field: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise InvalidInput(f'field "{field}" must be an object with strings as values')
    return value


def _parents(field: str, value: object) -> tuple[Parent, ...]:
    return tuple(parent for word in _texts(field, value) for parent in parse_parents(word))


def _integer(field: str, value: object, allowed: range) -> int:
    if type(value) is not int or value not in allowed:  # isinstance would let true and false through
        raise InvalidInput(f'field "{field}" must be a whole number from {allowed[0]} to {allowed[-1]}')
    return value


def _timeout(field: str, value: object) -> float:
    if isinstance(value, str):
        try:
            return NEVER if value == "none" else parse_duration(value)
        except InvalidInput as error:
            raise _located(f'field "{field}"', error) from None
    if type(value) in {int, float}:
        return float(value)  # type: ignore[arg-type]
    raise InvalidInput(f'field "{field}" must be a number of seconds, a duration such as "5m", or "none"')


def _time(text: str) -> datetime | float:
    try:
        return parse_time(text, instant(micros(None)))
    except InvalidInput as error:
        raise _located('field "run_at"', error) from None


_READERS: dict[str, Callable[[str, object], Any]] = {
    "id": _text,
    "command": _text,
    "argv": _texts,
    "queue": _text,
    "priority": lambda field, value: _integer(field, value, PRIORITIES),
    "max_retries": lambda field, value: _integer(field, value, RETRIES),
    "run_at": _text,
    "timeout": _timeout,
    "cwd": _text,
    "env": _pairs,
    "secret_env": _texts,
    "stdin": _text,
    "after": _parents,
}

_FLOW_READERS: dict[str, Callable[[str, object], Any]] = {
    "tags": _pairs,
    "key": _text,
    "key_limit": lambda field, value: _integer(field, value, KEY_LIMITS),
    "batch": _text,
    "on_parent_failure": _text,
}
"""Of the fields of `queuectl.job.Flow` that may be given."""

FIELDS = (*_READERS, *_FLOW_READERS)
"""What a job may have in JSON."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        for name, _ in pairs:
            if fields.pop(name, fields) is fields:
                raise InvalidInput(f"duplicate field {quoted(name)}")
    return fields


def _number(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise InvalidInput(f"number {quoted(text)} is too large")
    return int(text)


def _fraction(text: str) -> float:
    number = float(text)
    if number in {NEVER, -NEVER}:
        raise InvalidInput(f"number {quoted(text)} is too large")
    return number


def _constant(text: str) -> None:
    raise InvalidInput(f"{text} is not a JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_number, parse_float=_fraction, parse_constant=_constant
)


def _not_json(error: json.JSONDecodeError | RecursionError) -> InvalidInput:
    if isinstance(error, RecursionError):
        return InvalidInput("the JSON is nested too deeply")
    line = "" if error.lineno == 1 else f"line {error.lineno}, "
    return InvalidInput(f"not valid JSON at {line}column {error.colno}: {error.msg}")


def _located(place: str, error: InvalidInput, hint: str | None = None) -> InvalidInput:
    return InvalidInput(f"{place}: {error.message}", hint or error.hint)


def _nearest(name: str, known: Collection[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415  costs 5 ms, needed only here

    near = get_close_matches(name[:64], known, n=1, cutoff=0.7)
    return f"did you mean: {near[0]}" if near else None

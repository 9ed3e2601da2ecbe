"""JSON: jobs on the way in, jobs, metrics and errors on the way out."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl import jobjson
from queuectl.config import NEVER
from queuectl.errors import Conflict, InvalidInput, NotFound
from queuectl.job import NO_FLOW, Attempt, Condition, Outcome, Parent, Policy, State
from queuectl.jobjson import LARGEST_JOB, parse_job, read_jobs
from queuectl.request import JobRequest
from queuectl.store.base import Durations, Metrics
from queuectl.wire import attempt_fields, dumps, error_fields, job_fields, metrics_fields, rfc3339
from tests.support.samples import JOB, NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer


def jobs_in(data: bytes) -> list[JobRequest]:
    return list(read_jobs(io.BytesIO(data)))


# In: one job


def test_a_job_has_the_defaults_of_what_it_leaves_out() -> None:
    assert parse_job('{"command": "sleep 2"}') == JobRequest(command="sleep 2")


def test_every_field_is_read() -> None:
    text = """{
        "id": "job1", "argv": ["convert", "a b.tif", ""], "queue": "images", "priority": -5, "max_retries": 2,
        "run_at": "2026-12-01T10:00:00Z", "timeout": 30, "cwd": "/data", "env": {"A": "é"},
        "secret_env": ["TOKEN"], "stdin": "in.txt", "tags": {"customer": "ACME & Söhne"},
        "after": ["a", "fail:b,c"], "on_parent_failure": "wait", "batch": "night",
        "key": "customer-7", "key_limit": 2
    }"""
    assert parse_job(text) == JobRequest(
        id="job1",
        argv=("convert", "a b.tif", ""),
        queue="images",
        priority=-5,
        max_retries=2,
        run_at=datetime(2026, 12, 1, 10, tzinfo=UTC),
        timeout=30.0,
        cwd="/data",
        env={"A": "é"},
        secret_env=("TOKEN",),
        stdin="in.txt",
        flow=NO_FLOW._replace(
            tags={"customer": "ACME & Söhne"}, key="customer-7", key_limit=2, batch="night", on_parent_failure="wait"
        ),
        after=(Parent("a"), Parent("b", Condition.FAIL), Parent("c", Condition.FAIL)),
    )


@pytest.mark.parametrize("field", [field for field in jobjson.FIELDS if field != "command"])
def test_null_is_as_good_as_nothing(field: str) -> None:
    assert parse_job(f'{{"command": "true", "{field}": null}}') == JobRequest(command="true")


@pytest.mark.parametrize(
    ("value", "timeout"),
    [("30", 30), ("1.5", 1.5), ('"30"', 30), ('"5m"', 300), ('"none"', NEVER), ("null", None)],
)
def test_a_timeout_is_seconds_or_a_duration_or_none(value: str, timeout: float | None) -> None:
    assert parse_job(f'{{"command": "true", "timeout": {value}}}').timeout == timeout


def test_a_relative_time_is_left_to_be_counted() -> None:
    assert parse_job('{"command": "true", "run_at": "+10m"}').run_at == 600.0


def test_a_byte_order_mark_and_blanks_around_are_ignored() -> None:
    assert parse_job('\ufeff \r\n{"command": "true"}\n').command == "true"


NOT_JOBS = [
    ("", "not valid JSON at column 1"),
    ("{", "not valid JSON at column 2"),
    ("echo hi", "not valid JSON at column 1"),
    ("{'command': 'a'}", "not valid JSON at column 2"),
    ('{"command": "a"', "not valid JSON"),
    ('{"command": "a",}', "not valid JSON"),
    ('{"command": "a\nb"}', "not valid JSON at column 15: Invalid control character"),
    ('{"command": "a"} {}', "not valid JSON at column 18: Extra data"),
    ('{"command": "a"}\n\n  x', "not valid JSON at line 3, column 3: Extra data"),
    ('{"command": "a", "priority": 01}', "not valid JSON"),
    ('{"command": "a", "priority": +1}', "not valid JSON"),
    ("[1]", "expected a JSON object"),
    ('"x"', "expected a JSON object"),
    ("null", "expected a JSON object"),
    ("42", "expected a JSON object"),
    ("true", "expected a JSON object"),
    ('{"id": "a", "id": "b", "command": "c"}', 'duplicate field "id"'),
    ('{"command": "c", "env": {"A": "1", "A": "1"}}', 'duplicate field "A"'),
    ('{"command": "a", "max_retry": 3}', 'unknown field "max_retry"'),
    ('{"command": "a", "": 3}', 'unknown field ""'),
    ('{"command": "a", "\\ud800\\u202e\\n": 3}', "unknown field"),
    ('{"command": "a", "Command": "b"}', 'unknown field "Command"'),
    ('{"command": "a", "timeout": NaN}', "NaN is not a JSON number"),
    ('{"command": "a", "timeout": Infinity}', "Infinity is not a JSON number"),
    ('{"command": "a", "timeout": -Infinity}', "-Infinity is not a JSON number"),
    ('{"command": "a", "timeout": 1e999}', 'number "1e999" is too large'),
    ('{"command": "a", "timeout": -1e999}', 'number "-1e999" is too large'),
    ('{"command": "a", "timeout": 1e300}', "at most 10 years"),
    ('{"command": "a", "priority": ' + "9" * 5000 + "}", "is too large"),
    ('{"command": "a", "priority": 0.' + "9" * 5000 + "}", 'field "priority" must be a whole number'),
    ("[" * 100_000, "nested too deeply"),
    ('{"a":' * 100_000, "nested too deeply"),
    ('{"command": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    ('{"command": "\\ud800"}', "command is not valid UTF-8"),
    ('{"command": "\\u0000"}', "command holds a NUL character"),
    ('{"command": "\udcff"}', "the job is not valid UTF-8"),
    ('{"command": "a", "max_retries": true}', 'field "max_retries" must be a whole number from 0 to 1000'),
    ('{"command": "a", "max_retries": "3"}', 'field "max_retries" must be a whole number from 0 to 1000'),
    ('{"command": "a", "max_retries": 3.0}', 'field "max_retries" must be a whole number from 0 to 1000'),
    ('{"command": "a", "max_retries": 2.5}', 'field "max_retries" must be a whole number from 0 to 1000'),
    ('{"command": "a", "max_retries": -1}', 'field "max_retries" must be a whole number from 0 to 1000'),
    ('{"command": "a", "max_retries": 1001}', 'field "max_retries" must be a whole number from 0 to 1000'),
    ('{"command": "a", "priority": false}', 'field "priority" must be a whole number from -1000 to 1000'),
    ('{"command": "a", "priority": 2147483648}', 'field "priority" must be a whole number from -1000 to 1000'),
    ('{"command": "a", "priority": [1]}', 'field "priority" must be a whole number from -1000 to 1000'),
    ("{}", "no command"),
    ('{"command": null}', "no command"),
    ('{"command": ""}', "command is empty"),
    ('{"command": "  "}', "command is empty"),
    ('{"command": ["true"]}', 'field "command" must be a string'),
    ('{"command": 1}', 'field "command" must be a string'),
    ('{"command": "a", "argv": ["a"]}', "command and argv exclude each other"),
    ('{"argv": []}', "command is empty"),
    ('{"argv": "true"}', 'field "argv" must be a list of strings'),
    ('{"argv": ["sleep", 2]}', 'field "argv" must be a list of strings'),
    ('{"argv": [["a"]]}', 'field "argv" must be a list of strings'),
    ('{"command": "a", "id": 1}', 'field "id" must be a string'),
    ('{"command": "a", "id": "a/b"}', 'id "a/b" is not allowed'),
    ('{"command": "a", "id": ""}', 'id "" is not allowed'),
    ('{"command": "a", "queue": "a b"}', 'queue "a b" is not allowed'),
    ('{"command": "a", "timeout": 0}', "timeout must be longer than 0"),
    ('{"command": "a", "timeout": -5}', "timeout must be longer than 0"),
    ('{"command": "a", "timeout": "0s"}', "timeout must be longer than 0"),
    ('{"command": "a", "timeout": "10 parsecs"}', 'field "timeout": "10 parsecs" is not a duration'),
    ('{"command": "a", "timeout": "P1Y"}', 'field "timeout": "P1Y" is not a duration'),
    ('{"command": "a", "timeout": ""}', 'field "timeout": "" is not a duration'),
    ('{"command": "a", "timeout": true}', 'field "timeout" must be a number of seconds, a duration'),
    ('{"command": "a", "timeout": [1]}', 'field "timeout" must be a number of seconds, a duration'),
    ('{"command": "a", "run_at": 5}', 'field "run_at" must be a string'),
    ('{"command": "a", "run_at": "tomorrow"}', 'field "run_at": "tomorrow" is not a time'),
    ('{"command": "a", "run_at": "20260101"}', 'field "run_at": "20260101" is not a time'),
    ('{"command": "a", "run_at": "2026-02-30T00:00Z"}', 'field "run_at": "2026-02-30T00:00Z" is not a time'),
    ('{"command": "a", "run_at": "9999-01-01T00:00Z"}', "more than 10 years ahead"),
    ('{"command": "a", "env": ["A"]}', 'field "env" must be an object with strings'),
    ('{"command": "a", "env": {"A": 1}}', 'field "env" must be an object with strings'),
    ('{"command": "a", "env": {"A": null}}', 'field "env" must be an object with strings'),
    ('{"command": "a", "env": {"A-B": "1"}}', 'environment variable "A-B" is not allowed'),
    ('{"command": "a", "env": {"QUEUECTL_ATTEMPT": "1"}}', "QUEUECTL_ is for queuectl"),
    ('{"command": "a", "secret_env": "TOKEN"}', 'field "secret_env" must be a list of strings'),
    ('{"command": "a", "secret_env": ["QUEUECTL_HOME"]}', "QUEUECTL_ is for queuectl"),
    ('{"command": "a", "cwd": 1}', 'field "cwd" must be a string'),
    ('{"command": "a", "stdin": "\\u0000"}', "stdin holds a NUL character"),
    (f'{{"command": "{"x" * 200 * 1024}"}}', "command is longer than 100 KiB"),
    (f'{{"command": "{"x" * LARGEST_JOB}"}}', "larger than 1 MiB"),
]


@pytest.mark.parametrize(("text", "fragment"), NOT_JOBS, ids=range(len(NOT_JOBS)))
def test_what_is_no_job_is_refused_in_one_line_that_says_why(text: str, fragment: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_job(text)
    assert fragment in error.value.message
    assert error.value.message.isprintable()
    assert len(error.value.message) < 250


def test_a_mistyped_field_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidInput) as error:
        parse_job('{"command": "a", "max_retry": 3}')
    assert error.value.hint == "did you mean: max_retries"


def test_a_foreign_field_is_answered_with_all_fields() -> None:
    with pytest.raises(InvalidInput) as error:
        parse_job('{"command": "a", "zzz": 3}')
    assert error.value.hint == f"fields: {', '.join(jobjson.FIELDS)}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
job_like = st.dictionaries(st.sampled_from(jobjson.FIELDS), json_values, max_size=4)


@given(st.text() | (json_values | job_like | job_like.map(lambda job: {"command": "true"} | job)).map(json.dumps))
def test_any_text_is_a_job_or_invalid_input(text: str) -> None:
    try:
        job = parse_job(text)
    except InvalidInput as error:
        assert error.message.isprintable()  # noqa: PT017  a job is fine, too
    else:
        assert (job.command is None) != (job.argv is None)


@given(
    st.fixed_dictionaries(
        {"id": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True)},
        optional={
            "queue": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True),
            "priority": st.integers(-1000, 1000),
            "max_retries": st.integers(0, 1000),
            "timeout": st.floats(0.001, 1e6),
            "env": st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,9}", fullmatch=True), st.just("é\t")),
        },
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    st.booleans(),
)
def test_a_job_written_as_json_reads_back_as_itself(fields: dict[str, Any], command: str, ascii_only: bool) -> None:  # noqa: FBT001
    fields["command"] = f"true {command}"
    assert parse_job(json.dumps(fields, ensure_ascii=ascii_only)) == JobRequest(**fields)


# In: many jobs


def test_each_line_is_a_job() -> None:
    jobs = jobs_in(b'\xef\xbb\xbf{"command": "a"}\n\n  \r\n {"command": "b"} \r\n{"command": "c"}')
    assert [job.command for job in jobs] == ["a", "b", "c"]


@pytest.mark.parametrize("data", [b"", b"\n", b" \n\t\r\n", b"\xef\xbb\xbf", b"[]", b" [ ] \n", b"\n\n[\n]\n"])
def test_a_file_may_hold_no_job(data: bytes) -> None:
    assert jobs_in(data) == []


@pytest.mark.parametrize(
    "data",
    [
        b'[{"command":"a"},{"command":"b"}]',
        b'\xef\xbb\xbf [ {"command": "a"} , {"command": "b"} ] \n',
        b'\n\n[\n\t{\n"command": "a"\n},\r\n{"command": "b"}\n]\n\n',
    ],
)
def test_an_array_holds_jobs(data: bytes) -> None:
    assert [job.command for job in jobs_in(data)] == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"command": "a"}\n\n{"command": ""}\n', "line 3: command is empty"),
        (b'{"command": "a"}\n{"command": "b"\n', "line 2: not valid JSON at "),
        (b'{"command": "a"} {"command": "b"}\n', "line 1: not valid JSON at column 18: Extra data"),
        (b'{"command":"a"}\n{"command":"a"},{"command":"b"}\n', "line 2: not valid JSON at column 16: Extra data"),
        (
            b'{"command":"a"}\n{"argv":[{"a":"b"}\n{"c":"d"}]}\n{"command":"a"},{"command":"b"}\n',
            "line 2: not valid JSON at ",
        ),
        (b'{"argv":["b"\n"c"]}\n{"command":"a"},{"command":"b"}\n', "line 1: not valid JSON at "),
        (b'{\n"command": "a"\n}\n', "line 1: not valid JSON at "),
        (b'{"command": "a"}\n[{"command": "b"}]\n', "line 2: expected a JSON object"),
        (b'{"command": "a", "id": "x", "id": "y"}\n', 'line 1: duplicate field "id"'),
        (b'{"command": "a", "timeout": NaN}\n', "line 1: NaN is not a JSON number"),
        (b'{"command": "a", "run_at": "x"}\n', 'line 1: field "run_at": "x" is not a time'),
        (b'{"command": "a"}\n' + b'{"a":' * 100_000 + b"\n", "line 2: the JSON is nested too deeply"),
        (b'{"command": "a"}\n{"command": "\xff"}\n', "line 2 is not valid UTF-8"),
        ('{"command": "a"}\n'.encode("utf-16"), "line 1 is not valid UTF-8"),
        ('{"command": "a"}\n'.encode("utf-16-le"), "line 1: not valid JSON"),
        ('{"command": "a"}\n'.encode("utf-32"), "line 1 is not valid UTF-8"),
        (b"{" + b" " * LARGEST_JOB, "line 1 is longer than 1 MiB"),
        (b'{"command": "a"}\n' + b" " * (LARGEST_JOB + 1), "line 2 is longer than 1 MiB"),
        (b'[{"command": "a"}, {"command": ""}]', "item 2: command is empty"),
        (b'[{"command": "a"}, 7]', "item 2: expected a JSON object"),
        (b'[{"command": "a"}, {"x": 1, "x": 2}]', 'item 2: duplicate field "x"'),
        (b'[{"command": "a"}, {"command": "b", "timeout": 1e999}]', 'item 2: number "1e999" is too large'),
        (b'[{"command": "a"},\n {"command" "b"}]', "item 2: not valid JSON at line 2, column 13"),
        (b'[{"command": "a"}, ]', "item 2: not valid JSON at column 20"),
        (b"[,]", "item 1: not valid JSON at column 2"),
        (b"[" * 100_000, "item 1: the JSON is nested too deeply"),
        (b'\n\n[{"command": "a"} {"command": "b"}]', "not valid JSON at line 3, column 19: Expecting ',' or ']'"),
        (b'[{"command": "a"}', "not valid JSON at column 18: Expecting ',' or ']'"),
        (b"[", "item 1: not valid JSON at column 2"),
        (b'[{"command": "a"}]\n]', "not valid JSON at line 2, column 1: Extra data"),
        (b'[{"command": "\xff"}]', "the file is not valid UTF-8"),
        (b'[{"command": "a", "cwd": "' + b"x" * LARGEST_JOB + b'"}]', "item 1: cwd is longer than 100 KiB"),
        (b'[{"command": "a"' + b" " * LARGEST_JOB + b"}]", "item 1 is larger than 1 MiB"),
        (b"[" + b" " * (64 << 20), "the array is larger than 64 MiB"),
    ],
)
def test_an_error_names_its_line_or_item(data: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        jobs_in(data)
    assert error.value.message.startswith(message)


PARTS = [
    b'{"command":"a"}',
    b'{"id":"x","argv":["b"]}',
    b'{"command":"a"},{"command":"b"}',
    b'{"argv":[{"a":"b"}',
    b'{"c":"d"}]}',
    b'{"argv":["b"',
    b'"c"]}',
    b'{"argv":["}',
    b'{"]}',
    b'{"env":{"a":"b"}',
    b"{}",
    b"}",
    b" ",
    b"",
]


@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=3).map(b"".join), max_size=8))
def test_lines_are_read_as_each_of_them_alone(lines: list[bytes]) -> None:
    alone: list[JobRequest] = []
    refused = None
    for number, line in enumerate(lines, 1):
        try:
            alone += [parse_job(line.decode())] if line.strip() else []
        except InvalidInput:
            refused = f"line {number}: "
            break

    together: list[JobRequest] = []
    try:
        together += read_jobs(io.BytesIO(b"\n".join(lines)))
    except InvalidInput as error:
        assert refused is not None
        assert error.message.startswith(refused)  # noqa: PT017  that it raises is no matter of course
    else:
        assert refused is None
        assert together == alone


def test_jobs_before_a_bad_line_come_first() -> None:
    jobs = read_jobs(io.BytesIO(b'{"command": "a"}\n' * 7000 + b"x\n"))
    for _ in range(7000):
        next(jobs)
    with pytest.raises(InvalidInput, match=r"^line 7001: "):
        next(jobs)


def test_the_longest_line_is_one_mebibyte_without_its_end() -> None:
    job = b'{"command": "a"}'
    assert len(jobs_in(job + b" " * (LARGEST_JOB - len(job)) + b"\n" + job)) == 2


class Endless(io.RawIOBase):
    """Gives the same bytes for ever."""

    def __init__(self, bytes_: bytes) -> None:
        self._bytes = bytes_
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        count = min(len(self._bytes), len(view))
        view[:count] = self._bytes[:count]
        self.given += count
        return count


@pytest.mark.parametrize(
    ("text", "most"), [(b"x" * 4096, 2 << 20), (b" " * 4096, 2 << 20), (b"[" * 4096, 65 << 20), (b"\0" * 4096, 2 << 20)]
)
def test_input_without_end_is_refused_after_a_bounded_part(text: bytes, most: int) -> None:
    stream = Endless(text)
    with pytest.raises(InvalidInput):
        list(read_jobs(io.BufferedReader(stream)))
    assert stream.given <= most


def test_a_pipe_is_read_to_its_end() -> None:
    read, write = os.pipe()
    with open(read, "rb") as stream:
        jobs = read_jobs(stream)
        os.write(write, b'{"command": "a"}\n{"comm')
        assert next(jobs).command == "a"
        os.write(write, b'and": "b"}')
        os.close(write)
        assert [job.command for job in jobs] == ["b"]


def test_memory_does_not_grow_with_the_number_of_lines() -> None:
    def consume(lines: int) -> int:
        def text() -> Iterator[bytes]:
            for number in range(lines):
                yield b'{"id": "job%d", "command": "true"}\n' % number

        class Lines(io.RawIOBase):
            def __init__(self) -> None:
                self._lines = text()

            def readable(self) -> bool:
                return True

            def readinto(self, buffer: WriteableBuffer) -> int:
                line = next(self._lines, b"")
                memoryview(buffer)[: len(line)] = line
                return len(line)

        tracemalloc.start()
        for _ in read_jobs(io.BufferedReader(Lines())):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    consume(10)
    assert consume(20_000) < consume(200) + 100_000


@given(st.binary() | st.lists(st.sampled_from([b"[", b"]", b",", b"\n", b'{"command":"a"}', b" "])).map(b"".join))
def test_any_bytes_are_jobs_or_invalid_input(data: bytes) -> None:
    try:
        jobs_in(data)
    except InvalidInput as error:
        assert error.message.isprintable()  # noqa: PT017  a job is fine, too


@given(
    st.lists(st.sampled_from([b"[", b"]", b",", b"\n", b'{"command":"a"}', b" "])).map(
        lambda parts: b"[" + b"".join(parts)
    )
)
def test_arrays_are_exactly_those_of_the_json_module(data: bytes) -> None:
    try:
        expected = json.loads(data)
        valid = all(isinstance(item, dict) for item in expected)
    except json.JSONDecodeError:
        valid = False
    if valid:
        assert len(jobs_in(data)) == len(expected)
    else:
        with pytest.raises(InvalidInput):
            jobs_in(data)


# Out


def test_a_new_job_is_shown_with_every_field_in_order() -> None:
    assert list(job_fields(JOB._replace(next_run_at=NOW)).items()) == [
        ("id", "job1"),
        ("seq", 7),
        ("command", "echo 'Hello'"),
        ("argv", None),
        ("state", "pending"),
        ("attempts", 0),
        ("failures", 0),
        ("crashes", 0),
        ("interruptions", 0),
        ("max_retries", 3),
        ("priority", 0),
        ("queue", "default"),
        ("created_at", "2026-01-01T00:00:00Z"),
        ("next_run_at", "2026-01-01T00:00:00Z"),
        ("started_at", None),
        ("finished_at", None),
        ("duration_ms", None),
        ("exit_code", None),
        ("signal", None),
        ("outcome", None),
        ("last_error", None),
        ("worker", None),
        ("timeout", None),
        ("cwd", "/data"),
        ("env", {}),
        ("secret_env", []),
        ("stdin", None),
        ("tags", {}),
        ("key", None),
        ("key_limit", None),
        ("held_by", None),
        ("batch", None),
        ("batch_role", None),
        ("array_index", None),
        ("on_parent_failure", None),
        ("schedule", None),
        ("tick", None),
        ("paused", False),
        ("cancel_requested", False),
    ]


def test_a_job_that_ran_is_shown_with_its_last_run() -> None:
    fields = job_fields(
        JOB._replace(
            state=State.DEAD,
            attempt=4,
            failures=4,
            started_at=NOW,
            finished_at=NOW + timedelta(microseconds=1_234_567),
            duration=1.2345,
            outcome=Outcome.TIMED_OUT,
            signal=15,
            last_error="oh",
            worker="w" * 32,
            policy=Policy(timeout=1.0),
        )
    )
    assert fields["state"] == "dead"
    assert fields["attempts"] == 4
    assert fields["finished_at"] == "2026-01-01T00:00:01.234567Z"
    assert fields["duration_ms"] in {1234, 1235}
    assert isinstance(fields["duration_ms"], int)
    assert (fields["outcome"], fields["signal"], fields["last_error"]) == ("timed_out", 15, "oh")
    assert fields["timeout"] == 1.0


def test_arguments_are_shown_as_one_would_type_them() -> None:
    fields = job_fields(JOB._replace(command=None, argv=("echo", "a b", "$HOME")))
    assert fields["command"] == "echo 'a b' '$HOME'"
    assert fields["argv"] == ["echo", "a b", "$HOME"]


def test_values_of_secret_looking_variables_and_the_cookie_are_not_shown() -> None:
    hidden = ("API_KEY", "my_token", "Secret1", "DB_PASSWORD", "PASSWD", "aws_credentials")
    fields = job_fields(
        JOB._replace(
            cookie="secret cookie", env={**dict.fromkeys(hidden, "hunter2"), "LANG": "C"}, secret_env=("TOKEN",)
        )
    )
    assert fields["env"] == {**dict.fromkeys(hidden, "***"), "LANG": "C"}
    assert "hunter2" not in dumps(fields)
    assert "secret cookie" not in dumps(fields)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgres://u:pw@h:5432/d", "postgres://u:***@h:5432/d"),
        ("redis://:pw@h", "redis://:***@h"),
        ("amqp://u:p@w:x?#y@h/v", "amqp://u:***@h/v"),
        ("amqp://u:pw@a,amqp://u:pw@b", "amqp://u:***@a,amqp://u:***@b"),
        ("proxy=http://u:pw@h other https://v:pw@g/", "proxy=http://u:***@h other https://v:***@g/"),
        ("postgresql://h/d?user=u&password=pw&sslmode=on", "postgresql://h/d?user=u&password=***&sslmode=on"),
        ("https://h/x?sig=a&api_key=pw#part", "https://h/x?sig=a&api_key=***#part"),
        ("http://h:8080/@scope/x:y@z", "http://h:8080/@scope/x:y@z"),
        ("ssh://git@h:22/r", "ssh://git@h:22/r"),
        ("u:pw@h", "u:pw@h"),
        ("://" * 30_000, "://" * 30_000),
        ("://" + "?" * 90_000, "://" + "?" * 90_000),
    ],
)
def test_passwords_in_urls_are_hidden_and_nothing_else_of_them(value: str, shown: str) -> None:
    assert job_fields(JOB._replace(env={"URL": value}))["env"] == {"URL": shown}


@pytest.mark.parametrize("state", State)
def test_a_request_to_cancel_is_shown_until_it_has_taken_effect(state: State) -> None:
    shown = job_fields(JOB._replace(state=state, cancel_requested_at=NOW))["cancel_requested"]
    assert shown is (state is State.PROCESSING)
    assert job_fields(JOB._replace(state=state))["cancel_requested"] is False


def test_an_attempt_is_shown() -> None:
    attempt = Attempt(2, "w", NOW, NOW + timedelta(seconds=1), 0.9996, Outcome.EXITED, 3, None, "boom")
    assert attempt_fields(attempt) == {
        "attempt": 2,
        "worker": "w",
        "started_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:00:01Z",
        "duration_ms": 1000,
        "outcome": "exited",
        "exit_code": 3,
        "signal": None,
        "error": "boom",
    }


NOTHING = {
    "completed_count": 0,
    "avg_ms": None,
    "min_ms": None,
    "max_ms": None,
    "p50_ms": None,
    "p95_ms": None,
    "p99_ms": None,
}


def test_metrics_of_nothing_name_every_state() -> None:
    counts = dict.fromkeys(State, 0)
    assert metrics_fields(Metrics(counts, None, {})) == {
        "counts": {
            "pending": 0,
            "blocked": 0,
            "processing": 0,
            "completed": 0,
            "failed": 0,
            "dead": 0,
            "cancelled": 0,
        },
        "completed": NOTHING,
        "queues": {},
    }


def test_metrics_are_milliseconds_of_all_queues_and_of_each() -> None:
    counts = dict.fromkeys(State, 0) | {State.COMPLETED: 3}
    durations = Durations(3, 0.0123456, 0.001, 2.0, 0.01, 1.5, 1.9)
    shown = metrics_fields(Metrics(counts, durations, {"mail": (counts, durations), "idle": (counts, None)}))
    completed = {
        "completed_count": 3,
        "avg_ms": 12.346,
        "min_ms": 1.0,
        "max_ms": 2000.0,
        "p50_ms": 10.0,
        "p95_ms": 1500.0,
        "p99_ms": 1900.0,
    }
    assert shown["completed"] == completed
    queues: Any = shown["queues"]
    assert queues["mail"] == {"counts": shown["counts"], "completed": completed}
    assert queues["idle"]["completed"] == NOTHING


def test_an_error_is_shown_with_its_code() -> None:
    assert error_fields(NotFound('no job "jb1"', "did you mean: job1")) == {
        "error": {"code": "not_found", "message": 'no job "jb1"', "hint": "did you mean: job1"}
    }
    assert error_fields(Conflict("x"))["error"] == {"code": "conflict", "message": "x", "hint": None}


def test_json_is_one_line_of_ascii() -> None:
    text = dumps({"b": "é\n\u2028\x1b", "a": [1, None, True]})
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == {"b": "é\n\u2028\x1b", "a": [1, None, True]}
    assert text.index('"b"') < text.index('"a"')


@pytest.mark.parametrize(("microseconds", "text"), [(0, "2026-01-01T00:00:00Z"), (1, "2026-01-01T00:00:00.000001Z")])
def test_an_instant_is_shown_in_utc_with_microseconds_only_if_there_are_any(microseconds: int, text: str) -> None:
    assert rfc3339(NOW.replace(microsecond=microseconds)) == text

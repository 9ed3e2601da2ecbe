"""The rules that a job must keep, however it was asked for."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from queuectl.config import NEVER
from queuectl.durations import LONGEST
from queuectl.errors import InvalidInput
from queuectl.request import LARGEST_RUN, LONGEST_ITEM, JobRequest, check_request


def request(fields: dict[str, Any]) -> JobRequest:
    return JobRequest(**({} if "argv" in fields else {"command": "true"}) | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"argv": ("convert", "", "a b")},
        {"command": "printf 'a\tb\n\x1b\u202eé'"},
        {"command": "x" * LONGEST_ITEM},
        {"id": "A.b_c-9"},
        {"id": "0"},
        {"id": "x" * 64},
        {"queue": "mail.fast"},
        {"priority": -1000},
        {"priority": 1000},
        {"max_retries": 0},
        {"max_retries": 1000},
        {"timeout": 0.001},
        {"timeout": LONGEST},
        {"timeout": NEVER},
        {"cwd": "relative/dir"},
        {"stdin": "-"},
        {"env": {"_A1": "", "PATH": "/bin", "lower": "x=y"}},
        {"secret_env": ("TOKEN", "_x")},
    ],
)
def test_a_job_that_keeps_the_rules_is_returned_as_it_is(fields: dict[str, Any]) -> None:
    job = request(fields)
    assert check_request(job) is job


@pytest.mark.parametrize(
    ("fields", "fragment"),
    [
        ({"command": None}, "no command"),
        ({"command": ""}, "command is empty"),
        ({"command": " \t\n "}, "command is empty"),
        ({"argv": ()}, "command is empty"),
        ({"argv": ("",)}, "command is empty"),
        ({"argv": (" ", "x")}, "command is empty"),
        ({"command": "a", "argv": ("b",)}, "command and argv exclude each other"),
        ({"command": "a\0b"}, "command holds a NUL"),
        ({"argv": ("a", "b\0")}, r"argv\[1\] holds a NUL"),
        ({"command": "\udcff"}, "command is not valid UTF-8"),
        ({"argv": ("a", "\ud800")}, r"argv\[1\] is not valid UTF-8"),
        ({"command": "x" * (LONGEST_ITEM + 1)}, "command is longer than 100 KiB"),
        ({"command": "é" * (LONGEST_ITEM // 2 + 1)}, "command is longer than 100 KiB"),
        ({"argv": ("a", "x" * (LONGEST_ITEM + 1))}, r"argv\[1\] is longer than 100 KiB"),
        ({"argv": ("x" * LONGEST_ITEM,) * 11}, "together are larger than 1 MiB"),
        ({"argv": ("x",) * 200_000}, "together are larger than 1 MiB"),
        ({"env": {f"A{n}": "x" * LONGEST_ITEM for n in range(11)}}, "longer than 100 KiB"),
        ({"env": {f"A{n}": "x" * 100_000 for n in range(11)}}, "together are larger than 1 MiB"),
        ({"id": ""}, 'id "" is not allowed'),
        ({"id": "."}, 'id "." is not allowed'),
        ({"id": "../../etc/passwd"}, "is not allowed"),
        ({"id": "a/b"}, 'id "a/b" is not allowed'),
        ({"id": "-rf"}, "is not allowed"),
        ({"id": "_a"}, "is not allowed"),
        ({"id": "a b"}, "is not allowed"),
        ({"id": "a\n"}, "is not allowed"),
        ({"id": "é"}, "is not allowed"),
        ({"id": "٣"}, "is not allowed"),
        ({"id": "a\0"}, "is not allowed"),
        ({"id": "\ud800"}, "is not allowed"),
        ({"id": "x" * 65}, "is not allowed"),
        ({"queue": ""}, 'queue "" is not allowed'),
        ({"queue": "a,b"}, "queue .* is not allowed"),
        ({"queue": "*"}, "queue .* is not allowed"),
        ({"queue": "a b"}, "queue .* is not allowed"),
        ({"queue": "x" * 10240}, "queue .* is not allowed"),
        ({"priority": 1001}, "priority must be a whole number from -1000 to 1000"),
        ({"priority": -1001}, "priority must be a whole number from -1000 to 1000"),
        ({"priority": 2147483648}, "priority must be a whole number from -1000 to 1000"),
        ({"max_retries": -1}, "max_retries must be a whole number from 0 to 1000"),
        ({"max_retries": 1001}, "max_retries must be a whole number from 0 to 1000"),
        ({"timeout": 0}, "timeout must be longer than 0"),
        ({"timeout": -5.0}, "timeout must be longer than 0"),
        ({"timeout": float("nan")}, "timeout must be longer than 0"),
        ({"timeout": LONGEST + 1}, "at most 10 years"),
        ({"cwd": ""}, "cwd is empty"),
        ({"cwd": "a\0"}, "cwd holds a NUL"),
        ({"stdin": ""}, "stdin is empty"),
        ({"stdin": "\udcff"}, "stdin is not valid UTF-8"),
        ({"env": {"": "x"}}, 'environment variable "" is not allowed'),
        ({"env": {"1A": "x"}}, "is not allowed"),
        ({"env": {"A B": "x"}}, "is not allowed"),
        ({"env": {"A=B": "x"}}, "is not allowed"),
        ({"env": {"É": "x"}}, "is not allowed"),
        ({"env": {"QUEUECTL_JOB_ID": "x"}}, "is not allowed: QUEUECTL_ is for queuectl"),
        ({"env": {"A": "x\0"}}, 'environment variable "A" holds a NUL'),
        ({"env": {"A": "\ud800"}}, 'environment variable "A" is not valid UTF-8'),
        ({"env": {"A" * LONGEST_ITEM: "x"}}, "is longer than 100 KiB"),
        ({"secret_env": ("A", "B-C")}, 'environment variable "B-C" is not allowed'),
        ({"secret_env": ("QUEUECTL_HOME",)}, "is not allowed: QUEUECTL_ is for queuectl"),
    ],
)
def test_a_broken_rule_is_named(fields: dict[str, Any], fragment: str) -> None:
    with pytest.raises(InvalidInput, match=fragment) as error:
        check_request(request(fields))
    assert error.value.message.isprintable()
    assert len(error.value.message) < 200


def test_a_value_never_stands_in_a_message() -> None:
    with pytest.raises(InvalidInput) as error:
        check_request(JobRequest(command="true", env={"A": "hunter2\0"}))
    assert "hunter2" not in error.value.message


def test_whatever_is_let_through_the_kernel_runs() -> None:
    many = ("true", *("x" for _ in range((LARGEST_RUN - 20) // 10)))
    for argv in (many, ("true", *("x" * LONGEST_ITEM for _ in range(10)))):
        job = check_request(JobRequest(argv=argv))
        assert job.argv is not None
        assert subprocess.run(job.argv, check=False).returncode == 0

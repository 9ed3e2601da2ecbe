"""`queuectl enqueue` of several jobs that belong together: dependencies, arrays, lines, batches."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


def shown(cli: Cli, id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli("show", id, "--json").out)
    return found


def listed(cli: Cli) -> list[str]:
    return cli("list", "-q").out.split()


# After


def test_a_job_waits_for_those_that_are_named(cli: Cli) -> None:
    for id in ("a", "b", "c", "d"):
        cli("enqueue", "--id", id, "--", "true")

    cli("enqueue", "--id", "e", "--after", "a,fail:b,c", "--after", "any:d", "--", "true")

    job = shown(cli, "e")
    assert (job["state"], job["on_parent_failure"]) == ("blocked", "cancel")
    assert [(parent["condition"], parent["id"], parent["met"], parent["state"]) for parent in job["after"]] == [
        ("ok", "a", None, "pending"),
        ("fail", "b", None, "pending"),
        ("fail", "c", None, "pending"),
        ("any", "d", None, "pending"),
    ]


def test_json_says_the_same(cli: Cli) -> None:
    cli("enqueue", "--id", "a", "--", "true")

    cli("enqueue", '{"id": "b", "command": "true", "after": ["any:a"], "on_parent_failure": "run"}')

    job = shown(cli, "b")
    assert (job["on_parent_failure"], job["after"][0]["condition"]) == ("run", "any")


def test_jobs_of_a_file_wait_for_each_other(cli: Cli, tmp_path: Path) -> None:
    lines = [{"id": "a", "command": "true"}, {"id": "b", "command": "true", "after": ["a"]}]
    (tmp_path / "jobs.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    assert cli("enqueue", "--file", "jobs.jsonl").out == "a\nb\n"

    assert shown(cli, "b")["state"] == "blocked"


@pytest.mark.parametrize(
    ("options", "code", "error"),
    [
        (["--after", "nobody"], 3, 'no job "nobody"'),
        (["--after", "new"], 4, 'job "new" waits for "new", which does not come before it'),
        (["--after", "maybe:a"], 2, 'after: "maybe" is none of ok, fail, any'),
        (["--after", ""], 2, 'after: id "" is not allowed'),
        (["--after", "a,,b"], 2, 'after: id "" is not allowed'),
        (["--after", "a", "--after", "any:a"], 2, "after: a job is named twice"),
        (["--on-parent-failure", "run"], 2, "on_parent_failure is for a job that waits for others"),
        (["--after", "a", "--on-parent-failure", "explode"], 2, "unknown choice"),
        (["--batch", "no spaces"], 2, 'batch "no spaces" is not allowed'),
        (["--then", "true"], 2, "--then is for a batch of jobs"),
        (["--batch", "b", "--then", ""], 2, "command is empty"),
        (["--array", "3-1"], 2, 'the array "3-1" has no jobs'),
        (["--array", "1-3", "--each-line", "-"], 2, "--array and --each-line exclude each other"),
        (["--each-line", "no-such-file"], 2, "cannot read no-such-file"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_added(
    cli: Cli, options: list[str], code: int, error: str
) -> None:
    cli("enqueue", "--id", "a", "--", "true")

    got = cli("enqueue", "--id", "new", *options, "--", "true")

    assert got.code == code
    assert error in got.err
    assert len(got.err.splitlines()) <= 2
    assert listed(cli) == ["a"]


# Arrays


def test_an_array_is_a_job_for_each_index_and_a_batch_of_them(cli: Cli) -> None:
    got = cli("enqueue", "--id", "arr", "--array", "0-10:5", "-c", "echo $QUEUECTL_ARRAY_INDEX")

    assert got.out.split() == ["arr.0", "arr.5", "arr.10"]
    jobs = [shown(cli, id) for id in got.out.split()]
    assert [(job["array_index"], job["batch"]) for job in jobs] == [(0, "arr"), (5, "arr"), (10, "arr")]


def test_an_array_without_a_name_gets_one(cli: Cli) -> None:
    first, second = cli("enqueue", "--array", "1-2", "--", "true").out.split()

    assert first.removesuffix(".1") == second.removesuffix(".2") == shown(cli, first)["batch"]


# Lines


def each_line(cli: Cli, tmp_path: Path, text: str, *words: str) -> list[dict[str, Any]]:
    (tmp_path / "lines").write_text(text, encoding="utf-8")
    got = cli("enqueue", "--each-line", "lines", *words)
    assert got.code == 0, got
    return [shown(cli, id) for id in got.out.split()]


def test_a_line_takes_its_place_in_every_word(cli: Cli, tmp_path: Path) -> None:
    jobs = each_line(cli, tmp_path, "a b.tif\n\n$HOME\n", "--", "convert", "{}", "out/{}.png")

    assert [job["argv"] for job in jobs] == [
        ["convert", "a b.tif", "out/a b.tif.png"],
        ["convert", "$HOME", "out/$HOME.png"],
    ]


def test_a_line_goes_to_the_end_where_it_has_no_place(cli: Cli, tmp_path: Path) -> None:
    (job,) = each_line(cli, tmp_path, "a b", "--", "gzip", "-k")

    assert job["argv"] == ["gzip", "-k", "a b"]


def test_a_line_is_one_word_to_the_shell_whatever_is_in_it(cli: Cli, tmp_path: Path) -> None:
    line = "it's; rm -rf $HOME `x` {}"
    quoted = "'it'\"'\"'s; rm -rf $HOME `x` {}'"

    (placed,) = each_line(cli, tmp_path, line, "-c", "cat {} | wc")
    (last,) = each_line(cli, tmp_path, line, "-c", "cat")

    assert placed["command"] == f"cat {quoted} | wc"
    assert last["command"] == f"cat {quoted}"


def test_lines_are_numbered_below_the_id(cli: Cli, tmp_path: Path) -> None:
    assert [job["id"] for job in each_line(cli, tmp_path, "x\n\ny\n", "--id", "file", "--", "cat")] == [
        "file.1",
        "file.2",
    ]


def test_a_line_that_cannot_be_a_word_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(b"fine\n\xff\n")

    got = cli("enqueue", "--each-line", "lines", "--", "cat")

    assert (got.code, got.err.splitlines()[0]) == (2, "queuectl: error: line 2 is not valid UTF-8")
    assert listed(cli) == []


# Batches


def test_what_runs_after_a_batch_is_told_apart_from_its_jobs(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("x\ny\n", encoding="utf-8")

    got = cli(
        "enqueue", "--each-line", "lines", "--batch", "night", "--queue", "slow",
        "--then", "echo done", "--catch", "echo died", "--finally", "echo over", "--", "cat",
    )  # fmt: skip

    assert len(got.out.split()) == 2
    told = dict(line.split(": ") for line in got.err.splitlines()[:3])
    assert list(told) == ["then", "catch", "finally"]
    for role, id in told.items():
        job = shown(cli, id)
        assert (job["batch"], job["batch_role"], job["state"], job["queue"]) == ("night", role, "blocked", "slow")


def test_jobs_may_join_a_batch_one_by_one_and_its_end_be_given_last(cli: Cli) -> None:
    cli("enqueue", "--batch", "night", "--", "true")
    cli("enqueue", '{"command": "true", "batch": "night"}')

    got = cli("enqueue", "--batch", "night", "--then", "echo done")

    assert got.code == 0
    assert got.out == ""
    batches = [job["batch"] for job in json.loads(cli("list", "--json").out)]
    assert batches == ["night"] * 3


def test_a_file_may_be_a_batch_but_not_of_another_name(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text('{"command": "true"}\n{"command": "true", "batch": "day"}\n', encoding="utf-8")

    got = cli("enqueue", "--file", "jobs", "--batch", "night")

    assert (got.code, listed(cli)) == (2, [])

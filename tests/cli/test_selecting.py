"""Which jobs a command is about: ids, also from standard input, or a selection, which a person is asked about."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING, Protocol

import pytest

from queuectl.job import NO_FLOW, State
from tests.cli.conftest import FILES_ONLY, NO_STORE, Result
from tests.support.eventually import DEADLINE
from tests.support.factories import asked_to_end, job, new_job, stored_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from queuectl.job import NewJob
    from queuectl.paths import Home
    from queuectl.store.base import Store
    from tests.cli.conftest import Cli

BULK = [("cancel",), ("retry",), ("dlq", "retry"), ("wait",)]
"""Commands that act on what is selected."""


def tagged(id: str, run: str, queue: str = "default") -> NewJob:
    return new_job(id, queue=queue)._replace(flow=NO_FLOW._replace(tags={"run": run}))


def states(store: Store) -> dict[str, str]:
    return {job.id: f"{job.state}" for job in store.list()}


class Asked(Protocol):
    """Runs `queuectl` at a terminal, types an answer when it is asked, and returns what it left behind."""

    def __call__(self, *argv: str, answer: str) -> Result: ...


@pytest.fixture
def asked(program: list[str], environ: dict[str, str], tmp_path: Path) -> Asked:
    def run(*argv: str, answer: str) -> Result:
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [*program, *argv],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=environ,
            cwd=tmp_path,
            encoding="utf-8",
        ) as process:
            os.close(theirs)
            shown = b""
            while b"[y/N] " not in shown:
                shown += os.read(ours, 4096)
            os.write(ours, answer.encode())
            out, _ = process.communicate(timeout=DEADLINE)
            try:
                while more := os.read(ours, 4096):
                    shown += more
            except OSError:  # EIO: the other side is closed
                pass
            os.close(ours)
            return Result(process.returncode, out, shown.decode().replace("\r\n", "\n"))

    return run


# What is selected


def test_a_list_takes_every_selector(cli: Cli, store: Store) -> None:
    store.enqueue([tagged("a", "5"), tagged("b", "6", "mail"), tagged("c", "5", "sms")])
    store.enqueue([new_job("d", queue="mail")._replace(command="convert x.png")])
    store.enqueue([new_job("e")._replace(flow=NO_FLOW._replace(batch="night"))])
    store.cancel("c")

    def listed(*options: str) -> str:
        code, out, err = cli("list", "-q", *options)
        assert (code, err) == (0, "")
        return " ".join(out.split())

    assert listed("--queue", "mail") == "d b"
    assert listed("--queue", "mail,sms") == "d c b"
    assert listed("--tag", "run=5") == "c a"
    assert listed("--tag", "run=5", "--state", "pending") == "a"
    assert listed("--state", "cancelled,pending") == listed("--all") == listed() == "e d c b a"
    assert listed("--batch", "night") == "e"
    assert listed("--command-like", "convert *.png") == "d"
    assert listed("--older-than", "1h") == ""
    assert listed("--older-than", "0", "--limit", "2") == "e d"
    assert listed("--state", "scheduled", "--queue", "mail") == ""
    assert listed("a", "d") == "d a"


def test_the_dead_letter_list_takes_selectors(cli: Cli, store: Store) -> None:
    job(store, State.DEAD, new_job("a"))
    job(store, State.DEAD, new_job("b", queue="mail"))
    job(store, State.PENDING, new_job("c", queue="mail"))

    assert cli("dlq", "list", "-q", "--queue", "mail").out == "b\n"


def test_ids_that_are_not_there_are_named_by_a_list(cli: Cli, store: Store) -> None:
    store.enqueue([new_job("a")])

    assert cli("list", "a", "nobody", "-q") == (1, "a\n", 'queuectl: error: no job "nobody"\n')
    assert cli("list", "nobody").code == 3


def test_show_tells_the_tags(cli: Cli, store: Store) -> None:
    store.enqueue([tagged("a", "5 x")])

    assert "\ntags:       run=5 x\n" in cli("show", "a").out


# What is done


def test_a_selection_is_acted_on_and_told_as_a_number(cli: Cli, store: Store) -> None:
    job(store, State.COMPLETED, new_job("done"))
    job(store, State.PROCESSING, new_job("running"))
    store.enqueue([new_job("a"), new_job("b"), new_job("other", queue="mail")])

    code, out, err = cli("cancel", "--queue", "default", "--yes")
    assert (code, out, err) == (0, "", "2 jobs cancelled, 1 job asked to end\n")
    assert states(store) == {
        "done": "completed",
        "running": "processing",
        "a": "cancelled",
        "b": "cancelled",
        "other": "pending",
    }
    assert cli("retry", "--state", "cancelled,completed", "-y") == (0, "", "3 jobs retried\n")
    assert states(store).pop("done") == "pending"


def test_of_a_selection_ids_or_jobs_are_printed_where_that_is_asked_for(cli: Cli, store: Store) -> None:
    store.enqueue([new_job(id) for id in "abc"])

    code, out, err = cli("cancel", "--all", "--yes", "-q")
    assert (code, sorted(out.split()), err) == (0, ["a", "b", "c"], "")
    code, out, err = cli("retry", "--all", "--yes", "--json")
    assert (code, err) == (0, "3 jobs retried\n")
    assert {(shown["id"], shown["state"]) for shown in json.loads(out)} == {(id, "pending") for id in "abc"}


def test_dlq_retry_takes_selectors_and_dead_jobs_only(cli: Cli, store: Store) -> None:
    for id, queue in (("a", "mail"), ("b", "default")):
        job(store, State.DEAD, new_job(id, queue=queue))
    job(store, State.CANCELLED, new_job("c", queue="mail"))

    assert cli("dlq", "retry", "--queue", "mail", "--yes") == (0, "", "1 job retried\n")
    assert states(store) == {"a": "pending", "b": "dead", "c": "cancelled"}


@pytest.mark.parametrize("output", ["-q", "--json"])
def test_all_is_done_even_if_nobody_reads_what(
    program: list[str], environ: dict[str, str], store: Store, output: str
) -> None:
    store.enqueue(new_job(f"j{n}") for n in range(3000))

    with subprocess.Popen(
        [*program, "cancel", "--all", "--yes", output], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
    ) as process:
        assert process.stdout
        process.stdout.close()
        assert process.wait(DEADLINE) == 0

    assert store.counts()["default"][State.CANCELLED] == 3000


# Who is asked


def test_nothing_is_done_with_a_selection_where_nobody_can_be_asked(cli: Cli, store: Store) -> None:
    job(store, State.PROCESSING, new_job("running"))
    store.enqueue([new_job("a"), new_job("b")])
    before = states(store)

    code, out, err = cli("cancel", "--all", "--json")
    assert (code, out) == (2, "")
    assert json.loads(err)["error"]["message"] == "this would cancel 3 jobs (2 pending, 1 processing)"
    assert cli("cancel", "--queue", "default", "--state", "pending") == (
        2,
        "",
        "queuectl: error: this would cancel 2 pending jobs\n  --yes does it, --dry-run -q lists them\n",
    )
    assert states(store) == before


@pytest.mark.parametrize(
    ("answer", "meant"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("\4", False)]
)
def test_a_person_is_asked_with_the_number(asked: Asked, store: Store, answer: str, *, meant: bool) -> None:
    store.enqueue([new_job(id) for id in "abc"])

    code, out, err = asked("cancel", "--all", "-o", "jsonl", answer=answer)

    assert err.startswith("cancel 3 pending jobs? [y/N] ")
    assert err.splitlines()[-1].endswith("3 jobs cancelled" if meant else "nothing was changed")
    assert (code, len(out.splitlines())) == ((0, 3) if meant else (1, 0))
    assert set(states(store).values()) == {"cancelled" if meant else "pending"}


def test_nobody_is_asked_about_ids(cli: Cli, store: Store) -> None:
    store.enqueue([new_job("a"), new_job("b")])

    assert cli("cancel", "a", "b") == (0, "", "cancelled a\ncancelled b\n")


# What would be done


def test_a_dry_run_says_how_many_and_which_and_changes_nothing(cli: Cli, store: Store) -> None:
    job(store, State.PROCESSING, new_job("running"))
    job(store, State.PENDING, new_job("a"))
    before = states(store)

    assert cli("cancel", "--all", "--dry-run") == (0, "", "would cancel 2 jobs (1 pending, 1 processing)\n")
    code, out, err = cli("cancel", "--all", "--dry-run", "--yes", "-q")
    assert (code, sorted(out.split()), err) == (0, ["a", "running"], "")
    code, out, _ = cli("cancel", "--all", "--dry-run", "--json")
    assert (code, sorted(shown["id"] for shown in json.loads(out))) == (0, ["a", "running"])
    assert states(store) == before
    assert not asked_to_end(store, stored_job(store, "running"))


def test_a_dry_run_with_ids_ends_as_the_command_would(cli: Cli, store: Store) -> None:
    job(store, State.COMPLETED, new_job("done"))
    store.enqueue([new_job("a")])

    assert cli("cancel", "a", "--dry-run") == (0, "", "would cancel a\n")
    assert cli("cancel", "done", "--dry-run").code == cli("cancel", "done").code == 4
    code, out, err = cli("cancel", "a", "done", "nobody", "--dry-run", "-q")
    assert (code, out) == (1, "a\n")
    assert err.splitlines() == ['queuectl: error: job "done" is completed', 'queuectl: error: no job "nobody"']
    assert states(store) == {"done": "completed", "a": "pending"}


# Nothing to do


@pytest.mark.parametrize("verb", BULK, ids=" ".join)
def test_a_selection_that_nothing_fits_is_no_error(cli: Cli, store: Store, verb: Sequence[str]) -> None:
    store.enqueue([new_job("a")])

    code, out, err = cli(*verb, "--tag", "run=5")
    assert (code, out, err.startswith("no job to ")) == (0, "", True)
    assert cli(*verb, "--tag", "run=5", "--json", "--quiet").code == 0
    assert cli(*verb, "--tag", "run=5", "--json").out == "[]\n"
    assert cli(*verb, "-", stdin="\n")[:2] == (0, "")


def test_jobs_on_which_nothing_can_be_done_are_passed_over(cli: Cli, store: Store) -> None:
    job(store, State.COMPLETED, new_job("done"))

    assert cli("cancel", "--all") == (0, "", "no job to cancel\n")


@FILES_ONLY
@pytest.mark.parametrize("verb", [*BULK, ("list",)], ids=" ".join)
def test_a_selection_in_a_home_that_is_not_there_makes_none(cli: Cli, home: Home, verb: Sequence[str]) -> None:
    assert cli(*verb, "--all").code == 0
    assert not os.path.exists(home.path)


# Ids


def test_ids_are_read_from_standard_input(cli: Cli, store: Store) -> None:
    store.enqueue([new_job(id) for id in "abcd"])

    assert cli("cancel", "-", stdin="a\n\n  b \na\n") == (0, "", "cancelled a\ncancelled b\n")
    code, _, err = cli("cancel", "c", "-", stdin="nobody\r\nd")
    assert (code, err.splitlines()) == (1, ["cancelled c", 'queuectl: error: no job "nobody"', "cancelled d"])
    assert cli("list", "-", "-q", stdin="b\nc\n").out == "c\nb\n"


def test_many_ids_are_acted_on_in_their_order(cli: Cli, store: Store) -> None:
    store.enqueue(new_job(f"j{n}") for n in range(2100))
    job(store, State.CANCELLED, new_job("off"))
    job(store, State.COMPLETED, new_job("done", priority=1))
    wanted = [*(f"j{n}" for n in range(2099, -1, -1)), "off", "nobody", "done"]

    code, out, err = cli("cancel", "-", "-q", stdin="\n".join(wanted))

    assert (code, out.split()) == (1, wanted[:-2])
    assert err.splitlines() == [
        'queuectl: error: no job "nobody"',
        'queuectl: error: job "done" is already completed',
    ]
    assert store.counts()["default"][State.CANCELLED] == 2101
    code, out, _ = cli("retry", "j1", "done", "j2", "--json")
    assert (code, [shown["id"] for shown in json.loads(out)]) == (0, ["j1", "done", "j2"])


@NO_STORE
def test_what_cannot_be_an_id_on_standard_input_is_refused(cli: Cli) -> None:
    code, _, err = cli("cancel", "-", stdin="a\nb\0c\n")
    assert (code, err) == (2, 'queuectl: error: line 2 of standard input is no id: "b\\x00c"\n')


@NO_STORE
def test_nobody_is_left_before_a_terminal_that_waits_for_ids(
    program: list[str], environ: dict[str, str], tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [*program, "cancel", "-"], stdin=theirs, env=environ, cwd=tmp_path, check=False, timeout=DEADLINE,
        capture_output=True, encoding="utf-8",
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    assert (done.returncode, "which is a terminal" in done.stderr) == (2, True)


def test_what_is_paused_by_a_selection_is_resumed_by_one(cli: Cli, store: Store) -> None:
    for id in ("a", "b"):
        job(store, new=new_job(id, queue="video"))
    job(store, new=new_job("c"))

    assert cli("pause", "--queue", "video", "--yes") == (0, "", "2 jobs paused\n")
    assert cli("resume", "--all", "--dry-run") == (0, "", "would resume 2 pending jobs\n")
    assert cli("resume", "--all", "--yes") == (0, "", "2 jobs resumed\n")

    assert all(one.ready for one in store.list())

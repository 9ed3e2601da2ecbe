"""`cancel`, `retry`, `dlq retry`, `clear`, `config`: what changes, and what is said about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from queuectl import joblogs
from queuectl.job import State
from tests.support.factories import job, new_job, stored_job

if TYPE_CHECKING:
    from queuectl.paths import Home
    from queuectl.store.base import Store
    from tests.cli.conftest import Cli


def test_cancel_takes_a_waiting_job_off_the_queue(cli: Cli, store: Store) -> None:
    job(store, State.PENDING, new_job("a"))
    assert cli("cancel", "a") == (0, "", "cancelled a\n")
    assert stored_job(store, "a").state is State.CANCELLED


def test_cancelling_twice_is_fine(cli: Cli) -> None:
    cli("enqueue", "--id", "a", "--", "true")
    assert [cli("cancel", "a").code, cli("cancel", "a").code] == [0, 0]


def test_cancel_of_a_job_that_has_ended_is_exit_4(cli: Cli, store: Store) -> None:
    job(store, State.COMPLETED, new_job("a"))
    assert cli("cancel", "a") == (4, "", 'queuectl: error: job "a" is already completed\n')


def test_of_several_jobs_all_are_tried_and_each_failure_is_named(cli: Cli, store: Store) -> None:
    job(store, State.COMPLETED, new_job("done"))
    job(store, State.PENDING, new_job("a"))
    job(store, State.PENDING, new_job("b"))
    code, out, err = cli("cancel", "a", "nobody", "done", "b", "a")
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "cancelled a",
        'queuectl: error: no job "nobody"',
        'queuectl: error: job "done" is already completed',
        "cancelled b",
    ]


def test_several_answer_in_json_with_those_that_could_be_done(cli: Cli, store: Store) -> None:
    job(store, State.PENDING, new_job("a"))
    code, out, err = cli("cancel", "nobody", "a", "--json", "-q")
    assert (code, out) == (1, "a\n")
    code, out, err = cli("cancel", "nobody", "a", "--json")
    assert code == 1
    assert [cancelled["id"] for cancelled in json.loads(out)] == ["a"]
    assert json.loads(err.splitlines()[0])["error"]["code"] == "not_found"


@pytest.mark.parametrize("verb", ["show", "logs", "cancel", "pause", "resume", "retry", "dlq retry", "wait"])
def test_bytes_that_are_no_text_are_no_jobs_id(cli: Cli, verb: str) -> None:
    cli("enqueue", "--", "true")

    code = 125 if verb == "wait" else 3
    assert cli(*verb.split(), "\udcff") == (code, "", 'queuectl: error: no job "\\udcff"\n')


def test_pause_holds_a_waiting_job_and_resume_lets_it_go(cli: Cli, store: Store) -> None:
    job(store, State.PENDING, new_job("a"))
    assert cli("pause", "a") == (0, "", "paused a\n")
    assert stored_job(store, "a").paused_at is not None
    assert cli("pause", "a") == (0, "", "paused a\n")
    assert cli("resume", "a") == (0, "", "a may start\n")
    assert stored_job(store, "a").ready
    assert cli("resume", "a").code == 0


def test_what_is_asked_of_a_running_job_is_in_the_store(cli: Cli, store: Store) -> None:
    running = job(store, State.PROCESSING, new_job("a"))
    assert cli("pause", "a") == (0, "", "pause requested: a is running\n")
    assert stored_job(store, "a").paused_at is not None
    assert cli("resume", "a") == (0, "", "a runs on\n")
    assert cli("signal", "a", "sigusr1") == (0, "", "signal USR1 requested: a is running\n")
    assert cli("signal", "a", "40") == (0, "", "signal 40 requested: a is running\n")
    assert cli("cancel", "--grace", "1m", "a") == (0, "", "cancel requested: a is running\n")
    asked = store.requests(running)
    assert asked is not None
    assert (asked.cancel, asked.paused) == (True, False)
    assert [request[1:] for request in asked.requests] == [("signal", 10.0), ("signal", 40.0), ("cancel", 60.0)]
    assert cli("pause", "a") == (4, "", 'queuectl: error: job "a" is being cancelled\n')


def test_several_jobs_are_paused_and_resumed_in_json(cli: Cli, store: Store) -> None:
    for id in ("a", "b"):
        job(store, State.PENDING, new_job(id))
    assert [paused["paused"] for paused in json.loads(cli("pause", "a", "b", "--json").out)] == [True, True]
    code, out, err = cli("resume", "a", "nobody", "b", "-q")
    assert (code, out, err) == (1, "a\nb\n", 'queuectl: error: no job "nobody"\n')


@pytest.mark.parametrize("words", [("pause", "a"), ("resume", "a"), ("signal", "a", "USR1")])
def test_nothing_can_be_asked_of_a_job_that_has_ended(cli: Cli, store: Store, words: tuple[str, ...]) -> None:
    ended = job(store, State.COMPLETED, new_job("a"))
    assert cli(*words).code == 4
    assert stored_job(store, "a") == ended


def test_a_waiting_job_cannot_be_signalled(cli: Cli, store: Store) -> None:
    job(store, State.PENDING, new_job("a"))
    told = 'queuectl: error: job "a" is pending\n  only a running job can be signalled\n'
    assert cli("signal", "a", "TERM") == (4, "", told)


@pytest.mark.parametrize(
    "words",
    [
        *(("pause",), ("resume",), ("signal",), ("signal", "a"), ("signal", "a", "USR3"), ("signal", "a", "STOP")),
        *(("signal", "a", "USR1", "b"), ("cancel", "--grace", "soon", "a"), ("cancel", "--grace", "-1", "a")),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(cli: Cli, store: Store, words: tuple[str, ...]) -> None:
    running = job(store, State.PROCESSING, new_job("a"))
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert 1 <= len(err.splitlines()) <= 2
    assert stored_job(store, "a") == running
    asked = store.requests(running)
    assert asked is not None
    assert not asked.requests


def test_an_unknown_job_gets_the_nearest_one(cli: Cli, store: Store) -> None:
    job(store, State.PROCESSING, new_job("job1"))
    for words in (("pause", "jib1"), ("resume", "jobb1"), ("signal", "job11", "USR1")):
        code, _, err = cli(*words)
        assert (code, err.splitlines()[1]) == (3, "  did you mean: job1")


@pytest.mark.parametrize("state", [State.DEAD, State.COMPLETED, State.CANCELLED, State.FAILED])
def test_retry_makes_a_job_due_now(cli: Cli, store: Store, state: State) -> None:
    job(store, state, new_job("a"), now=datetime.now(UTC))
    assert cli("retry", "a")[:2] == (0, "")
    assert stored_job(store, "a").ready


def test_retry_of_a_waiting_job_is_exit_4(cli: Cli) -> None:
    cli("enqueue", "--id", "a", "--", "true")
    assert cli("retry", "a").code == 4


def test_dlq_retry_takes_dead_jobs_only(cli: Cli, store: Store) -> None:
    job(store, State.DEAD, new_job("dead"))
    job(store, State.COMPLETED, new_job("done"))
    code, _, err = cli("dlq", "retry", "done")
    assert (code, err.splitlines()[0]) == (4, 'queuectl: error: job "done" is completed, not dead')
    assert cli("dlq", "retry", "dead").code == 0
    assert cli("dlq", "list", "-q").out == ""


@pytest.mark.parametrize("state", [State.COMPLETED, State.CANCELLED, State.FAILED])
def test_dlq_retry_hints_at_retry_where_that_works(cli: Cli, store: Store, state: State) -> None:
    job(store, state, new_job("a"), now=datetime.now(UTC))
    err = cli("--home", "queue", "dlq", "retry", "a").err
    assert err.splitlines()[1:] == ["  it can be retried all the same: queuectl --home queue retry a"]
    assert cli("--home", "queue", "retry", "a").code == 0


@pytest.mark.parametrize("state", [State.PENDING, State.PROCESSING])
def test_dlq_retry_hints_at_nothing_that_would_not_work(cli: Cli, store: Store, state: State) -> None:
    job(store, state, new_job("a"))
    assert cli("dlq", "retry", "a") == (4, "", f'queuectl: error: job "a" is {state}, not dead\n')
    assert cli("retry", "a").code == 4


def test_dlq_retry_all(cli: Cli, store: Store) -> None:
    for id in ("a", "b"):
        job(store, State.DEAD, new_job(id))
    job(store, State.CANCELLED, new_job("c"))
    code, out, _ = cli("dlq", "retry", "--all", "--yes", "-q")
    assert (code, sorted(out.split())) == (0, ["a", "b"])
    assert cli("dlq", "retry", "--all", "--json")[:2] == (0, "[]\n")
    assert stored_job(store, "c").state is State.CANCELLED


def test_clear_forgets_jobs_and_their_logs_but_not_what_runs(cli: Cli, store: Store, home: Home) -> None:
    done = job(store, State.COMPLETED, new_job("done"))
    log = joblogs.LogWriter(home.job_logs(store.id), done.seq, 1, 1 << 20)
    log.write("stdout", b"hi\n")
    log.close()
    job(store, State.PROCESSING, new_job("running"))
    job(store, State.PENDING, new_job("waiting"))
    assert joblogs.size(home.job_logs(store.id), done.seq, 1) > 0
    assert cli("clear") == (0, "", "cleared 2 jobs\n")
    assert cli("list", "-q").out == "running\n"
    assert joblogs.size(home.job_logs(store.id), done.seq, 1) == 0
    assert cli("enqueue", "--id", "done", "--", "true").code == 0


def test_clear_as_json(cli: Cli) -> None:
    assert cli("clear", "--json").out == '{"cleared": 0}\n'


def test_a_setting_is_kept_and_shown_with_its_origin(cli: Cli) -> None:
    assert cli("config", "set", "backoff_base", "3") == (0, "", "backoff_base = 3\n")
    assert cli("config", "set", "max-retries", "5").code == 0
    assert cli("config", "get", "backoff-base") == (0, "3\n", "")
    rows = [line.split() for line in cli("config", "list", env={"QUEUECTL_GRACE": "3s"}).out.splitlines()]
    assert rows[0] == ["KEY", "VALUE", "ORIGIN"]
    assert ["backoff_base", "3", "store"] in rows
    assert ["default_max_retries", "5", "store"] in rows
    assert ["grace", "3s", "QUEUECTL_GRACE"] in rows
    assert ["log_cap", "10MiB", "default"] in rows


def test_a_setting_that_the_environment_overrides_says_so(cli: Cli) -> None:
    _, _, err = cli("config", "set", "grace", "5s", env={"QUEUECTL_GRACE": "3s"})
    assert err == "grace = 5s is kept; here QUEUECTL_GRACE=3s overrides it\n"
    assert cli("config", "get", "grace").out == "5s\n"


@pytest.mark.parametrize(("key", "value"), [("backoff_base", "0"), ("grace", "soon"), ("nonsense", "1")])
def test_a_bad_setting_is_refused_and_changes_nothing(cli: Cli, key: str, value: str) -> None:
    before = cli("config", "list", "--json").out
    assert cli("config", "set", key, value).code == 2
    assert cli("config", "list", "--json").out == before

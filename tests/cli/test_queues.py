"""`queue ...`, `--key`, `--limit`: what is set, what is shown, what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from queuectl.rules import Limits, NewPause, Rate, Rule
from tests.cli.conftest import NO_STORE
from tests.support.factories import COOKIE, WORKER, new_job, stored_job

if TYPE_CHECKING:
    from queuectl.store.base import Store
    from tests.cli.conftest import Cli


def test_limits_are_set_one_by_one_and_told(cli: Cli, store: Store) -> None:
    assert cli("queue", "set", "mail", "--rate", "10/m") == (0, "", "queue mail: any number at once, 10/m\n")
    assert cli("queue", "set", "mail", "--concurrency", "3") == (0, "", "queue mail: 3 at once, 10/m\n")
    assert store.rules() == [Rule("mail", 3, Rate(10, 60.0))]

    assert cli("queue", "set", "mail", "--rate", "none").err == "queue mail: 3 at once, at any rate\n"
    assert store.rules() == [Rule("mail", 3)]


def test_a_pause_says_who_when_why_and_for_how_long(cli: Cli, store: Store) -> None:
    done = cli("queue", "pause", "mail", "--for", "1h", "--reason", "the relay is down")
    assert done == (0, "", "queue mail is paused for 1h; to end it: queuectl queue resume mail\n")
    (rule,) = store.rules()
    assert rule.pause is not None
    assert rule.pause.until is not None
    assert (rule.pause.until - rule.pause.at).total_seconds() == 3600
    assert "@" in rule.pause.by

    listed = cli("queue", "list").out.splitlines()[1]
    assert f"paused by {rule.pause.by} " in listed
    assert listed.endswith(": the relay is down")
    assert f"queue mail is paused by {rule.pause.by} " in cli("status").out
    assert json.loads(cli("status", "--json").out)["paused_queues"][0]["paused"]["reason"] == "the relay is down"


def test_who_enqueues_into_a_paused_queue_is_told(cli: Cli, store: Store) -> None:
    store.pause_queue("mail", NewPause("ann@web1", "the relay is down"))

    told = cli("enqueue", "--queue", "mail", "--", "true").err.splitlines()[0]

    assert told.startswith("queue mail is paused by ann@web1 ")
    assert told.endswith(" ago: the relay is down; queuectl queue resume mail")
    assert "paused" not in cli("enqueue", "--", "true").err


def test_a_pause_is_ended_once(cli: Cli) -> None:
    cli("queue", "pause", "mail")
    assert cli("queue", "resume", "mail") == (0, "", "queue mail goes on\n")
    assert cli("queue", "resume", "mail") == (4, "", 'queuectl: error: queue "mail" is not paused\n')


def test_what_is_set_can_be_forgotten(cli: Cli, store: Store) -> None:
    store.limit_queue("mail", Limits(concurrency=1))
    assert cli("queue", "rm", "mail") == (0, "", "nothing is set for queue mail any more\n")
    assert cli("queue", "rm", "mail") == (3, "", 'queuectl: error: nothing is set for queue "mail"\n')


def test_queues_with_jobs_and_those_with_rules_are_listed(cli: Cli, store: Store) -> None:
    store.limit_queue("gpu", Limits(concurrency=2))
    store.enqueue([new_job("a", queue="mail"), new_job("b", queue="mail")])

    assert cli("queue", "list").out.splitlines() == [
        "QUEUE  RUNNING  WAITING  AT ONCE  RATE  PAUSED",
        "gpu          0        0  2        -     -",
        "mail         0        2  -        -     -",
    ]
    assert cli("queue", "list", "-q").out == "gpu\nmail\n"
    shown = json.loads(cli("queue", "show", "mail", "--json").out)
    assert (shown["queue"], shown["concurrency"], shown["counts"]["pending"]) == ("mail", None, 2)
    assert "pending:     2\n" in cli("queue", "show", "mail").out


def test_no_queue_is_no_error_but_for_one_that_is_named(cli: Cli) -> None:
    assert cli("queue", "list") == (0, "", "no queue has a job\n")
    assert cli("queue", "list", "--json").out == "[]\n"
    cli("enqueue", "--", "true")
    assert cli("queue", "show", "mail") == (
        3,
        "",
        'queuectl: error: there is no queue "mail"\n  see: queuectl queue list\n',
    )


REFUSED = {
    ("set", "mail"): "no limit is given",
    ("set", "mail", "--rate", "10"): '--rate: "10" is not a rate',
    ("set", "mail", "--rate", "0/m"): '--rate: "0/m" is not a rate',
    ("set", "mail", "--rate", "5/0s"): '--rate: "5/0s" is not a rate',
    ("set", "mail", "--rate", "5/fortnight"): '--rate: "5/fortnight" is not a rate',
    ("set", "mail", "--concurrency", "0"): '--concurrency: "0" is not a number of jobs that may run at once',
    ("set", "mail", "--concurrency", "2.5"): '--concurrency: "2.5" is not a number of jobs that may run at once',
    ("set", "a b", "--concurrency", "1"): 'queue "a b" is not allowed',
    ("pause", "a b"): 'queue "a b" is not allowed',
    ("pause", "mail", "--for", "0"): "--for: a pause is longer than nothing",
    ("pause", "mail", "--for", "soon"): '--for: "soon" is not a duration',
    ("pause", "mail", "--reason", "a\nb"): "--reason is a text of 1 to 200 characters, on one line",
    ("show",): "QUEUE is missing",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_makes_no_sense_changes_nothing(cli: Cli, store: Store, words: tuple[str, ...]) -> None:
    code, out, err = cli("queue", *words)

    assert (code, out) == (2, "")
    assert err.splitlines()[0] == f"queuectl: error: {REFUSED[words]}"
    assert len(err.splitlines()) <= 2
    assert store.rules() == []


def test_a_job_has_its_key_and_limit(cli: Cli, store: Store) -> None:
    cli("enqueue", "--id", "a", "--key", "customer-7", "--", "true")
    cli("enqueue", '{"id": "b", "command": "true", "key": "customer-7", "key_limit": 3}')

    assert [stored_job(store, id).flow[1:3] for id in "ab"] == [("customer-7", 1), ("customer-7", 3)]
    assert "key: customer-7, 3 at once" in " ".join(cli("show", "b").out.split())


def test_what_holds_a_job_is_shown(cli: Cli, store: Store) -> None:
    store.limit_queue("few", Limits(concurrency=1))
    store.enqueue([new_job("a", key="k"), new_job("b", key="k"), new_job("c", queue="few"), new_job("d", queue="few")])
    for _ in range(3):
        store.claim(WORKER, COOKIE)

    assert json.loads(cli("show", "b", "--json").out)["held_by"] == "key:k"
    assert "held by key k" in cli("show", "b").out
    assert "held by queue few" in cli("list", "--state", "pending").out


@NO_STORE
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--limit", "2"), "a limit is for a key that jobs share"),
        (("--key", ""), 'key is not allowed: ""'),
        (("--key", "k", "--limit", "0"), '--limit: "0" is not a whole number from 1 to 1000000'),
        (("--array", "1-3%2", "--key", "k"), "--key and % exclude each other: both say what runs at once"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(cli: Cli, words: tuple[str, ...], message: str) -> None:
    code, out, err = cli("enqueue", *words, "--", "true")

    assert (code, out) == (2, "")
    assert err.splitlines()[0] == f"queuectl: error: {message}"


def test_an_array_runs_so_many_at_once(cli: Cli, store: Store) -> None:
    cli("enqueue", "--id", "render", "--array", "1-5%2", "--", "true")

    assert [job is not None for job in (store.claim(WORKER, COOKIE) for _ in range(3))] == [True, True, False]

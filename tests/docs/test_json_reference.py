"""docs/reference/json.md describes what the program prints: real output is checked against the schemas in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from queuectl import errors, wire
from queuectl.job import Outcome, State
from queuectl.schedule.record import Outcome as TickOutcome
from queuectl.store.base import Metrics, Upkeep
from tests.docs.json_schema import faults
from tests.support.eventually import eventually
from tests.support.processes import RealQueue, queue
from tests.support.stores import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["queue"]

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "json.md"
BLOCKS = re.findall(r"^```json\n(.*?)^```$", REFERENCE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
SCHEMAS: dict[str, Any] = {schema["$id"]: schema for schema in map(json.loads, BLOCKS)}


def check(name: str, printed: str) -> dict[str, Any]:
    """Check one JSON object against the schema of that name and return it."""
    value: dict[str, Any] = json.loads(printed)
    assert list(faults(value, SCHEMAS[name], SCHEMAS)) == []
    return value


def check_each(name: str, printed: str) -> list[Any]:
    """Check an array, which must not be empty, item by item."""
    values = json.loads(printed)
    assert values
    assert [fault for value in values for fault in faults(value, SCHEMAS[name], SCHEMAS)] == []
    return list(values)


def undescribed(name: str, value: dict[str, Any]) -> set[str]:
    """Return the fields that the program prints and the reference does not name."""
    return set(value) - set(SCHEMAS[name]["properties"])


@pytest.fixture(scope="module", params=ENGINES)
def used(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealQueue]:
    """A queue in which jobs have completed, failed, died and been cancelled, and one runs; shared by the tests here."""
    url = request.getfixturevalue("postgres_url_of_module") if request.param == "postgres" else None
    queue = RealQueue(tmp_path_factory.mktemp("used"), url=url)
    try:
        use(queue)
        yield queue
    finally:
        queue.close()


def use(queue: RealQueue) -> None:
    queue.enqueue("echo out; echo err >&2", "--id", "good", "--env", "API_KEY=x", "--secret-env", "NOT_THERE")
    queue.do("enqueue", "--id", "missing", "--max-retries", "5", "--", "no-such-program")
    queue.enqueue("kill -9 $$", "--id", "killed", "--max-retries", "0", "--queue", "other")
    queue.enqueue("true", "--id", "later", "--run-at", "+1h")
    queue.enqueue("true", "--id", "off", "--run-at", "+1h")
    queue.do("cancel", "off")
    queue.start(count=2)
    for id in ("good", "killed"):
        queue.wait(id)
    queue.wait("missing", State.FAILED)
    queue.enqueue("sleep 600", "--id", "long")
    queue.enqueue("true", "--id", "after", "--after", "long,any:good")
    queue.wait("long", State.PROCESSING)


def test_jobs_are_as_described(used: RealQueue) -> None:
    jobs = check_each("job", used.do("list", "--json"))
    assert {job["state"] for job in jobs} == set(State)
    assert undescribed("job", jobs[0]) == set()
    assert SCHEMAS["job"]["properties"].keys() == set(SCHEMAS["job"]["required"])
    check_each("job", used.do("dlq", "list", "--json"))
    check("job", used.do("enqueue", "--json", "-c", "true"))
    check("job", used.do("run", "--json", "-c", "true"))
    check_each("job", used.do("enqueue", "--file", "-", "--json", stdin='{"command": "true"}\n'))
    check_each("job", used.do("wait", "good", "--json"))
    check_each("job", used.do("pause", "later", "--json"))
    check_each("job", used.do("resume", "later", "--json"))
    check_each("job", used.do("cancel", "later", "--json"))
    check_each("job", used.do("retry", "later", "--json"))
    check_each("job", used.do("dlq", "retry", "killed", "--json"))
    used.wait("killed", State.DEAD)


def test_the_history_of_a_job_is_as_described(used: RealQueue) -> None:
    shown = check("job-with-history", used.do("show", "missing", "--json"))
    assert undescribed("attempt", shown["history"][0]) == set()
    assert shown["history"][0]["outcome"] == "not_started"


def test_what_a_job_waits_for_is_as_described(used: RealQueue) -> None:
    shown = check("job-with-history", used.do("show", "after", "--json"))
    assert [parent["met"] for parent in shown["after"]] == [True, None]
    assert undescribed("dependency", shown["after"][0]) == set()


def test_batches_are_as_described(used: RealQueue) -> None:
    used.do("enqueue", "--batch", "night", "--then", "true", "--", "true")
    check_each("batch", used.do("batch", "list", "--json"))
    shown = check("batch", used.do("batch", "show", "night", "--json"))
    assert undescribed("batch", shown) == set()


def test_lines_of_a_log_are_as_described(used: RealQueue) -> None:
    lines = check_each("line", used.do("logs", "good", "--json"))
    assert {line["stream"] for line in lines} == {"stdout", "stderr"}
    assert undescribed("line", lines[0]) == set()
    for line in used.do("logs", "good", "-o", "jsonl").splitlines():
        check("line", line)


def test_the_status_is_as_described(used: RealQueue) -> None:
    status = check("status", used.do("status", "--json"))
    assert undescribed("status", status) == set()
    assert [failure["id"] for failure in status["last_failures"]]
    assert status.keys() == SCHEMAS["status"]["properties"].keys()
    if status["oldest_waiting"] is not None:
        assert list(faults(status["oldest_waiting"], SCHEMAS["job"], SCHEMAS)) == []


def test_metrics_are_as_described(used: RealQueue) -> None:
    metrics = check("metrics", used.do("metrics", "--json"))
    assert metrics["queues"].keys() == {"default", "other"}
    assert undescribed("durations", metrics["completed"]) == set()
    assert metrics["counts"].keys() == set(State)
    empty = wire.metrics_fields(Metrics({}, None, {}))
    assert list(faults(empty, SCHEMAS["metrics"], SCHEMAS)) == []
    of_a_server = wire.metrics_fields(Metrics({}, None, {}, Upkeep(7, 1.25)))
    assert of_a_server["store"] == {"dead_rows": 7, "oldest_transaction_s": 1.25}
    assert undescribed("metrics", metrics) == set()
    assert ("store" in metrics) == (used.url is not None)


def test_workers_are_as_described(queue: RealQueue) -> None:
    started = check("started", queue.do("worker", "start", "--json"))
    assert (started["running"], started["started"]) == (1, 1)
    workers = check_each("worker", queue.do("worker", "list", "--json"))
    assert undescribed("worker", workers[0]) == set()
    stopped = check("stopped", queue.do("worker", "stop", "--now", "--json"))
    assert stopped == {"stopped": 1}


def test_queues_are_as_described(queue: RealQueue) -> None:
    check("queue", queue.do("queue", "set", "mail", "--rate", "10/m", "--concurrency", "3", "--json"))
    check("queue", queue.do("queue", "pause", "mail", "--for", "1h", "--json"))
    (listed,) = check_each("queue", queue.do("queue", "list", "--json"))
    assert undescribed("rule", listed) == {"counts"}
    assert listed["paused"].keys() == SCHEMAS["rule"]["properties"]["paused"]["properties"].keys()
    assert check("status", queue.do("status", "--json"))["paused_queues"] == [
        {name: value for name, value in listed.items() if name != "counts"}
    ]
    check("queue", queue.do("queue", "show", "mail", "--json"))
    check("queue", queue.do("queue", "resume", "mail", "--json"))
    assert check("queue", queue.do("queue", "rm", "mail", "--json"))["rate"] is None


def test_settings_are_as_described(queue: RealQueue) -> None:
    settings = check_each("setting", queue.do("config", "list", "--json"))
    assert undescribed("setting", settings[0]) == set()
    check("setting", queue.do("config", "get", "grace", "--json"))
    assert check("setting", queue.do("config", "set", "grace", "5s", "--json"))["origin"] == "store"


def test_schedules_are_as_described(queue: RealQueue) -> None:
    added = check("schedule", queue.do("schedule", "add", "a", "@daily", "--tz", "UTC", "--json", "--", "true"))
    assert undescribed("schedule", added) == set()
    assert added["job"].keys() == SCHEMAS["schedule"]["properties"]["job"]["properties"].keys()
    check("schedule", queue.do("schedule", "add", "b", "every 2s", "--timeout", "none", "--json", "-c", "true"))
    check_each("schedule", queue.do("schedule", "list", "--json"))
    check("job", queue.do("schedule", "run", "a", "--json"))
    queue.start()
    eventually(lambda: queue.store.schedules().ticks("b"))
    shown = check("schedule-with-ticks", queue.do("schedule", "show", "b", "--json"))
    assert undescribed("tick", shown["ticks"][0]) == set()
    ticks = check_each("next-tick", queue.do("schedule", "next", "a", "--json"))
    assert undescribed("next-tick", ticks[0]) == set()
    for verb in ("pause", "resume", "rm"):
        check_each("schedule", queue.do("schedule", verb, "a", "--json"))
    imported = queue.do("schedule", "import", "-", "--tz", "UTC", "--json", stdin="@daily true\n")
    check_each("schedule", imported)


def test_every_outcome_of_a_tick_is_described() -> None:
    assert SCHEMAS["tick"]["properties"]["outcome"]["enum"] == list(TickOutcome)


def test_clear_is_as_described(queue: RealQueue) -> None:
    queue.enqueue("true")
    assert check("cleared", queue.do("clear", "--json")) == {"cleared": 1}


def test_a_move_is_as_described(queue: RealQueue, postgres_url: str) -> None:
    queue.enqueue("true")
    to, place = (postgres_url, postgres_url) if queue.url is None else ("sqlite", queue.home.path)
    printed = queue.do("migrate-store", "--to", to, "--json")
    assert check("moved", printed) == {"moved": 1, "to": place}
    assert check("status", queue.do("status", "--json"))["closed"] is not None


def test_an_error_is_as_described(queue: RealQueue) -> None:
    result = queue.run("show", "nothing", "--json")
    check("error", result.err)


def test_every_code_of_an_error_is_described() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.QueuectlError)
    ]
    codes = {kind.code for kind in kinds}
    assert set(SCHEMAS["error"]["properties"]["error"]["properties"]["code"]["enum"]) == codes


def test_every_outcome_is_described() -> None:
    assert SCHEMAS["attempt"]["properties"]["outcome"]["enum"] == list(Outcome)


def test_a_new_job_may_have_exactly_the_described_fields(queue: RealQueue) -> None:
    values = {
        "id": "all", "argv": ["true"], "queue": "q", "priority": 1, "max_retries": 1, "run_at": "+1h", "timeout": "5m",
        "cwd": "/", "env": {"A": "b"}, "secret_env": ["C"], "stdin": "/dev/null", "tags": {"a": "b"},
        "after": ["any:first"], "on_parent_failure": "run", "batch": "night", "key": "k", "key_limit": 2,
    }  # fmt: skip
    described = SCHEMAS["new-job"]
    assert values.keys() | {"command"} == described["properties"].keys()
    assert list(faults(values, described, SCHEMAS)) == []
    queue.do("enqueue", "--id", "first", "--", "true")
    queue.do("enqueue", json.dumps(values))
    assert queue.run("enqueue", json.dumps({"command": "true", "other": 1})).code == 2


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (True, {"type": "integer"}),
        (None, {"type": "string"}),
        ("2026-11-24 10:00", {"type": "string", "format": "date-time"}),
        ({}, {"required": ["a"]}),
        ({"a": 1}, {"properties": {}, "additionalProperties": False}),
        ([1, "a"], {"items": {"type": "integer"}}),
        (-1, {"minimum": 0}),
        ("b", {"enum": ["a"]}),
        ("b", {"pattern": "^a$"}),
        ({"a": {"b": 1}}, {"properties": {"a": {"$ref": "other"}}}),
    ],
)
def test_the_checker_finds_faults(value: object, schema: dict[str, Any]) -> None:
    assert list(faults(value, schema, {"other": {"properties": {"b": {"type": "string"}}}}))

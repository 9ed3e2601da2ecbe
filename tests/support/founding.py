"""The founding commands, one after the other, with real workers: a queue on which they work is of use."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from queuectl.job import State
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.support.processes import RealQueue


def use(queue: RealQueue) -> None:
    """Use a queue that is empty, and leave it so."""
    queue.do("enqueue", "--id", "job1", "--command", "echo 'Hello'", "--max-retries", "2", "--priority", "10")
    queue.do("enqueue", '{"id": "job2", "command": "exit 1", "max_retries": 0}')
    assert queue.do("worker", "start", "--count", "3") == "3 workers run (3 started)\n"
    assert queue.wait("job1").state is State.COMPLETED
    assert queue.wait("job2").state is State.DEAD
    assert queue.do("list", "-q", "--state", "completed") == "job1\n"
    assert queue.do("logs", "job1") == "Hello\n"
    assert queue.do("dlq", "list", "-q") == "job2\n"
    queue.do("dlq", "retry", "job2")
    eventually(lambda: queue.job("job2").attempt == 2)
    queue.wait("job2")
    queue.do("config", "set", "backoff_base", "3")
    assert queue.do("config", "get", "backoff_base") == "3\n"
    metrics = json.loads(queue.do("metrics", "--json"))
    assert (metrics["counts"]["completed"], metrics["counts"]["dead"]) == (1, 1)
    assert len(json.loads(queue.do("worker", "list", "--json"))) == 3
    assert (
        queue.do("enqueue", "--file", "-", stdin='{"id": "a", "command": "true"}\n{"id": "b", "command": "true"}')
        == "a\nb\n"
    )
    queue.wait("b")
    queue.wait("a")
    queue.do("status")
    assert queue.run("clear").err == "cleared 4 jobs\n"
    queue.do("worker", "stop")
    assert not queue.processes()

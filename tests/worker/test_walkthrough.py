"""The commands with which this program was first described, as they were written: they never change."""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from queuectl.job import State
from tests.support.eventually import DEADLINE, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.gate import Gate
    from tests.support.processes import RealQueue
    from tests.worker.conftest import Shell

SUCCESSFUL = """\
queuectl clear
queuectl enqueue --id ok1 --command "echo hi"
queuectl worker start --count 1
sleep 2
queuectl list --state completed
"""

FAILING = r"""
queuectl enqueue --id fail1 --command "node -e \"process.exit(1)\"" --max-retries 2
sleep 10
queuectl dlq list
"""

PRIORITY = """\
queuectl enqueue --id p1 --command "echo low" --priority 1
queuectl enqueue --id p2 --command "echo high" --priority 10
queuectl list --state pending
"""

DELAYED = """\
queuectl enqueue --id d1 --command "echo delay" --run-at "$(date -u -d '+20 seconds' +%Y-%m-%dT%H:%M:%SZ)"
queuectl worker start --count 1
"""

DUPLICATE = """\
rm -f /tmp/dup.log
queuectl enqueue --id dup --command "bash -c 'echo run >> /tmp/dup.log'"
queuectl worker start --count 5
sleep 3
queuectl worker stop
wc -l /tmp/dup.log
"""

METRICS = "queuectl metrics\n"

USAGE = r"""
queuectl enqueue --id job_success --command "echo 'Hello Success'" --max-retries 2
queuectl enqueue --id job_fail --command "node -e \"process.exit(1)\"" --max-retries 2
queuectl enqueue --id job_delayed --command "echo delayed" --run-at "$(date -u -d '+30 seconds' +%Y-%m-%dT%H:%M:%SZ)"
queuectl enqueue --id job_high --command "echo high" --priority 10
queuectl enqueue --id job_low  --command "echo low"  --priority 1
queuectl worker start --count 3
"""

USAGE_OF_WHAT_HAS_RUN = """\
queuectl worker stop
queuectl list
queuectl list --state pending
queuectl list --state completed
queuectl list --state dead
queuectl dlq list
queuectl dlq retry job_fail
queuectl config set backoff_base 2
queuectl config get backoff_base
queuectl config list
queuectl metrics
queuectl clear
"""


@contextmanager
def alone() -> Iterator[None]:
    """Be the only one on this machine: the walkthrough names a file that every run of it shares."""
    lock = os.open(os.path.join(tempfile.gettempdir(), "queuectl-walkthrough.lock"), os.O_RDWR | os.O_CREAT, 0o666)

    def taken() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    eventually(taken, 3 * DEADLINE)
    yield
    os.close(lock)


def test_the_first_walkthrough_runs_as_it_was_written(queue: RealQueue, shell: Shell) -> None:
    def follow(script: str, expected: Callable[[], object] | None = None) -> str:
        """Run a script; instead of its `sleep`, wait until what it slept for has come."""
        before, slept, after = script.partition("sleep ")
        if not slept:
            return _works(shell, script)
        assert expected is not None
        _works(shell, before)
        expected()
        return _works(shell, after.partition("\n")[2])

    assert "ok1" in follow(SUCCESSFUL, lambda: queue.wait("ok1", State.COMPLETED))

    assert "fail1" in follow(FAILING, lambda: queue.wait("fail1", State.DEAD))
    assert queue.job("fail1").attempt == 3
    assert queue.job("fail1").exit_code in (1, 127)  # 127: there is no node here

    follow(PRIORITY)  # a worker that runs since the first test may have been faster than the list
    for id in ("p1", "p2"):
        queue.wait(id, State.COMPLETED)

    follow(DELAYED.replace("20 seconds", "3 seconds"))
    due = queue.job("d1").next_run_at

    with alone():
        counted = follow(DUPLICATE, lambda: queue.wait("dup", State.COMPLETED))
    assert counted.split() == ["1", "/tmp/dup.log"]  # noqa: S108  as it was written
    assert not queue.workers()

    assert "completed_count" in follow(METRICS)

    _works(shell, "queuectl worker start")
    delayed = queue.wait("d1", State.COMPLETED)
    assert delayed.started_at is not None
    assert due is None or delayed.started_at >= due


def test_the_job_of_the_higher_priority_is_listed_first(shell: Shell) -> None:
    listed = _works(shell, f"queuectl worker stop\n{PRIORITY}")

    assert [line.split()[0] for line in listed.splitlines() if line.startswith("p") and "echo" in line] == ["p2", "p1"]


def test_every_first_example_of_use_works_as_it_was_written(queue: RealQueue, shell: Shell) -> None:
    _works(shell, "queuectl config set backoff_max 0")
    _works(shell, USAGE)
    for id in ("job_success", "job_high", "job_low"):
        queue.wait(id, State.COMPLETED)
    queue.wait("job_fail", State.DEAD)

    said = _works(shell, USAGE_OF_WHAT_HAS_RUN)

    for words in (
        "Job counts by state:",
        "state",
        "cnt",
        "Completed jobs duration:",
        "completed_count",
        "backoff_base",
    ):
        assert words in said
    assert _works(shell, "queuectl list") == ""


def test_a_job_may_be_given_as_json(queue: RealQueue, shell: Shell) -> None:
    _works(shell, """queuectl enqueue '{"id":"job1","command":"sleep 2"}'""")

    assert queue.job("job1").command == "sleep 2"


def test_the_first_five_minutes_go_as_the_documentation_says(queue: RealQueue, shell: Shell, gate: Gate) -> None:
    (queue.directory / "Makefile").write_text("test:\n\t@echo tested; exit 3\n")

    enqueued = shell("queuectl enqueue -- echo hi")
    id = enqueued.out.strip()
    assert enqueued == (0, f"{id}\n", "no worker is running; start one: queuectl worker start\n")
    assert shell("queuectl worker start") == (0, "1 worker runs (1 started)\n", "")
    assert shell(f"queuectl wait {id}; queuectl logs {id}") == (0, "hi\n", "")

    made = shell("queuectl run -- make test")
    assert made.out == "tested\n"
    assert made.code == 2  # what make says when a recipe fails
    assert "Error 3" in made.err

    running = queue.enqueue("echo up >> started; read _ < gate")
    queue.wait_for_lines("started")
    status = shell("queuectl status").out
    assert running in status
    stop = queue.spawn("worker", "stop")
    assert stop.stdout is not None
    assert stop.stdout.readline() == f"waiting for {running}\n"
    gate.open()
    assert stop.communicate()[0] == "1 worker stopped\n"
    assert stop.returncode == 0
    assert queue.job(running).state is State.COMPLETED


def _works(shell: Shell, script: str) -> str:
    """Run each line of a script, all of which have to work, and return what they print."""
    result = shell(f"set -e\n{script}")
    assert result.code == 0, (script, result)
    assert "Traceback" not in result.err
    return result.out

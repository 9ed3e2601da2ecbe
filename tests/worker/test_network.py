"""Hosts before one PostgreSQL server, and a network between that loses everything for a while without telling."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from queuectl.job import State
from tests.support.eventually import eventually
from tests.support.gate import Gate
from tests.support.hosts import best, kind
from tests.support.machines import scene

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hosts import Kind
    from tests.support.processes import RealQueue

__all__ = ["kind"]

JOB = """
run="$QUEUECTL_JOB_ID $QUEUECTL_ATTEMPT ${QUEUECTL_HOME##*/}"
echo "$run begin" >>records
setsid sh -c 'while :; do echo "$0 beat" >>records; sleep 0.05; done' "$run" &
"""
"""What each job begins with: it leaves a process in a session of its own, and each of both says that it lives."""

HELD = JOB + '[ "$QUEUECTL_ATTEMPT" -gt 1 ] || sleep 1000; echo "$run end" >>records'

SHORT = JOB + 'sleep 0.1; echo "$run end" >>records'


def records(queue: RealQueue) -> dict[str, list[tuple[int, str, str]]]:
    """Return what the runs of each job have said, in order: attempt, home, word."""
    said: dict[str, list[tuple[int, str, str]]] = {}
    for line in queue.lines("records"):
        id, attempt, home, word = line.split()
        said.setdefault(id, []).append((int(attempt), home, word))
    return said


def log_of(queue: RealQueue) -> str:
    with open(queue.home.worker_log, encoding="utf-8") as log:
        return log.read()


def test_what_a_host_runs_that_is_cut_off_has_ended_before_another_runs_it_again(tmp_path: Path) -> None:
    with scene(tmp_path, best()) as (one, two, operator):
        one.queue.start(count=2)
        held = [operator.enqueue(HELD, "--id", f"held-{number}") for number in (1, 2)]
        eventually(lambda: len(records(operator)) == 2)
        cut_off = {worker.pid for worker in one.queue.workers()}
        two.queue.start(count=2)
        short = [f"short-{number}" for number in range(20)]
        lines = (json.dumps({"id": id, "command": SHORT}) for id in short)
        operator.do("enqueue", "--file", "-", stdin="\n".join(lines))

        one.host.cut()

        for id in (*held, *short):
            job = operator.wait(id)
            again = id in held
            assert (job.state, job.attempt, job.interruptions) == (State.COMPLETED, 1 + again, int(again))
            assert (job.failures, job.crashes) == (0, 0)
        for id, said in records(operator).items():
            assert said == sorted(said, key=lambda word: word[0]), f"attempts of {id} overlap"
            assert [word for _, _, word in said if word != "beat"].count("end") == 1
        assert not one.queue.job_processes()
        assert log_of(one.queue).count("lease lost") == 2

        two.queue.stop()
        one.host.heal()
        operator.enqueue(SHORT, "--id", "healed")

        assert operator.wait("healed").state is State.COMPLETED
        assert records(operator)["healed"][0][1] == "one"
        assert not cut_off & {worker.pid for worker in one.queue.workers()}
        assert "Traceback" not in log_of(one.queue) + log_of(two.queue)


def test_a_cut_that_is_shorter_than_the_lease_costs_nothing(tmp_path: Path, kind: Kind) -> None:
    with scene(tmp_path, kind, lease="20s") as (one, two, operator):
        started = [*one.queue.start(), *two.queue.start()]
        gates = [Gate(tmp_path / f"gate-{number}") for number in (1, 2)]
        ids = [operator.enqueue(f"{JOB} read _ <gate-{number}", "--id", f"held-{number}") for number in (1, 2)]
        eventually(lambda: len(records(operator)) == 2)
        listed = [json.loads(line) for line in operator.do("worker", "list", "-o", "jsonl").splitlines()]
        assert sorted(worker["host"] for worker in listed) == sorted((one.host.name, two.host.name))

        one.host.cut()
        eventually(lambda: one.host.is_missing_answers)
        one.host.heal()

        for gate in gates:
            gate.open()
        for id in ids:
            job = operator.wait(id)
            assert (job.state, job.attempt, job.failures, job.crashes) == (State.COMPLETED, 1, 0, 0)
        assert [*one.queue.workers(), *two.queue.workers()] == started
        assert not {"lost", "Traceback"} & set(log_of(one.queue).split())


def test_what_ended_while_its_host_was_cut_off_is_recorded_afterwards(tmp_path: Path) -> None:
    # The kernel gives up the connection after a second; without that it waits for ten, still within a lease.
    with scene(tmp_path, best(), lease="40s", options="?tcp_user_timeout=1000") as (one, _, operator):
        started = one.queue.start()
        gate = Gate(tmp_path / "gate")
        operator.enqueue(f"{JOB} read _ <gate; exit 3", "--id", "held", "--max-retries", "0")
        eventually(lambda: len(records(operator)) == 1)

        one.host.cut()
        gate.open()
        one.queue.wait_for_event("store lost")
        one.host.heal()

        job = operator.wait("held")
        assert (job.state, job.attempt, job.exit_code) == (State.DEAD, 1, 3)
        one.queue.wait_for_event("store back")
        assert one.queue.workers() == started


def test_a_store_is_called_back_only_when_it_answers(tmp_path: Path) -> None:
    with scene(tmp_path, best(), lease="40s", options="?tcp_user_timeout=2000") as (one, _, operator):
        one.queue.start()
        operator.enqueue(HELD, "--id", "held")
        eventually(lambda: len(records(operator)) == 1)

        one.host.cut()
        one.queue.wait_for_event("store lost")
        eventually(lambda: one.host.is_missing_answers)  # it tries again

        assert "store back" not in log_of(one.queue)
        one.host.heal()
        one.queue.wait_for_event("store back")
        assert operator.job("held").attempt == 1

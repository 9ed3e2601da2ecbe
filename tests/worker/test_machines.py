"""Workers of several machines on one PostgreSQL server: homes, each of which takes itself for a machine."""

from __future__ import annotations

import os
import re
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

import psycopg
import pytest

from queuectl.job import Outcome, State
from queuectl.process import run_state
from tests.support.eventually import eventually
from tests.support.gate import Gate
from tests.support.postgres import Server, binaries
from tests.support.processes import RealQueue, gone, kill
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORT = {"QUEUECTL_LEASE": "4s"}
"""The shortest lease: others take a job 5 s after its worker's last renewal."""

LONGER = {"QUEUECTL_LEASE": "12s"}
"""One that a busy machine renews in time, and whose worker judges others after 3 s."""

EVENT = re.compile(r"\S+Z (INFO|WARN|ERROR) (worker|supervisor)\[\d+\] [a-z ]+")
"""What each line of the worker log begins with."""


@pytest.fixture
def machines(tmp_path: Path, postgres_url: str) -> Iterator[tuple[RealQueue, RealQueue]]:
    """Two homes on one store."""
    both = (
        RealQueue(tmp_path, "one", postgres_url, **LONGER),
        RealQueue(tmp_path, "two", postgres_url, **LONGER),
    )
    try:
        yield both
    finally:
        for machine in both:
            machine.close()


def test_a_job_that_is_enqueued_on_one_machine_runs_on_another(machines: tuple[RealQueue, RealQueue]) -> None:
    one, two = machines
    two.start()

    assert "no worker" not in one.run("enqueue", "--id", "a", "--", "true").err

    assert one.wait("a").state is State.COMPLETED
    assert not one.workers()


def test_a_cancel_reaches_a_job_on_another_machine(machines: tuple[RealQueue, RealQueue]) -> None:
    one, two = machines
    two.start()
    one.do("enqueue", "--id", "a", "-c", "echo up >>started; exec sleep 1000")
    one.wait_for_lines("started")

    one.do("cancel", "a")

    assert one.wait("a").outcome is Outcome.CANCELLED


def test_a_job_on_another_machine_is_paused_signalled_and_resumed(machines: tuple[RealQueue, RealQueue]) -> None:
    one, two = machines
    two.start()
    heard = "trap 'echo heard >>heard' USR1; echo up >>started; while :; do sleep 0.01; done"
    one.do("enqueue", "--id", "a", "-c", heard)
    one.wait_for_lines("started")

    one.do("pause", "a")

    eventually(lambda: one.job("a").held_by)
    eventually(lambda: [run_state(pid) for pid in two.job_processes()] == ["T", "T"])
    one.do("signal", "a", "USR1")
    one.do("resume", "a")
    one.wait_for_lines("heard")
    one.do("cancel", "--grace", "0", "a")
    assert one.wait("a").outcome is Outcome.CANCELLED


def test_a_worker_keeps_its_lease_while_its_job_is_paused(machines: tuple[RealQueue, RealQueue]) -> None:
    one, two = machines
    two.start()
    one.do("enqueue", "--id", "a", "-c", "echo up >>started; exec sleep 1000")
    one.wait_for_lines("started")
    one.do("pause", "a")
    eventually(lambda: one.job("a").held_by)

    def lease_ends_at() -> float:
        (worker,) = one.store.workers()
        return one.store.now().timestamp() + worker.lease_left

    first = lease_ends_at()
    eventually(lambda: lease_ends_at() > first + 3)  # it has been renewed more than once

    assert (one.job("a").state, one.job("a").attempt) == (State.PROCESSING, 1)


def test_every_machine_lists_the_workers_of_all(machines: tuple[RealQueue, RealQueue]) -> None:
    one, two = machines
    started = {worker.pid for machine in machines for worker in machine.start()}

    for machine in (one, two):
        listed = machine.do("worker", "list").splitlines()[1:]
        assert {int(line.split()[0]) for line in listed} == started


def test_the_workers_of_a_host_are_stopped_from_anywhere(machines: tuple[RealQueue, RealQueue]) -> None:
    one, two = machines
    two.start(count=2)

    result = one.run("worker", "stop", "--host", os.uname().nodename)

    assert (result.code, result.err) == (0, f"2 workers stopped on {os.uname().nodename}\n")
    two.no_worker()


def test_a_job_of_a_machine_that_went_silent_is_taken_by_another(machines: tuple[RealQueue, RealQueue]) -> None:
    one, two = machines
    (worker,) = one.start(env=SHORT)
    one.do("enqueue", "--id", "a", "-c", "echo run >>runs; [ $QUEUECTL_ATTEMPT = 2 ] || sleep 1000; echo end >>runs")
    one.wait_for_lines("runs")
    # As if the power of the machine were gone: nobody of it is left to tell, nor to rescue.
    (supervisor,) = one.supervisors()
    for pid in (supervisor.pid, worker.pid, *one.job_processes()):
        kill(pid)
    two.start()

    job = two.wait("a")

    assert (job.state, job.attempt, job.interruptions, job.crashes) == (State.COMPLETED, 2, 1, 0)
    assert two.attempts("a")[0].outcome is Outcome.LOST
    assert one.lines("runs") == ["run", "run", "end"]


def test_a_worker_that_cannot_renew_its_lease_is_ended_before_others_take_its_job(
    machines: tuple[RealQueue, RealQueue],
) -> None:
    one, two = machines
    (worker,) = one.start(env=SHORT)
    one.do("enqueue", "--id", "a", "-c", "[ -e first ] && exit; touch first; sleep 1000")
    eventually((one.directory / "first").exists)
    os.kill(worker.pid, signal.SIGSTOP)  # it cannot renew; its supervisor can tell
    (command,) = one.job_processes()[:1]
    two.start()

    eventually(lambda: gone(worker.pid))
    eventually(lambda: gone(command))

    job = two.wait("a")
    assert (job.state, job.attempt) == (State.COMPLETED, 2)
    assert (job.crashes, job.interruptions) == (0, 0)
    one.wait_for_event("lease lost")


class Way(NamedTuple):
    """A server, and another way to it that a test can cut."""

    url: str
    proxy: Proxy
    url_by_proxy: str


@pytest.fixture
def way() -> Iterator[Way]:
    with Server(max(binaries().items())[1], tcp=True) as server:
        server.create_database("q")
        url = server.url("q", password=True)
        port = urlsplit(url).port
        assert port is not None
        with Proxy(port) as proxy:
            yield Way(url, proxy, url.replace(f":{port}/", f":{proxy.port}/"))


def test_the_password_of_the_store_is_only_for_a_job_that_asks_for_it(tmp_path: Path, way: Way) -> None:
    password = urlsplit(way.url).password
    assert password is not None
    queue = RealQueue(tmp_path, url=way.url.replace(f":{password}@", "@"), PGPASSWORD=password)
    try:
        queue.start()

        assert queue.run("run", "--", "printenv", "PGPASSWORD") == (1, "", "")
        assert queue.do("run", "--secret-env", "PGPASSWORD", "--", "printenv", "PGPASSWORD") == f"{password}\n"
    finally:
        queue.close()


def test_a_worker_without_a_supervisor_ends_its_job_before_others_take_it(tmp_path: Path, way: Way) -> None:
    one = RealQueue(tmp_path, "one", way.url_by_proxy, **SHORT)
    two = RealQueue(tmp_path, "two", way.url, **LONGER)
    try:
        one.start()
        one.do("enqueue", "--id", "a", "-c", "[ -e first ] && exit; touch first; sleep 1000")
        eventually((one.directory / "first").exists)
        (command,) = one.job_processes()[:1]
        kill(one.supervisors()[0].pid)
        way.proxy.hold()
        two.start()

        job = two.wait("a")

        assert gone(command)
        assert (job.state, job.attempt, job.crashes) == (State.COMPLETED, 2, 0)
    finally:
        way.proxy.let_go()
        two.close()
        one.close()


def test_a_worker_that_leaves_lets_another_wait_for_the_next_due_job(
    machines: tuple[RealQueue, RealQueue], postgres_url: str
) -> None:
    one, two = machines
    for machine in machines:
        machine.environ["QUEUECTL_LEASE"] = "600s"  # which would let it look by itself
    (other,) = two.start()
    (leaving,) = one.start()
    with psycopg.connect(postgres_url, autocommit=True) as database:

        def both_sleep() -> None:
            ((idle,),) = database.execute("SELECT count(*) FROM queuectl.workers WHERE idle").fetchall()
            assert idle == 2

        def the_first_knows() -> None:
            ((again,),) = database.execute("SELECT idle FROM queuectl.workers WHERE id = %s", [leaving.id]).fetchall()
            assert again

        eventually(both_sleep)
        database.execute("UPDATE queuectl.workers SET idle = false WHERE id = %s", [other.id])  # so it is not called
        one.do("enqueue", "--run-at", "+1h", "--", "true")
        eventually(the_first_knows)
        database.execute("UPDATE queuectl.workers SET idle = true WHERE id = %s", [other.id])
        database.execute(f"LISTEN queuectl_{other.id}".encode())

        one.stop()

        assert [notify.payload for notify in database.notifies(timeout=60, stop_after=1)] == ["work"]


GATED = "echo one; echo err >&2; read line <gate; echo $line; read line <end; exit 3"
"""A command that prints, and prints what it is told.

Each FIFO is opened once at each end: who opens one again may still meet the other end of before.
"""


def test_what_a_job_prints_on_another_machine_is_followed_while_it_runs(machines: tuple[RealQueue, RealQueue]) -> None:
    one, two = machines
    two.start()
    gate, end = (Gate(two.directory / name) for name in ("gate", "end"))

    with one.spawn("run", "-c", GATED) as running:
        assert running.stdout is not None
        assert {running.stdout.readline() for _ in range(2)} == {"one\n", "err\n"}
        gate.open("two")
        assert running.stdout.readline() == "two\n"
        end.open()

        assert running.stdout.read() == ""
    assert running.returncode == 3


def test_what_a_job_has_printed_so_far_on_another_machine_is_read_at_any_time(
    machines: tuple[RealQueue, RealQueue],
) -> None:
    one, two = machines
    two.start()
    silence, gate, end = (Gate(two.directory / name) for name in ("silence", "gate", "end"))
    one.do("enqueue", "--id", "silent", "-c", "read line <silence")
    one.wait("silent", State.PROCESSING)
    assert one.run("logs", "silent") == (0, "", "")
    silence.open()
    one.do("enqueue", "--id", "a", "-c", GATED, "--max-retries", "0")
    one.wait("a", State.PROCESSING)

    eventually(lambda: one.run("logs", "a") == (0, "one\n", "err\n"))
    assert one.run("logs", "a", "--stderr") == (0, "", "err\n")
    gate.open("two")
    eventually(lambda: one.run("logs", "a", "-n", "1") == (0, "two\n", ""))
    end.open()
    one.wait("a")
    assert one.run("logs", "a", "-n", "1") == (0, "two\n", "")


def test_the_end_of_what_each_attempt_has_printed_is_kept_for_every_machine(
    machines: tuple[RealQueue, RealQueue],
) -> None:
    one, two = machines
    two.start()
    command = "seq 20000; echo failed $QUEUECTL_ATTEMPT >&2; exit 1"
    one.do("enqueue", "--id", "a", "-c", command, "--max-retries", "1", env={"QUEUECTL_BACKOFF_BASE": "1"})
    one.wait("a")
    whole = two.run("logs", "a")
    assert (whole.out.count("\n"), whole.err) == (20000, "failed 2\n")

    for attempt in ("1", "2"):
        code, out, err = one.run("logs", "a", "--attempt", attempt)

        assert code == 0
        assert 60_000 < len(out) + 40 * out.count("\n") < 66_000, "the last 64 KiB, as lines of the log"
        assert whole.out.endswith(out)
        missing = len(whole.out) - len(out)
        gap, rest = err.split("\n", 1)
        assert gap == f"[{missing / 1024:.1f} KiB more on the machine that ran it]".replace(".0 ", " ")
        assert rest == f"failed {attempt}\n"


def test_the_log_of_a_job_whose_worker_was_killed_is_kept_by_its_rescuer(machines: tuple[RealQueue, RealQueue]) -> None:
    one, two = machines
    (worker,) = two.start()
    one.do("enqueue", "--id", "a", "-c", "[ -e first ] && exit; touch first; echo before; echo seen >>seen; sleep 1000")
    two.wait_for_lines("seen")
    eventually(lambda: two.run("logs", "a").out == "before\n")

    kill(worker.pid)

    job = one.wait("a")
    assert (job.state, job.attempt) == (State.COMPLETED, 2)
    assert one.run("logs", "a", "--attempt", "1") == (0, "before\n", "")
    assert one.run("logs", "a") == (0, "", "")


def test_a_home_keeps_the_logs_of_its_queues_apart(machines: tuple[RealQueue, RealQueue]) -> None:
    one, two = machines
    two.start()
    own = two.do("enqueue", "-c", "echo own", env={"QUEUECTL_STORE": ""}).strip()
    two.do("worker", "start", "--drain", env={"QUEUECTL_STORE": ""})
    two.do("wait", own, env={"QUEUECTL_STORE": ""})
    shared = two.do("run", "-c", "echo shared")

    assert shared == "shared\n"
    assert two.do("logs", own, env={"QUEUECTL_STORE": ""}) == "own\n"
    assert one.job(one.do("list", "-q").strip()).seq == 1


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the test's own, which it may take away."""
    with Server(max(binaries().items())[1]) as server:
        yield server


def test_a_server_that_is_away_for_a_while_costs_no_job_anything(tmp_path: Path, server: Server) -> None:
    queue = RealQueue(tmp_path, url=server.create_database("q"))
    try:
        gate = Gate(tmp_path / "gate")
        (worker,) = queue.start()
        queue.do("enqueue", "--id", "a", "-c", "echo begun >>a; read _ <gate; exit 3", "--max-retries", "0")
        queue.wait_for_lines("a")
        server.stop("immediate")
        gate.open()
        queue.wait_for_event("store lost")
        refused = queue.run("enqueue", "--", "true")
        server.start()

        assert refused.code == 5
        assert re.fullmatch(r"queuectl: error: the store postgresql://\S+ cannot be reached: .*\n.*\n", refused.err)
        job = queue.wait("a")
        assert (job.state, job.attempt, job.exit_code) == (State.DEAD, 1, 3)
        assert run_state(worker.pid) is not None
        queue.wait_for_event("store back")
        assert log_of(queue).count("store lost") == 1
    finally:
        queue.close()


@pytest.mark.parametrize("command", [("wait", "a"), ("logs", "-f", "a")], ids=["wait", "logs -f"])
def test_a_command_that_waits_outlives_a_restart_of_the_server(
    tmp_path: Path, server: Server, command: tuple[str, ...]
) -> None:
    queue = RealQueue(tmp_path, url=server.create_database("q"))
    try:
        gate = Gate(tmp_path / "gate")
        words = "echo begun; echo begun >>started; read _ <gate; exit 7"
        queue.do("enqueue", "--id", "a", "-c", words, "--max-retries", "0")
        with queue.spawn(*command) as waiting:
            assert waiting.stdout is not None
            if command[0] == "wait":  # each says something when it has begun
                assert waiting.stdout.readline() == "no worker is running; start one: queuectl worker start\n"
            queue.start()
            queue.wait_for_lines("started")
            if command[0] == "logs":
                assert waiting.stdout.readline() == "begun\n"
            server.stop("immediate")
            assert re.match(r"the (connection to the )?store .* lost.*; still waiting$", waiting.stdout.readline())
            server.start()
            gate.open()

            assert waiting.stdout.read() == ("a is dead: exit 7\n" if command[0] == "wait" else "")
        assert waiting.returncode == (7 if command[0] == "wait" else 0)
    finally:
        queue.close()


def test_a_lease_is_renewed_as_soon_as_the_server_is_back(tmp_path: Path, server: Server) -> None:
    url = server.create_database("q")
    queue = RealQueue(tmp_path, url=url, QUEUECTL_LEASE="24s")
    try:
        queue.start()
        gate = Gate(tmp_path / "gate")
        queue.do("enqueue", "--id", "a", "-c", "read _ <gate")
        queue.wait("a", State.PROCESSING)
        (before,) = select(url, "SELECT lease_until FROM queuectl.workers")
        server.stop()
        gate.open()
        queue.wait_for_event("store lost")
        eventually(lambda: datetime.now(UTC) > before - timedelta(seconds=19))  # it is due after 4 of 24
        server.start()

        def recorded() -> tuple[object, ...]:
            try:
                state, *lease = select(
                    url, "SELECT state, lease_until FROM queuectl.job, queuectl.workers WHERE job.id = 'a'"
                )
            except psycopg.OperationalError as error:
                raise AssertionError from error
            assert state == State.COMPLETED
            return (*lease,)

        assert eventually(recorded) != (before,), "the end of the job came first"
    finally:
        queue.close()


def select(url: str, query: str) -> tuple[Any, ...]:
    """Return the first row that a query finds."""
    with psycopg.connect(url) as connection:
        row: tuple[Any, ...] | None = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row


def test_a_server_that_is_away_for_longer_than_a_lease_counts_nothing(tmp_path: Path, server: Server) -> None:
    queue = RealQueue(tmp_path, url=server.create_database("q"), **SHORT)
    try:
        before = queue.start(count=2)
        tree = "setsid sleep 1000 & sleep 1000 & sleep 1000"
        queue.do("enqueue", "--id", "a", "-c", f"echo run >>a; [ -e again ] && exit; touch again; {tree}")
        eventually(lambda: len(queue.job_processes()) == 4)

        server.stop("immediate")
        eventually(lambda: all(gone(worker.pid) for worker in before))
        eventually(lambda: not queue.job_processes())
        queue.wait_for_workers(2)
        server.start()

        job = queue.wait("a")
        assert (job.state, job.attempt) == (State.COMPLETED, 2)
        assert (job.failures, job.crashes, job.interruptions) == (0, 0, 0)
        assert [attempt.outcome for attempt in queue.attempts("a")] == [Outcome.GIVEN_BACK, Outcome.EXITED]
        assert queue.lines("a") == ["run", "run"]
        eventually(lambda: len(queue.store.workers()) == 2)
        assert log_of(queue).count("lease lost") == 2
    finally:
        queue.close()


def test_a_connection_that_breaks_beside_the_start_of_a_job_takes_no_output_from_it(tmp_path: Path, way: Way) -> None:
    queue = RealQueue(tmp_path, url=way.url_by_proxy)
    try:
        queue.do("enqueue", "--id", "bad", "-c", "exit 1", "--priority", "9")
        queue.enqueue("head -c 300000 /dev/zero", "--id", "loud")
        # The worker's call of others, because the first job is to be retried; it starts the second one then.
        way.proxy.cut(b"SELECT pg_notify('queuectl_' || id, 'work')", "message")
        queue.start()

        assert queue.wait("loud").state is State.COMPLETED
        assert way.proxy.cuts == 1
    finally:
        queue.close()


RESTARTS = {"immediate": 20, "fast": 5}


@pytest.mark.parametrize("how", ["immediate", "fast", "terminate"])
def test_no_restart_of_the_server_loses_or_repeats_anything(
    tmp_path: Path, server: Server, how: Literal["immediate", "fast", "terminate"]
) -> None:
    url = server.create_database("q")
    queue = RealQueue(tmp_path, url=url)
    try:
        started = queue.start(count=2)
        lines = "".join(f'{{"id": "j{n}", "command": "echo {n} >>done"}}\n' for n in range(300))
        queue.do("enqueue", "--file", "-", stdin=lines)
        for number in range(1, 21):
            queue.wait_for_lines("done", 14 * number)
            if how == "terminate":
                throw_out(url)
            elif number <= RESTARTS[how]:
                server.restart(how)

        eventually(lambda: queue.store.counts()["default"][State.COMPLETED] == 300)

        assert sorted(map(int, queue.lines("done"))) == list(range(300))
        assert "worker lost" not in log_of(queue)
        assert queue.workers() == started
    finally:
        queue.close()


def throw_out(url: str) -> None:
    """Let the server end the connections of all workers."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'queuectl'")


def log_of(queue: RealQueue) -> str:
    """Return the worker log, in which each line has to tell an event: no traceback, and no warning of a library."""
    with open(queue.home.worker_log, encoding="utf-8") as file:
        log = file.read()
    others = [line for line in log.splitlines() if not EVENT.match(line)]
    assert not others
    return log

"""What commands print, while they run and afterwards; `logs`, `run` and `wait` as their users see them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from queuectl import joblogs
from queuectl.job import State
from tests.support.eventually import DEADLINE, eventually
from tests.support.processes import gone, kill

if TYPE_CHECKING:
    from tests.support.gate import Gate
    from tests.support.processes import RealQueue

MIB = 1 << 20


def raw_logs(queue: RealQueue, id: str, *options: str) -> bytes:
    """Return the bytes that `logs` prints on stdout."""
    command = [sys.executable, "-m", "queuectl", "logs", id, *options]
    return subprocess.run(command, env=queue.environ, stdout=subprocess.PIPE, timeout=DEADLINE, check=True).stdout


# logs


def test_the_log_can_be_read_while_the_job_runs(queue: RealQueue, gate: Gate) -> None:
    queue.start()
    id = queue.enqueue("echo before; read _ < gate; echo after")

    eventually(lambda: queue.do("logs", id) == "before\n" if queue.job(id).attempt else False)
    gate.open()

    queue.wait(id)
    assert queue.do("logs", id) == "before\nafter\n"


def test_a_followed_log_goes_on_across_retries_until_the_job_has_ended(queue: RealQueue, gate: Gate) -> None:
    queue.environ["QUEUECTL_BACKOFF_MAX"] = "0.05s"
    id = queue.enqueue('echo "run $QUEUECTL_ATTEMPT"; read code < gate; exit "$code"', "--max-retries", "1")
    queue.start()

    follower = queue.spawn("logs", "-f", id)
    assert follower.stdout is not None
    assert follower.stdout.readline() == "run 1\n"
    gate.open("1")
    assert follower.stdout.readline() == f"attempt 2 of {id}\n"
    assert follower.stdout.readline() == "run 2\n"
    assert follower.poll() is None
    gate.open("0")

    assert follower.communicate()[0] == ""
    assert follower.returncode == 0
    assert queue.job(id).state is State.COMPLETED


def test_each_attempt_has_a_log_of_its_own_and_the_newest_is_shown(running: RealQueue) -> None:
    id = running.enqueue('echo "run $QUEUECTL_ATTEMPT"; exit 1', "--max-retries", "2")
    running.wait(id)

    assert running.do("logs", id) == "run 3\n"
    assert [running.do("logs", id, "--attempt", str(number)) for number in (1, 2, 3)] == [
        "run 1\n",
        "run 2\n",
        "run 3\n",
    ]
    assert running.run("logs", id, "--attempt", "4").code == 3


def test_the_last_lines_can_be_asked_for(running: RealQueue) -> None:
    id = running.enqueue("seq 1000")
    running.wait(id)

    assert running.do("logs", id, "-n", "3") == "998\n999\n1000\n"


def test_stdout_and_stderr_are_kept_apart(running: RealQueue) -> None:
    id = running.enqueue("echo out; echo err >&2; echo out again")
    running.wait(id)

    assert running.run("logs", id) == (0, "out\nout again\n", "err\n")
    assert running.run("logs", id, "--stderr") == (0, "", "err\n")
    assert running.run("logs", id, "--stdout") == (0, "out\nout again\n", "")


def test_output_comes_back_byte_for_byte(running: RealQueue) -> None:
    code = r"import sys; sys.stdout.buffer.write(bytes(range(256)) * 3 + b'\n\r\n\n' + b'x' * 50_000 + b'\nno end')"
    id = running.do("enqueue", "--", sys.executable, "-c", code).strip()
    running.wait(id)

    assert raw_logs(running, id) == bytes(range(256)) * 3 + b"\n\r\n\n" + b"x" * 50_000 + b"\nno end"


def test_a_silent_job_leaves_no_log(running: RealQueue) -> None:
    id = running.enqueue("true")
    job = running.wait(id)

    assert running.run("logs", id) == (0, "", "")
    assert joblogs.attempts_logged(running.home.job_logs(running.store.id), job.seq) == []


def test_output_that_is_printed_by_background_processes_until_the_end_is_kept(running: RealQueue) -> None:
    id = running.enqueue("(sh -c 'echo from below') & wait; echo last")
    running.wait(id)

    assert running.do("logs", id) == "from below\nlast\n"


FILL_THE_PIPE = r"""
import fcntl, os
fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, 1 << 20)
open("gate").read()
os.write(1, b"0123456789abcde\n" * 65536)
"""


def test_what_is_in_a_large_pipe_when_the_command_has_ended_is_kept(queue: RealQueue, gate: Gate) -> None:
    (worker,) = queue.start()
    id = queue.enqueue(f"echo $$ >>pids; exec {sys.executable} -S -c '{FILL_THE_PIPE}'")
    (pid,) = queue.wait_for_lines("pids")

    queue.suspend(worker.pid)
    gate.open()
    eventually(lambda: gone(int(pid)))
    kill(worker.pid, signal.SIGCONT)

    assert queue.wait(id).state is State.COMPLETED
    assert raw_logs(queue, id) == b"0123456789abcde\n" * 65536


def test_a_flood_of_output_stays_below_the_cap_and_leaves_the_memory_of_the_worker_flat(queue: RealQueue) -> None:
    queue.do("config", "set", "log_cap", "2MiB")
    (worker,) = queue.start()
    queue.wait(queue.enqueue("seq 10000; seq 10000 >&2"), State.COMPLETED)
    before = peak_memory(worker.pid)

    id = queue.enqueue("echo first; yes 'a line of the flood, one of very many' | head -c 100000000; echo; echo last")
    job = queue.wait(id, State.COMPLETED)

    assert MIB < joblogs.size(queue.home.job_logs(queue.store.id), job.seq, 1) <= 2 * MIB
    shown = queue.run("logs", id)
    assert shown.out.startswith("first\na line of the flood")
    assert shown.out.endswith("\nlast\n")
    assert re.search(r"9\d(\.\d)? MiB dropped", shown.err)
    assert peak_memory(worker.pid) - before < 16 * MIB


def test_the_last_lines_before_a_long_silence_are_not_held_back(queue: RealQueue, gate: Gate) -> None:
    queue.do("config", "set", "log_cap", "64KiB")
    queue.start()
    id = queue.enqueue("seq 100000; echo the last one; read _ < gate")
    queue.wait(id, State.PROCESSING)

    eventually(lambda: queue.do("logs", id, "-n", "1") == "the last one\n")

    gate.open()
    assert queue.wait(id).state is State.COMPLETED


def test_the_last_line_of_stderr_is_shown_as_the_error(running: RealQueue) -> None:
    id = running.enqueue("echo first >&2; echo 'the reason' >&2; echo >&2; exit 4", "--max-retries", "0")
    running.wait(id)

    assert "the reason" in running.do("show", id)
    assert "exit 4: the reason" in running.do("dlq", "list")
    assert "exit 4: the reason" in running.do("status")
    assert json.loads(running.do("show", id, "--json"))["last_error"] == "the reason"


# run


def test_run_shows_the_output_while_the_job_runs(queue: RealQueue, gate: Gate) -> None:
    queue.start()
    run = queue.spawn("run", "-c", "echo before; read _ < gate; echo after")

    assert run.stdout is not None
    assert run.stdout.readline() == "before\n"
    gate.open()
    assert run.communicate()[0] == "after\n"
    assert run.returncode == 0


def test_run_keeps_stdout_and_stderr_apart(running: RealQueue) -> None:
    assert running.run("run", "-c", "echo out; echo err >&2; exit 3") == (3, "out\n", "err\n")


def test_run_ends_with_the_code_that_a_shell_would_give(running: RealQueue) -> None:
    for command, code in (
        (("-c", "exit 0"), 0),
        (("-c", "exit 255"), 255),
        (("-c", "kill -KILL $$"), 137),
        (("--", "no-such-program"), 127),
        (("--", "/"), 126),
        (("--timeout", "0.1s", "--", "sleep", "1000"), 124),
        (("--no-such-option",), 125),
    ):
        assert running.run("run", *command).code == code, command


def test_run_of_a_job_that_is_cancelled_ends_with_125(queue: RealQueue) -> None:
    queue.start()
    run = queue.spawn("run", "--id", "long", "-c", "echo up; exec sleep 1000")
    assert run.stdout is not None
    assert run.stdout.readline() == "up\n"

    queue.do("cancel", "long")

    assert "long is cancelled" in run.communicate()[0]
    assert run.returncode == 125


def test_run_does_not_retry_unless_it_is_told_to(running: RealQueue) -> None:
    assert running.run("run", "--id", "once", "-c", "exit 1").code == 1
    assert running.run("run", "--id", "twice", "--max-retries", "1", "-c", "exit 1").code == 1

    assert (running.job("once").attempt, running.job("twice").attempt) == (1, 2)


def test_ctrl_c_leaves_the_job_alone(queue: RealQueue, gate: Gate) -> None:
    queue.start()
    run = queue.spawn("run", "--id", "long", "-c", "echo up; read _ < gate")
    assert run.stdout is not None
    assert run.stdout.readline() == "up\n"

    os.killpg(run.pid, signal.SIGINT)

    assert "detached; job long goes on" in run.communicate()[0]
    assert run.returncode == 130
    assert queue.job("long").state is State.PROCESSING
    gate.open()
    assert queue.wait("long").state is State.COMPLETED


def test_run_without_a_worker_says_so_and_waits(queue: RealQueue) -> None:
    run = queue.spawn("run", "--", "echo", "hi")
    assert run.stdout is not None
    assert run.stdout.readline() == "no worker is running; start one: queuectl worker start\n"

    queue.start()

    assert run.communicate()[0] == "hi\n"
    assert run.returncode == 0


# wait


def test_waiting_for_several_jobs_ends_with_the_highest_code(running: RealQueue) -> None:
    ids = [running.enqueue(f"exit {code}", "--max-retries", "0") for code in (0, 9, 4)]

    waited = running.run("wait", *ids)

    assert waited.code == 9
    assert re.search(rf"^{ids[1]} is dead\b.*\bexit 9\b", waited.err, re.MULTILINE)


def test_waiting_no_longer_than_a_time_limit_ends_with_124_and_leaves_the_job(queue: RealQueue, gate: Gate) -> None:
    queue.start()
    id = queue.enqueue("read _ < gate")

    waited = queue.run("wait", id, "--timeout", "0.2s")

    assert waited.code == 124
    assert id in waited.err
    gate.open()
    assert queue.run("wait", id).code == 0


def peak_memory(pid: int) -> int:
    """Return the most bytes that a process has had in memory."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))

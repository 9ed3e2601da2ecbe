"""`wait`, `run`, `logs`: what they show of a job that somebody else runs, and the code with which they end."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from queuectl import joblogs
from queuectl.job import Ended, Outcome, Policy, State
from tests.cli.conftest import FILES_ONLY, SERVER_ONLY
from tests.support.eventually import DEADLINE, eventually
from tests.support.factories import WELL, WORKER, claimed, job, new_job, stored_job
from tests.support.mortal import mortal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from queuectl.job import Job
    from queuectl.paths import Home
    from queuectl.store.base import Store
    from tests.cli.conftest import Cli, Terminal

    Start = Callable[..., subprocess.Popen[str]]

ENDINGS = [
    (Ended(Outcome.EXITED, exit_code=0), 0),
    (Ended(Outcome.EXITED, exit_code=3), 3),
    (Ended(Outcome.EXITED, exit_code=255), 255),
    (Ended(Outcome.SIGNALLED, signal=9), 137),
    (Ended(Outcome.TIMED_OUT), 124),
    (Ended(Outcome.NOT_STARTED, exit_code=126), 126),
    (Ended(Outcome.NOT_STARTED, exit_code=127), 127),
    (Ended(Outcome.NOT_STARTED), 125),
    (Ended(Outcome.CANCELLED), 125),
]


@pytest.fixture
def store(store: Store) -> Store:
    """The store that the commands use. No worker is known to it: a command that waits says so, and then has begun."""
    store.deregister(WORKER)
    return store


@pytest.fixture
def start(program: list[str], environ: dict[str, str]) -> Iterator[Start]:
    """Start commands that go on while the test does."""
    started = []

    def run(*argv: str) -> subprocess.Popen[str]:
        process = mortal(
            subprocess.Popen([*program, *argv], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def once(store: Store, id: str) -> Job:
    """Enqueue a job that is not retried, and claim it."""
    store.enqueue([new_job(id, policy=Policy(max_retries=0))])
    return claimed(store, id)


@pytest.fixture
def logs(store: Store, home: Home) -> str:
    """Where workers of this home put the logs of jobs."""
    return home.job_logs(store.id)


def printed(logs: str, job: Job, **streams: str) -> None:
    """Print something for a running job, as its worker does."""
    log = joblogs.LogWriter(logs, job.seq, job.attempt, 1 << 20)
    for stream, text in streams.items():
        log.write(stream, text.encode())
    log.close()


@pytest.mark.parametrize(("ended", "code"), ENDINGS)
def test_wait_ends_with_the_code_of_the_job(cli: Cli, store: Store, ended: Ended, code: int) -> None:
    store.finish(once(store, "a"), ended)
    assert cli("wait", "a").code == code


def test_wait_for_a_job_that_lost_its_worker_too_often_is_125(cli: Cli, store: Store) -> None:
    store.enqueue([new_job("a", policy=Policy(max_crashes=2))])
    for _ in range(2):
        store.finish(claimed(store, "a", now=datetime.now(UTC)), Ended(Outcome.LOST))
    code, _, err = cli("wait", "a")
    assert (code, err) == (125, "a is dead: its worker was lost 2 times\n")


def test_wait_for_a_selection_counts_jobs_that_ended_before_or_end_meanwhile(store: Store, start: Start) -> None:
    store.enqueue(new_job(f"j{n}", queue="q", policy=Policy(max_retries=0)) for n in range(150))
    store.enqueue([new_job("other")])
    store.finish(claimed(store, "j0"), Ended(Outcome.EXITED, exit_code=3))
    store.finish(claimed(store, "j1"), WELL)
    store.cancel("j2")
    waiting = start("wait", "--queue", "q")
    assert waiting.stderr
    assert "no worker" in waiting.stderr.readline()

    store.finish(claimed(store, "j3"), Ended(Outcome.EXITED, exit_code=7))
    for n in range(4, 150):
        assert waiting.poll() is None
        store.finish(claimed(store, f"j{n}"), WELL)

    _, err = waiting.communicate(timeout=DEADLINE)
    assert (waiting.returncode, err.splitlines()[-2:]) == (
        125,
        ["j3 is dead: exit 7", "147 completed, 2 dead, 1 cancelled"],
    )


def test_wait_for_a_selection_says_when_jobs_of_it_are_cleared(store: Store, start: Start) -> None:
    store.enqueue([new_job("a"), new_job("b")])
    waiting = start("wait", "--all")
    assert waiting.stderr
    waiting.stderr.readline()

    list(store.clear())

    _, err = waiting.communicate(timeout=DEADLINE)
    assert waiting.returncode == 125
    assert err.splitlines()[-1] == "queuectl: error: 2 of the jobs were cleared meanwhile"


def test_wait_for_a_selection_can_time_out(cli: Cli, store: Store) -> None:
    store.enqueue(new_job(f"j{n}", queue="q") for n in range(250))
    job(store, State.CANCELLED, new_job("off", queue="q"))

    code, _, err = cli("wait", "--queue", "q", "--timeout", "0.2")

    assert (code, err.splitlines()[-2:]) == (124, ["1 cancelled", "timed out after 0.2 s; 250 not ended"])


def test_wait_for_a_selection_gives_its_jobs_as_json(cli: Cli, store: Store) -> None:
    store.finish(once(store, "a"), Ended(Outcome.EXITED, exit_code=3))
    store.finish(once(store, "b"), WELL)

    assert cli("wait", "--state", "completed") == (0, "", "1 completed\n")
    code, out, _ = cli("wait", "--command-like", "true", "--json")
    assert (code, sorted(shown["id"] for shown in json.loads(out))) == (3, ["a", "b"])


def test_wait_for_several_ends_with_the_highest_code(cli: Cli, store: Store) -> None:
    store.finish(once(store, "a"), Ended(Outcome.EXITED, exit_code=3))
    store.finish(once(store, "b"), Ended(Outcome.EXITED, exit_code=7))
    store.finish(once(store, "c"), WELL)
    code, _, err = cli("wait", "a", "b", "c", "a")
    assert (code, err) == (7, "a is dead: exit 3\nb is dead: exit 7\n")


def test_wait_sees_the_end_of_a_job(start: Start, store: Store) -> None:
    running = once(store, "a")
    waiting = start("wait", "a", "--json")
    assert waiting.stderr is not None
    assert waiting.stderr.readline() == "no worker is running; start one: queuectl worker start\n"
    assert waiting.poll() is None
    store.finish(running, WELL)
    out, _ = waiting.communicate()
    assert waiting.returncode == 0
    assert [waited["state"] for waited in json.loads(out)] == ["completed"]


def test_wait_goes_on_while_a_job_has_retries_left(cli: Cli, store: Store) -> None:
    job(store, State.FAILED, new_job("a"), now=datetime.now(UTC))
    code, _, err = cli("wait", "a", "--timeout", "0.2")
    assert code == 124
    assert err.splitlines()[-1] == "timed out after 0.2 s; not ended: a"


@FILES_ONLY
def test_wait_puts_the_end_on_disk_before_it_reports_it(cli: Cli, store: Store) -> None:
    store.finish(once(store, "a"), WELL)
    store.changed()
    assert cli("wait", "a").code == 0
    assert store.changed()


@FILES_ONLY
def test_wait_that_has_nothing_to_report_writes_nothing(cli: Cli, store: Store) -> None:
    once(store, "a")
    store.changed()
    assert cli("wait", "a", "--timeout", "0.1").code == 124
    assert not store.changed()


@SERVER_ONLY
def test_where_every_end_is_on_disk_at_once_wait_writes_nothing(cli: Cli, store: Store) -> None:
    reader = {"PGOPTIONS": "-c default_transaction_read_only=on"}
    running = once(store, "a")
    assert cli("wait", "a", "--timeout", "0.1", env=reader).code == 124
    store.finish(running, WELL)
    assert cli("wait", "a", env=reader).code == 0
    assert cli("enqueue", "--", "true", env=reader).code == 5


@FILES_ONLY
@pytest.mark.parametrize("command", [["wait"], ["run", "--id", "a", "--", "true"]])
def test_an_end_that_cannot_be_put_on_disk_is_not_reported_as_one(
    start: Start, store: Store, command: list[str]
) -> None:
    if command == ["wait"]:
        running = once(store, "a")
        waiting = start("wait", "a", "--json")
    else:
        waiting = start(*command, "--json")
        running = follow_run(store, "a")
    assert waiting.stderr is not None
    waiting.stderr.readline()  # there is no worker
    resource.prlimit(waiting.pid, resource.RLIMIT_FSIZE, (0, 0))  # no file can grow: the disk is full

    store.finish(running, WELL)

    out, err = waiting.communicate()
    assert (waiting.returncode, out) == (125, "")
    assert "the end of a may not be on disk yet: " in err


def test_wait_does_not_take_a_new_job_of_the_same_id_for_the_old_one(cli: Cli, start: Start) -> None:
    cli("enqueue", "--id", "a", "--", "true")
    waiting = start("wait", "a")
    assert waiting.stderr is not None
    waiting.stderr.readline()
    waiting.send_signal(signal.SIGSTOP)
    cli("clear")
    cli("enqueue", "--id", "a", "--", "true")
    waiting.send_signal(signal.SIGCONT)
    _, err = waiting.communicate()
    assert waiting.returncode == 125
    assert err == 'queuectl: error: job "a" was cleared; its id belongs to another job now\n'


def follow_run(store: Store, id: str) -> Job:
    """Return the job that `run` has enqueued, claimed."""
    eventually(lambda: store.get(id) is not None)
    return claimed(store, id)


@pytest.mark.parametrize(("ended", "code"), ENDINGS)
def test_run_ends_with_the_code_of_its_job(start: Start, store: Store, ended: Ended, code: int) -> None:
    running = start("run", "--id", "a", "--", "true")
    store.finish(follow_run(store, "a"), ended)
    assert running.wait() == code


@FILES_ONLY
def test_run_puts_the_end_on_disk_before_it_reports_it(start: Start, store: Store) -> None:
    running = start("run", "--id", "a", "--", "true")
    run = follow_run(store, "a")
    store.changed()
    store.finish(run, WELL)
    assert running.wait() == 0
    assert store.changed()


def test_run_passes_both_streams_on(start: Start, store: Store, logs: str) -> None:
    running = start("run", "--id", "a", "--", "true")
    run = follow_run(store, "a")
    printed(logs, run, stdout="hi\n\x1b[0mno newline", stderr="oops\n")
    store.finish(run, Ended(Outcome.EXITED, exit_code=4))
    out, err = running.communicate()
    assert (running.returncode, out) == (4, "hi\n\x1b[0mno newline")
    assert err == "no worker is running; start one: queuectl worker start\noops\n"


def test_run_shows_output_before_the_job_has_ended(start: Start, store: Store, logs: str) -> None:
    running = start("run", "--id", "a", "--", "true")
    run = follow_run(store, "a")
    log = joblogs.LogWriter(logs, run.seq, run.attempt, 1 << 20)
    log.write("stdout", b"step 1\n")
    assert running.stdout is not None
    assert running.stdout.readline() == "step 1\n"
    log.close()


def test_run_does_not_retry_unless_asked(cli: Cli, start: Start, store: Store) -> None:
    start("run", "--id", "a", "--", "true")
    start("run", "--id", "b", "--max-retries", "2", "--", "true")
    start("run", '{"id": "c", "command": "true"}')
    eventually(lambda: len(list(store.list())) == 3)
    retries = {job["id"]: job["max_retries"] for job in json.loads(cli("list", "--json").out)}
    assert retries == {"a": 0, "b": 2, "c": 0}


def test_ctrl_c_leaves_the_job_of_run_alone(start: Start, store: Store) -> None:
    running = start("run", "--id", "a", "--", "true")
    assert running.stderr is not None
    running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate()
    assert running.returncode == 130
    assert err == "detached; job a goes on (queuectl logs -f a, queuectl cancel a)\n"
    assert stored_job(store, "a").state is State.PENDING


def test_run_as_json_prints_the_job_that_has_ended(start: Start, store: Store, logs: str) -> None:
    running = start("run", "--json", "--id", "a", "--", "true")
    run = follow_run(store, "a")
    printed(logs, run, stdout="hi\n")
    store.finish(run, WELL)
    out, _ = running.communicate()
    assert json.loads(out)["state"] == "completed"


def test_run_of_a_taken_id_is_125(cli: Cli) -> None:
    cli("enqueue", "--id", "a", "--", "true")
    assert cli("run", "--id", "a", "--", "true").code == 125


@pytest.fixture
def logged(store: Store, logs: str) -> Job:
    """A job whose first attempt failed, and whose second ended well."""
    store.enqueue([new_job("a", policy=Policy(max_retries=1, backoff_base=1, backoff_max=0.0))])
    run = claimed(store, "a", now=datetime.now(UTC))
    printed(logs, run, stdout="one\n", stderr="first failed\n")
    store.finish(run, Ended(Outcome.EXITED, exit_code=1))
    run = claimed(store, "a", now=datetime.now(UTC))
    printed(logs, run, stdout="a\nb\nc\n", stderr="\x1b[31mred\n")
    store.finish(run, WELL)
    return stored_job(store, "a")


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(
    ("options", "out", "err"),
    [
        ([], "a\nb\nc\n", "\x1b[31mred\n"),
        (["--attempt", "1"], "one\n", "first failed\n"),
        (["--stdout"], "a\nb\nc\n", ""),
        (["--stderr"], "", "\x1b[31mred\n"),
        (["--stdout", "-n", "2"], "b\nc\n", ""),
        (["-n", "0"], "", ""),
        (["-f"], "a\nb\nc\n", "\x1b[31mred\n"),
        (["-f", "--attempt", "1"], "one\n", "first failed\n"),
        (["-f", "--stdout", "-n", "1"], "c\n", ""),
    ],
)
def test_logs_prints_each_stream_to_its_own(cli: Cli, options: list[str], out: str, err: str) -> None:
    assert cli("logs", "a", *options) == (0, out, err)


@pytest.mark.usefixtures("logged")
def test_logs_with_timestamps(cli: Cli) -> None:
    lines = cli("logs", "a", "-t", "--stdout").out.splitlines()
    assert [line[30:] for line in lines] == [" a", " b", " c"]
    assert all(datetime.fromisoformat(line[:30]) for line in lines)


@pytest.mark.usefixtures("logged")
def test_logs_as_json(cli: Cli) -> None:
    lines = json.loads(cli("logs", "a", "--json", "--attempt", "1").out)
    assert [(line["attempt"], line["stream"], line["text"]) for line in lines] == [
        (1, "stdout", "one\n"),
        (1, "stderr", "first failed\n"),
    ]
    assert cli("logs", "a", "-o", "jsonl").out.count("\n") == 4


@pytest.mark.usefixtures("logged")
def test_on_a_terminal_output_is_made_harmless(terminal: Terminal) -> None:
    assert "\\x1b[31mred" in terminal("logs", "a")


def test_an_attempt_that_never_was_is_exit_3(cli: Cli, logged: Job) -> None:
    assert cli("logs", logged.id, "--attempt", "3").code == 3
    assert cli("logs", logged.id, "--attempt", "0").code == 3


def test_a_job_that_never_ran_has_no_output(cli: Cli) -> None:
    cli("enqueue", "--id", "a", "--", "true")
    assert cli("logs", "a") == (0, "", "a has not run yet\n")
    assert cli("logs", "a", "--json")[:2] == (0, "[]\n")


def test_bytes_come_out_as_they_went_in(store: Store, logs: str, program: list[str], environ: dict[str, str]) -> None:
    data = bytes(range(256)) * 300
    run = once(store, "a")
    log = joblogs.LogWriter(logs, run.seq, run.attempt, 1 << 20)
    log.write("stdout", data)
    log.close()
    store.finish(run, WELL)
    assert subprocess.check_output([*program, "logs", "a"], env=environ, timeout=DEADLINE) == data


def test_follow_waits_for_the_start_and_goes_on_into_later_attempts(start: Start, store: Store, logs: str) -> None:
    store.enqueue([new_job("a", policy=Policy(max_retries=1, backoff_base=1, backoff_max=0.0))])
    following = start("logs", "-f", "a")
    run = claimed(store, "a", now=datetime.now(UTC))
    printed(logs, run, stdout="one\n")
    assert following.stdout is not None
    assert following.stdout.readline() == "one\n"
    store.finish(run, Ended(Outcome.EXITED, exit_code=1))
    run = claimed(store, "a", now=datetime.now(UTC))
    printed(logs, run, stdout="two\n")
    store.finish(run, WELL)
    out, err = following.communicate()
    assert (following.returncode, out, err) == (0, "two\n", "attempt 2 of a\n")

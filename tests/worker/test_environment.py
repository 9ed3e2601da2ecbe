"""What a command sees: its input, session, directory, umask, environment, descriptors, signals and arguments."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import stat
import sys
from typing import TYPE_CHECKING, Any

import apsw
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from queuectl import roster
from queuectl.job import Outcome, State
from tests.support.eventually import eventually
from tests.support.processes import FILES_ONLY, RealQueue, gone, kill
from tests.worker.conftest import OF_THE_WORKER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.gate import Gate
    from tests.worker.conftest import Shell


def seen_by(queue: RealQueue, code: str, *options: str) -> Any:  # noqa: ANN401  whatever the code finds
    """Run Python code as a job and return what it leaves in `seen`."""
    return json.loads(
        queue.do("run", *options, "--", sys.executable, "-c", f"{code}\nimport json; print(json.dumps(seen))")
    )


def caller(queue: RealQueue, environ: Mapping[str, str | None]) -> RealQueue:
    """Return the same queue as used from another environment; None is a variable that is not there."""
    other = RealQueue(queue.directory, url=queue.url)
    changed = {**other.environ, **environ}
    other.environ = {name: value for name, value in changed.items() if value is not None}
    return other


ENVIRONMENT = "import os; seen = dict(os.environ)"


# Input


def test_standard_input_is_dev_null(running: RealQueue) -> None:
    assert running.do("run", "--", "readlink", "/proc/self/fd/0") == "/dev/null\n"


def test_a_file_may_be_the_standard_input(running: RealQueue) -> None:
    (running.directory / "input").write_text("from a file\n")

    assert running.do("run", "--stdin", "input", "--cwd", "/", "--", "cat") == "from a file\n"


def test_a_missing_input_is_a_failed_attempt_with_that_reason(running: RealQueue) -> None:
    id = running.enqueue("cat", "--stdin", "nothing", "--max-retries", "1")

    job = running.wait(id, State.DEAD)

    assert [attempt.outcome for attempt in running.attempts(id)] == [Outcome.NOT_STARTED] * 2
    assert job.last_error == f"stdin {running.directory}/nothing: No such file or directory"
    assert (job.failures, job.crashes) == (2, 0)


# Session, directory, umask


def test_a_job_has_a_session_of_its_own(running: RealQueue) -> None:
    seen = seen_by(running, "import os; seen = [os.getpid(), os.getsid(0), os.getpgid(0)]")

    assert len(set(seen)) == 1


def test_a_job_runs_where_its_enqueuer_was(running: RealQueue) -> None:
    assert running.do("run", "--", "pwd") == f"{running.directory}\n"


def test_a_job_runs_where_it_is_told_to(running: RealQueue) -> None:
    (running.directory / "below").mkdir()

    assert running.do("run", "--cwd", "below", "--", "pwd") == f"{running.directory}/below\n"


def test_a_missing_directory_is_a_failed_attempt_that_is_retried(running: RealQueue) -> None:
    id = running.enqueue("pwd", "--cwd", "later", "--max-retries", "1")
    job = running.wait(id, State.DEAD)
    assert [attempt.outcome for attempt in running.attempts(id)] == [Outcome.NOT_STARTED] * 2
    assert job.last_error == f"working directory {running.directory}/later: No such file or directory"

    (running.directory / "later").mkdir()
    running.do("dlq", "retry", id)

    assert running.wait(id).state is State.COMPLETED
    assert running.do("logs", id) == f"{running.directory}/later\n"


@pytest.mark.parametrize("umask", [0o027, 0o000, 0o177])
def test_a_job_has_the_umask_of_its_enqueuer(running: RealQueue, umask: int) -> None:
    before = os.umask(umask)
    try:
        shown = running.do("run", "-c", "umask")
    finally:
        os.umask(before)

    assert int(shown, 8) == umask


def test_the_umask_of_a_job_does_not_open_the_home_to_others(running: RealQueue) -> None:
    before = os.umask(0)
    try:
        running.do("run", "-c", "echo out; echo err >&2")
        running.do("run", "-c", "exit 0")
    finally:
        os.umask(before)

    found = [os.path.join(at, name) for at, _, names in os.walk(running.home.path) for name in names]
    assert found
    assert {path: oct(os.lstat(path).st_mode) for path in found if stat.S_IMODE(os.lstat(path).st_mode) & 0o077} == {}


def test_the_umask_of_a_job_does_not_keep_its_worker_from_its_own_files(queue: RealQueue, gate: Gate) -> None:
    queue.start(count=2)
    before = os.umask(0o777)
    try:
        ids = [queue.enqueue("[ $QUEUECTL_ATTEMPT = 1 ] || exit 0; echo up; read _ < gate") for _ in range(2)]
    finally:
        os.umask(before)
    eventually(lambda: [queue.do("logs", id) for id in ids] == ["up\n"] * 2)
    lost, rescuer = (queue.worker_of(id) for id in ids)
    (supervisor,) = queue.supervisors()

    kill(supervisor.pid, signal.SIGSTOP)  # so that no worker with another umask comes
    kill(lost.pid)
    eventually(lambda: os.path.exists(queue.home.rescue_lock))
    kill(supervisor.pid, signal.SIGCONT)
    assert queue.wait(ids[0]).attempt == 2
    queue.run("worker", "stop", "--timeout", "0.1s")
    eventually(lambda: roster.is_draining(queue.home, rescuer.id))
    found = [os.path.join(at, name) for at, _, names in os.walk(queue.home.path) for name in names]
    modes = {path: oct(stat.S_IMODE(os.lstat(path).st_mode)) for path in found}
    gate.open()

    assert {path: mode for path, mode in modes.items() if mode != "0o600"} == {}


# Environment


def test_path_language_and_time_zone_are_the_enqueuers(running: RealQueue) -> None:
    given = {"VIRTUAL_ENV": "/mine", "LANG": "C", "LC_ALL": "C.UTF-8", "LC_PAPER": "C", "TZ": "Asia/Tokyo"}
    path = f"/nowhere:{running.environ['PATH']}"

    seen = seen_by(caller(running, {**given, "PATH": path}), ENVIRONMENT)

    assert {name: seen.get(name) for name in given} == given
    assert seen["PATH"] == path


def test_what_the_enqueuer_had_not_set_is_not_set_in_the_job(running: RealQueue) -> None:
    assert {"VIRTUAL_ENV", "LC_TIME"} < OF_THE_WORKER.keys()  # the worker has them

    seen = seen_by(caller(running, {"LANG": None, "TZ": None}), ENVIRONMENT)

    assert not {"VIRTUAL_ENV", "LC_TIME", "LANG", "TZ"} & seen.keys()


def test_every_other_variable_is_the_workers(running: RealQueue) -> None:
    seen = seen_by(caller(running, {"OF_THE_CALLER": "there", "OF_THE_WORKER": "not this"}), ENVIRONMENT)

    assert seen["OF_THE_WORKER"] == OF_THE_WORKER["OF_THE_WORKER"]
    assert "OF_THE_CALLER" not in seen


def test_a_job_may_bring_variables_of_its_own(running: RealQueue) -> None:
    seen = seen_by(
        running, ENVIRONMENT, "--env", 'GREETING=a  b="c"\n', "--env", "EMPTY=", "--env", "OF_THE_WORKER=mine"
    )

    assert (seen["GREETING"], seen["EMPTY"], seen["OF_THE_WORKER"]) == ('a  b="c"\n', "", "mine")


def test_a_secret_comes_from_the_worker_and_is_stored_nowhere(queue: RealQueue) -> None:
    secret = "tr0ub4dor"  # noqa: S105  nobody's
    queue.start(env={"API_TOKEN": secret})
    code = "import os, hashlib; seen = hashlib.sha256(os.environ['API_TOKEN'].encode()).hexdigest()"

    seen = seen_by(caller(queue, {"API_TOKEN": "not this"}), code, "--secret-env", "API_TOKEN")
    queue.wait(queue.enqueue("exit 1", "--secret-env", "API_TOKEN", "--max-retries", "0"), State.DEAD)
    queue.enqueue("echo up >> started; exec sleep 1000", "--secret-env", "API_TOKEN")
    queue.wait_for_lines("started")

    assert seen == hashlib.sha256(secret.encode()).hexdigest()
    stored = everything_stored(queue)
    assert b"API_TOKEN" in stored["jobs"]
    assert not [place for place, text in stored.items() if secret.encode() in text]


def test_a_secret_that_the_worker_does_not_have_is_not_set(running: RealQueue) -> None:
    assert "MISSING" not in seen_by(running, ENVIRONMENT, "--secret-env", "MISSING")


@FILES_ONLY
@pytest.mark.parametrize("name", ["PGPASSWORD", "PGPASSFILE"])
def test_a_password_for_servers_is_the_jobs_own_where_the_queue_is_a_file(queue: RealQueue, name: str) -> None:
    queue.start(env={name: "theirs"})

    assert seen_by(queue, ENVIRONMENT)[name] == "theirs"


@FILES_ONLY
def test_a_store_that_is_empty_is_none_for_a_job_either(queue: RealQueue) -> None:
    queue.start(env={"QUEUECTL_STORE": ""})

    assert queue.do("run", "--", sys.executable, "-m", "queuectl", "list", "-q")


def test_a_job_knows_which_run_it_is(running: RealQueue) -> None:
    command = 'echo "$QUEUECTL_JOB_ID $QUEUECTL_ATTEMPT $QUEUECTL_QUEUE $QUEUECTL_HOME"; test "$QUEUECTL_ATTEMPT" = 2'
    id = running.enqueue(command, "--id", "who", "--queue", "mail", "--max-retries", "1")

    assert running.wait(id).state is State.COMPLETED
    assert running.do("logs", id, "--attempt", "1") == f"who 1 mail {running.home.path}\n"
    assert running.do("logs", id) == f"who 2 mail {running.home.path}\n"


def test_a_job_may_enqueue_a_job(running: RealQueue) -> None:
    running.do("run", "--", sys.executable, "-m", "queuectl", "enqueue", "--id", "child", "--", "echo", "from a job")

    assert running.wait("child").state is State.COMPLETED
    assert running.do("logs", "child") == "from a job\n"


# Descriptors and signals


def test_a_job_has_no_descriptors_but_the_standard_ones_and_its_workers_lock(queue: RealQueue, shell: Shell) -> None:
    shell("exec 5</dev/null 7</dev/null; queuectl worker start")

    seen = seen_by(
        queue,
        """
import os
names = os.listdir("/proc/self/fd")
seen = {name: os.readlink(f"/proc/self/fd/{name}") for name in names if os.path.exists(f"/proc/self/fd/{name}")}
""",
    )

    assert sorted(map(int, seen)) == [0, 1, 2, 198]
    assert seen["198"].startswith(queue.home.workers)


def test_a_job_has_the_default_signal_dispositions_and_an_empty_mask(queue: RealQueue, shell: Shell) -> None:
    (queue.directory / "start.py").write_text("""
import os, signal
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR2, signal.SIGCHLD, signal.SIGRTMIN + 3):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGUSR1, signal.SIGRTMIN + 4))
os.execvp("queuectl", ("queuectl", "worker", "start"))
""")
    assert shell(f"{sys.executable} start.py").code == 0

    status = queue.do("run", "--", "cat", "/proc/self/status")

    masks = {field: int(mask, 16) for field, mask in re.findall(r"^(Sig\w{3}):\s*(\w+)$", status, re.MULTILINE)}
    of_the_c_library = 1 << 31 | 1 << 32  # 32 and 33, which its posix_spawn always ignores
    for field in ("SigBlk", "SigIgn", "SigCgt"):
        assert masks[field] & ~of_the_c_library == 0, (field, status)


# The command


def test_arguments_arrive_exactly_as_they_were_typed(running: RealQueue) -> None:
    words = ["a b", "", "'", '"', "\\", "$HOME", "*", "--", "-x", "new\nline", "ünïcode", "{}", "a;b|c&d", "~"]

    shown = running.do("run", "--", sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", *words)

    assert json.loads(shown) == words


def test_a_command_string_goes_to_the_shell_as_it_is(running: RealQueue) -> None:
    assert running.do("run", "-c", """printf '%s\\n' "a  b" 'c'"d" | tr a-z A-Z; echo $((1 + 2)) "$#" '*'""") == (
        "A  B\nCD\n3 0 *\n"
    )


@pytest.mark.parametrize("place", ["absolute", "relative", "explicit"])
def test_a_program_is_looked_up_in_the_path_and_directory_of_the_job(running: RealQueue, place: str) -> None:
    directory = running.directory / f"tools-{place}"
    make_program(directory / "my-tool", "#!/bin/sh\necho found\n")
    path = f"{directory if place == 'absolute' else '.'}:/usr/bin:/bin"
    word = "./my-tool" if place == "explicit" else "my-tool"

    ran = caller(running, {"PATH": None if place == "explicit" else path}).do(
        "run", "--cwd", str(directory), "--", word
    )

    assert ran == "found\n"


def test_a_program_is_looked_up_in_a_path_that_the_job_brings(running: RealQueue) -> None:
    make_program(running.directory / "own" / "own-tool", "#!/bin/sh\necho found\n")

    assert running.do("run", "--env", f"PATH={running.directory}/own:/bin", "--", "own-tool") == "found\n"


def test_a_program_that_is_not_there_is_a_failed_attempt_with_code_127(running: RealQueue) -> None:
    for word, reason in (
        ("no-such-program", "no-such-program: command not found"),
        ("./no-such-program", "./no-such-program: No such file or directory"),
    ):
        assert failure(running, word) == (127, reason)


def test_a_program_that_cannot_be_executed_is_a_failed_attempt_with_code_126(running: RealQueue) -> None:
    tools = running.directory / "forbidden"
    make_program(tools / "plain", "text", mode=0o644)
    make_program(tools / "no-format", "neither a program nor a script\n")

    assert failure(running, "./plain", cwd=tools) == (126, "./plain: Permission denied")
    assert failure(running, "./", cwd=tools) == (126, "./: Permission denied")
    assert failure(running, "./no-format", cwd=tools) == (126, "./no-format: Exec format error")
    with_path = failure(caller(running, {"PATH": str(tools)}), "plain")
    assert with_path == (126, f"{tools}/plain: Permission denied")


def test_a_list_of_arguments_that_the_kernel_refuses_is_a_failed_attempt(queue: RealQueue, shell: Shell) -> None:
    large = {f"LARGE_{number}": "x" * 100_000 for number in range(13)}
    assert shell("ulimit -S -s 8192; queuectl worker start", env=large).code == 0

    code, reason = failure(queue, "true", *["x" * 100_000] * 9)

    assert (code, reason.partition(": ")[2]) == (126, "Argument list too long")
    assert queue.do("run", "--", "echo", "small") == "small\n"


# The end


def test_every_exit_code_is_recorded(running: RealQueue) -> None:
    jobs = (json.dumps({"id": f"code-{code}", "command": f"exit {code}", "max_retries": 0}) for code in range(256))
    running.do("enqueue", "--file", "-", stdin="\n".join(jobs))

    ended = [running.wait(f"code-{code}") for code in range(256)]

    assert [job.exit_code for job in ended] == list(range(256))
    assert {job.outcome for job in ended} == {Outcome.EXITED}
    assert [job.state for job in ended] == [State.COMPLETED, *[State.DEAD] * 255]


def test_the_signal_that_ended_a_command_is_recorded(running: RealQueue) -> None:
    numbers = [signal.SIGHUP, signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE, signal.SIGRTMIN]
    ids = [running.enqueue(f"kill -{int(number)} $$", "--max-retries", "0") for number in numbers]

    ended = [running.wait(id) for id in ids]

    assert [(job.state, job.outcome, job.exit_code, job.signal) for job in ended] == [
        (State.DEAD, Outcome.SIGNALLED, None, number) for number in numbers
    ]


LEAVE_BEHIND = """
import os, subprocess, sys, time
left = []
left.append(subprocess.Popen(["sleep", "1000"]).pid)
left.append(subprocess.Popen(["sleep", "1000"], start_new_session=True, stdin=-3, stdout=-3, stderr=-3).pid)
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.environ.clear()
        os.closerange(5, 200)
        os.write(write, b"%d" % os.getpid())
        os.execve("/bin/sleep", ("sleep", "1000"), {})
    os._exit(0)
left.append(int(os.read(read, 100)))
os.kill(left[0], 19)
seen = left
"""


def test_what_a_job_leaves_behind_is_gone_when_it_has_ended(running: RealQueue) -> None:
    left = seen_by(running, LEAVE_BEHIND)

    assert len(left) == 3
    assert all(gone(pid) for pid in left)


def test_orphans_that_end_while_their_job_runs_are_collected(running: RealQueue) -> None:
    id = running.enqueue(
        "sh -c 'sh -c \"exit 0\" & echo $! > orphan; exit 0'; while [ ! -e enough ]; do sleep 0.1; done"
    )
    try:
        (line,) = running.wait_for_lines("orphan")
        eventually(lambda: not os.path.exists(f"/proc/{line}"))
    finally:
        (running.directory / "enough").touch()
    assert running.wait(id).state is State.COMPLETED


def make_program(path: Path, text: str, mode: int = 0o755) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def failure(queue: RealQueue, *argv: str, cwd: Path | None = None) -> tuple[int, str]:
    """Run a job that cannot start; return the exit code and the reason that were recorded."""
    result = queue.run("run", "--json", *(("--cwd", str(cwd)) if cwd else ()), "--", *argv)
    job = json.loads(result.out)
    assert (job["state"], job["outcome"], job["attempts"]) == ("dead", "not_started", 1), job
    assert result.code == job["exit_code"]
    return job["exit_code"], job["last_error"]


def everything_stored(queue: RealQueue) -> dict[str, bytes]:
    """Return every row of the database and every other file of the home."""
    found = {}
    for at, _, names in os.walk(queue.home.path):
        for name in names:
            path = os.path.join(at, name)
            if not name.startswith("queue.db") and stat.S_ISREG(os.lstat(path).st_mode):
                with open(path, "rb") as file:
                    found[path] = file.read()
    tables = sqlite_tables(queue.home.database) if queue.url is None else postgres_tables(queue.url)
    assert queue.home.worker_log in found
    assert "jobs" in tables
    return {**found, **tables}


def sqlite_tables(path: str) -> dict[str, bytes]:
    database = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    tables = {name: repr(list(database.execute(f'SELECT * FROM "{name}"'))).encode() for name in names}  # noqa: S608  ours
    database.close()
    return tables


def postgres_tables(url: str) -> dict[str, bytes]:
    tables = {}
    with psycopg.connect(url, options="-c bytea_output=escape") as database:
        names = database.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'queuectl'::regnamespace AND relkind IN ('r', 'p')"
        )
        for (name,) in names.fetchall():
            rows = database.execute(SQL("SELECT t::text FROM queuectl.{} AS t").format(Identifier(name)))
            tables[name] = repr(rows.fetchall()).encode()
    return tables

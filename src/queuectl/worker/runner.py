"""Owns one run of one command: starting it, its output, its time limit, the end of its process tree, and the outcome.

Must not know the store. The worker's loop watches the descriptors and the clock and calls in here.
Fourth of the five files that a job flows through; the next is lifecycle.py.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import time

from queuectl.job import Ended, Outcome
from queuectl.worker import descendants
from queuectl.worker.crashpoints import reached

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from queuectl.job import Job
    from queuectl.joblogs import LogWriter

SHELL = "/bin/sh"
CHUNK = 65536
"""Bytes read from a pipe at once: what a pipe holds."""

LOOK_AGAIN = 0.005
"""Seconds between two looks for processes that were killed and may still be there."""

LONGEST_LOOK = 1.0
"""Seconds between two looks at a process that cannot be killed: another user's, or one that waits for a disk."""

NOT_FOUND = 127
NOT_EXECUTABLE = 126

IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python ignores, which a command would inherit; caught ones are reset by exec."""

INTERRUPTS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
"""Signals that a person or systemd sends to a whole group, worker and command alike."""


class SpawnRefusedError(Exception):
    """The machine cannot start a process now, whatever the command: no memory, too many processes or files."""


class NotStartedError(Exception):
    """This command cannot be started; `code` is the exit code that a shell gives for it."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Run:
    """A command that runs, or whose tree is being ended."""

    def __init__(self, job: Job, log: LogWriter, environ: Mapping[str, str], lock: int, devnull: int) -> None:
        """Start the command of a claimed job.

        `lock` is the worker's lock, which the command inherits; `devnull` is an open /dev/null.

        Raises:
            NotStartedError: it cannot be started; nothing was.
            SpawnRefusedError: no command can be started now.
        """
        self.job = job
        self.log = log
        self.ended: Ended | None = None
        """How the command ended; None while it runs. Processes that it left may still live."""
        self.ended_at = 0.0
        self.started_at = time.monotonic()
        self._reason: Outcome | None = None
        self._paused_at: float | None = None
        """Monotonic time since which every process is stopped, and the time limit stands still."""
        self._stood_still = 0.0
        """Seconds of earlier pauses."""
        self._kill_at: float | None = None
        self._look_at = 0.0
        """Monotonic time of the next look at what an ended command left behind."""
        self._look_after = LOOK_AGAIN
        self.pid, stdout, stderr = _spawn(job, environ, lock, devnull)
        self.pipes = {stdout: "stdout", stderr: "stderr"}
        """Open reading ends of the command's output, with the names of the streams."""
        try:
            self.pidfd = os.pidfd_open(self.pid)
        except OSError as error:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(stdout)
            os.close(stderr)
            raise SpawnRefusedError(f"cannot watch a process: {error.strerror}") from None

    # Output

    def read(self, pipe: int) -> bool:
        """Copy what is in a pipe, which has something or is at its end, into the log; return False at its end."""
        chunk = os.read(pipe, CHUNK)
        if not chunk:
            return False
        self.log.write(self.pipes[pipe], chunk)
        reached("worker: output read")
        return True

    def close_pipe(self, pipe: int) -> None:
        """Let go of a pipe that is at its end."""
        del self.pipes[pipe]
        os.close(pipe)

    # Pausing

    @property
    def is_paused(self) -> bool:
        """Whether every process is stopped, because that was asked for."""
        return self._paused_at is not None and self.ended is None

    def pause(self) -> bool:
        """Stop every process of the run, and its time limit; return False when it is ending already."""
        if self.is_ending or _has_something(self.pidfd):
            return False
        if self._paused_at is None:
            self._paused_at = time.monotonic()
        descendants.stop_all()
        return True

    def resume(self) -> None:
        """Let every process of a paused run go on."""
        self._let_time_pass()
        descendants.send_all(signal.SIGCONT)

    def signal(self, number: int) -> None:
        """Signal every process of the run. What is stopped takes the signal when it goes on, KILL at once."""
        if not _has_something(self.pidfd):
            descendants.send_all(number)

    def _let_time_pass(self) -> None:
        if self._paused_at is not None:
            self._stood_still += time.monotonic() - self._paused_at
            self._paused_at = None

    # Ending

    @property
    def is_ending(self) -> bool:
        """Whether the command has ended or has been asked to."""
        return self.ended is not None or self._reason is not None

    def terminate(self, reason: Outcome, grace: float) -> bool:
        """Ask every process of the run to end, and kill what is left after `grace` seconds. A paused one goes on.

        `reason` becomes the outcome. A second call can only shorten the time that is left. Returns False, and does
        nothing, when the command has just ended by itself: then its outcome is its own.
        """
        if _has_something(self.pidfd):
            return False
        kill_at = time.monotonic() + grace
        if self._reason is None:
            self._reason = reason
            self._let_time_pass()
            descendants.send_all(signal.SIGTERM, wake=True)
            reached("worker: terminated job")
        self._kill_at = kill_at if self._kill_at is None else min(self._kill_at, kill_at)
        return True

    @property
    def next_deadline(self) -> float | None:
        """Monotonic time at which there is something to do that no descriptor announces."""
        if self.ended is not None:
            return self._look_at
        if self._kill_at is not None or self.job.policy.timeout is None or self._paused_at is not None:
            return self._kill_at
        return self.started_at + self._stood_still + self.job.policy.timeout

    def enforce(self, now: float, grace: float) -> bool:
        """Enforce the time limit and the grace on a running command; return whether its time was just over."""
        deadline = self.next_deadline
        if self.ended is not None or deadline is None or now < deadline:
            return False
        if self._kill_at is None:
            return self.terminate(Outcome.TIMED_OUT, grace)
        descendants.send_all(signal.SIGKILL)
        self._kill_at = now + LOOK_AGAIN  # a fork may have slipped through
        return False

    def on_exit(self) -> Ended:
        """Collect the command, whose pidfd says that it has ended, and begin to end what it left behind."""
        try:
            os.killpg(self.pid, signal.SIGKILL)  # before the wait, which would free the number of the group
        except (ProcessLookupError, PermissionError):
            pass
        self.ended_at = time.monotonic()
        duration = self.ended_at - self.started_at
        try:
            _, status = os.waitpid(self.pid, 0)
        except ChildProcessError:
            self.ended = Ended(Outcome.LOST, None, None, "its exit status was lost", duration)
        else:
            self.ended = self._how_it_ended(status, duration)
        os.close(self.pidfd)
        return self.ended

    def tree_is_gone(self, now: float) -> bool:
        """Kill what the command has left behind; return True when nothing of it is left."""
        if now < self._look_at:
            return False
        if descendants.any_child():
            descendants.send_all(signal.SIGKILL)
            descendants.reap()
            self._look_at = now + self._look_after
            self._look_after = min(2 * self._look_after, LONGEST_LOOK)
            return not descendants.any_child()
        return True

    def wait_until(self, moment: float) -> None:
        """Put off the next look at a run that has ended."""
        self._look_at = moment

    def close(self, ended: Ended) -> Ended:
        """Take the rest of the output and close the log; return how the run ended, with the last line of stderr.

        Call it once, when the tree is gone.
        """
        for pipe in list(self.pipes):
            while _has_something(pipe) and self.read(pipe):
                pass
            self.close_pipe(pipe)
        self.log.close()
        if ended.error is None and not ended.well:
            return ended._replace(error=self.log.last_error)
        return ended

    def _how_it_ended(self, status: int, duration: float) -> Ended:
        code = os.waitstatus_to_exitcode(status)
        exit_code, died_of = (code, None) if code >= 0 else (None, -code)
        outcome = self._reason or (Outcome.EXITED if died_of is None else Outcome.SIGNALLED)
        error = f"timed out after {self.job.policy.timeout:g} s" if outcome is Outcome.TIMED_OUT else None
        return Ended(outcome, exit_code, died_of, error, duration)


def looks_interrupted(ended: Ended) -> bool:
    """Return whether a command ended as one does that gets the signal of a person's Ctrl-C or of systemd's stop."""
    if ended.outcome is Outcome.SIGNALLED:
        return ended.signal in INTERRUPTS
    return ended.outcome is Outcome.EXITED and (ended.exit_code or 0) - 128 in INTERRUPTS


def _has_something(descriptor: int) -> bool:
    """Return whether a pipe has output or is at its end, or whether the process of a pidfd has ended; never waits."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _spawn(job: Job, environ: Mapping[str, str], lock: int, devnull: int) -> tuple[int, int, int]:
    """Start the command; return its pid and the reading ends of its stdout and stderr."""
    opened: list[int] = []
    try:
        try:
            os.chdir(job.cwd)
        except OSError as error:
            raise NotStartedError(None, f"working directory {job.cwd}: {error.strerror}") from None
        os.umask(job.umask)
        stdin = devnull
        if job.stdin is not None:
            stdin = _open_stdin(job.stdin)
            opened.append(stdin)
        try:
            stdout, stdout_end = os.pipe2(os.O_CLOEXEC)
            opened += (stdout, stdout_end)
            stderr, stderr_end = os.pipe2(os.O_CLOEXEC)
            opened += (stderr, stderr_end)
        except OSError as error:
            raise SpawnRefusedError(f"cannot make a pipe: {error.strerror}") from None
        if job.command is not None:
            argv: tuple[str, ...] = ("sh", "-c", job.command)
            program = SHELL
        else:
            argv = job.argv or ()
            program = find_program(argv[0], environ.get("PATH", os.defpath))
        pid = _posix_spawn(
            program,
            argv,
            environ,
            (
                (os.POSIX_SPAWN_DUP2, stdin, 0),
                (os.POSIX_SPAWN_DUP2, stdout_end, 1),
                (os.POSIX_SPAWN_DUP2, stderr_end, 2),
                (os.POSIX_SPAWN_DUP2, lock, descendants.LOCK_DESCRIPTOR),
            ),
        )
        opened.remove(stdout)
        opened.remove(stderr)
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return pid, stdout, stderr


def _posix_spawn(
    program: str, argv: tuple[str, ...], environ: Mapping[str, str], file_actions: tuple[tuple[int, int, int], ...]
) -> int:
    """Start a program in a session of its own, with signals as a shell would have them."""
    try:
        return os.posix_spawn(
            program,
            argv,
            environ,
            file_actions=file_actions,
            setsid=True,
            setsigmask=(),
            setsigdef=IGNORED_BY_PYTHON,
        )
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EBADF):
            raise SpawnRefusedError(f"cannot start a process: {error.strerror}") from None
        code = NOT_FOUND if error.errno == errno.ENOENT else NOT_EXECUTABLE
        raise NotStartedError(code, f"{program}: {error.strerror}") from None


def find_program(name: str, path: str) -> str:
    """Return the file that a shell in the current directory would run for `name`.

    Raises:
        NotStartedError: there is none (127), or it is not executable (126).
    """
    if "/" in name:
        return name
    found_but = None
    for directory in path.split(os.pathsep):
        candidate = os.path.join(directory or ".", name)
        if os.path.isfile(candidate):
            if os.access(candidate, os.X_OK):
                return candidate
            found_but = candidate
    if found_but is not None:
        raise NotStartedError(NOT_EXECUTABLE, f"{found_but}: Permission denied")
    raise NotStartedError(NOT_FOUND, f"{name}: command not found")


def _open_stdin(path: str) -> int:
    try:
        # O_NONBLOCK: the other end of a FIFO may never come, and the worker must not wait for it.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise NotStartedError(None, f"stdin {path}: {error.strerror}") from None
    os.set_blocking(descriptor, True)
    return descriptor

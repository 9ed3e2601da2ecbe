"""Owns the supervisor: the process that keeps N workers alive, tells them to stop, and ends what a dead one left.

It never opens the store, so that a damaged or full one cannot take it down, and so that it may fork at any time.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import time
from math import inf

from queuectl import __version__, events, process, roster
from queuectl.errors import StoreUnavailable
from queuectl.record import Record
from queuectl.store.base import Identity
from queuectl.worker import channel, descendants, leasing, signals
from queuectl.worker.channel import STOP, STOP_NOW
from queuectl.worker.crashpoints import reached
from queuectl.worker.loop import Orders, Worker
from queuectl.worker.subreaper import become_subreaper
from queuectl.worker.watch import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from queuectl.events import Emit
    from queuectl.paths import Home
    from queuectl.serving import Served
    from queuectl.store.base import Store

    T = TypeVar("T")

TICK = 1.0
HUNG_AFTER = 30
"""Ticks in a row without a beat of a worker that could have sent one."""

MOST_DEATHS = 20
DEATHS_WITHIN = 60.0
"""Seconds within which so many deaths of workers make the supervisor give up."""

LONGEST_PAUSE = 5.0
"""Seconds before a worker is replaced that died soon after the one before."""

DISPLACED = 3
"""Exit code of a worker that has lost what it holds on to, and so makes room for another one."""

LOOK_AGAIN = 0.005
"""Seconds between two looks at what a dead worker has left; each time twice as long, up to a tick."""

PATIENCE = 1.0
"""Seconds after which a dead worker is replaced though something that it left still lives."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The first asks for a stop, the second ends the jobs. QUIT ends them at once; USR1 asks, however often it comes."""


class Plan(Record):
    """What a supervisor is started with."""

    home: Home
    home_id: str
    workers: int
    drain: bool
    after_stop: int
    """Number of the last request to stop before it was started."""
    served: Served | None
    """The queues that its workers serve; None: all."""
    open_store: Callable[[], Store]
    """Opens the store in a worker; called after the fork."""
    environ: Mapping[str, str]
    log_of: Callable[[str], Emit]
    """Makes the listener to the events of a process of that name."""
    on_ready: Callable[[bool], None]
    """Called once, when every worker may claim, and told whether nobody can call them."""


class Child(Record):
    """A living worker, as its supervisor knows it."""

    id: str
    pid: int
    pidfd: int
    channel: socket.socket
    lease: channel.Deadline
    """CLOCK_BOOTTIME at which it is to be ended, because it has not renewed its lease."""


class Dead(Record):
    """A worker that has died and may have left processes.

    It stays a zombie until these are gone, so that no other worker rescues a job of which something lives that only
    its supervisor sees.
    """

    pid: int
    before: frozenset[tuple[int, int | None]]
    """Processes (pid, start time) that others had left before it died: it is not held for those."""


class Supervisor:
    """Keeps workers alive until it is told to stop or they have drained the queue."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._emit = plan.log_of("supervisor")
        self._id = os.urandom(16).hex()
        self._boot = process.boot_id()
        self._children: dict[int, Child] = {}
        self._ready: set[int] = set()
        self._silent: dict[int, int] = {}
        """Ticks in a row without a beat, by pid."""
        self._expired: set[int] = set()
        """Workers that were killed because of their lease: they are no sign of anything wrong with workers."""
        self._deaths: list[float] = []
        self._missing = plan.workers
        """Workers to be forked."""
        self._fork_at = 0.0
        self._dead: list[Dead] = []
        self._orphans: frozenset[tuple[int, int | None]] = frozenset()
        """What dead workers had left when every other worker lived."""
        self._look_at = self._patient_until = 0.0
        self._look_after = LOOK_AGAIN
        self._stop_word: bytes | None = None
        self._announced = self._deaf = False
        self._next_tick = time.monotonic() + TICK
        self._watch = Watch()

    def run(self) -> bool:
        """Supervise until the last worker has ended; return False when it gave up on workers that kept dying."""
        become_subreaper()
        # Held to the last breath. The file is taken away by `worker stop`, or by the next worker that starts: one that
        # took away its own would be waited for by nobody on its last steps.
        self._lock_file = os.fstat(roster.enrol(self._plan.home.supervisors, self._member()))
        reached("supervisor: enrolled")
        heard = _catch_signals()
        self._watch.add(heard, lambda: self._on_signals(os.read(heard, 64)))
        gc.collect()
        gc.freeze()  # so that a worker's collector does not copy every page that it shares
        self._emit(events.SupervisorStarted(self._plan.workers))
        while self._advance():
            self._watch.wait(self._time_left())
        self._emit(events.SupervisorStopped())
        return not self._gave_up

    def _advance(self) -> bool:
        """Do everything that can be done now; return whether there is still something to supervise."""
        now = time.monotonic()
        try:
            if self._dead and now >= self._look_at:
                self._end_orphans(now)
            if self._missing and now >= self._may_fork_at:
                self._fork()
            self._end_expired()
            if now >= self._next_tick:
                self._next_tick = now + TICK
                self._count_silence()
                if self._stop_word is None and not roster.holds(self._plan.home.supervisors, self._id, self._lock_file):
                    self._emit(events.HomeLost())
                    self._stop(STOP)
        except OSError as error:  # too many processes or open files, no memory
            self._emit(events.MachineRefused(str(error.strerror)))
            self._look_at = self._fork_at = now + LONGEST_PAUSE
        return bool(self._children or self._missing or self._dead)

    def _time_left(self) -> float:
        until = self._next_tick
        if self._dead:
            until = min(until, self._look_at)
        if self._missing:
            until = min(until, self._may_fork_at)
        leases = [child.lease.get() for child in self._children.values() if child.pid not in self._expired]
        return max(0.0, min(until - time.monotonic(), min(leases, default=inf) - leasing.now()))

    # Workers

    def _fork(self) -> None:
        """Start a worker.

        Raises:
            OSError: the machine refuses; nothing was started.
        """
        child = self._forked()
        self._missing -= 1
        self._children[child.pid] = child
        self._silent[child.pid] = 0
        self._watch.add(child.pidfd, lambda: self._on_death(child))
        self._watch.add(child.channel.fileno(), lambda: self._on_word(child))
        reached("supervisor: worker forked")
        if self._stop_word is not None:
            channel.say(child.channel, self._stop_word)

    def _forked(self) -> Child:
        id = os.urandom(16).hex()
        lease = channel.Deadline()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        with theirs:
            try:
                pid = os.fork()
                if pid == 0:
                    _be_worker(self._plan, id, self._id, self._boot, theirs, lease)
                try:
                    return Child(id, pid, os.pidfd_open(pid), ours, lease)
                except OSError:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                    raise
            except OSError:
                ours.close()
                raise

    def _on_word(self, child: Child) -> None:
        """Hear that a worker lives, that it may claim, or what it has heard of the store and all are to know."""
        words = channel.heard(child.channel)
        if words is None:
            self._watch.discard(child.channel.fileno())  # it is ending; its pidfd will say so
            return
        if words:
            self._silent[child.pid] = 0
        if channel.DEAF in words and not self._deaf:
            self._deaf = True
            self._emit(events.PoolerFound())
        if STOP_NOW in words:
            self._stop(STOP_NOW)
        elif STOP in words:
            self._stop(self._stop_word or STOP)
        if channel.READY in words:
            self._ready.add(child.pid)
        if len(self._ready) == self._plan.workers and not self._announced:
            self._announced = True
            self._plan.on_ready(self._deaf)

    def _on_death(self, child: Child) -> None:
        """Note that a worker has ended; unless it should have, another takes its place."""
        end = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert end is not None  # noqa: S101  it is, without WNOHANG
        self._watch.discard(child.pidfd)
        if child.channel.fileno() in self._watch:
            self._on_word(child)  # it may have been ready, and ended at once because there was nothing to drain
        self._watch.discard(child.channel.fileno())
        os.close(child.pidfd)
        child.channel.close()
        del self._children[child.pid], self._silent[child.pid]
        expired = child.pid in self._expired
        self._expired.discard(child.pid)  # also of one that was just ending by itself: its pid may come again
        self._dead.append(Dead(child.pid, self._orphans))
        self._look_at, self._look_after = 0.0, LOOK_AGAIN
        self._patient_until = time.monotonic() + PATIENCE
        exited = end.si_code == os.CLD_EXITED
        if exited and end.si_status == 0:
            return
        self._ready.discard(child.pid)
        reached("supervisor: worker lost")
        self._emit(events.WorkerLost(child.pid, f"{'exited' if exited else 'signalled'} {end.si_status}"))
        if self._stop_word is not None:
            return
        if exited and end.si_status == DISPLACED:
            # No sign of anything wrong with workers either: by a backup or a suspend all of them lose it at once.
            self._missing += 1
            self._fork_at = max(self._fork_at, time.monotonic() + TICK)
        elif expired:
            self._missing += 1
        else:
            self._replace()

    def _replace(self) -> None:
        """Plan another worker in the place of one that died, later when others died just before."""
        now = time.monotonic()
        self._deaths = [*(death for death in self._deaths if now - death < DEATHS_WITHIN), now]
        if self._gave_up:
            self._emit(events.SupervisorGaveUp(len(self._deaths), int(DEATHS_WITHIN)))
            reason = f"{len(self._deaths)} workers died within {DEATHS_WITHIN:g} s"
            roster.write_failure(self._plan.home, self._id, reason)
            self._missing = 0
            self._stop(STOP)
            return
        self._missing += 1
        recent = sum(now - death < 2 * LONGEST_PAUSE for death in self._deaths)
        self._fork_at = now + (0.0 if recent <= self._plan.workers else min(0.05 * 2 ** (recent - 1), LONGEST_PAUSE))

    @property
    def _gave_up(self) -> bool:
        return len(self._deaths) >= MOST_DEATHS

    @property
    def _may_fork_at(self) -> float:
        """Monotonic time from which a missing worker may be started."""
        # The new one rescues what the dead one ran, so it had better come when that can be done.
        return max(self._fork_at, self._patient_until) if self._dead else self._fork_at

    def _end_orphans(self, now: float) -> None:
        """Kill what dead workers have left, which this process has adopted; collect those of which nothing is left."""
        dead = [worker.pid for worker in self._dead]
        workers = (*self._children, *dead)
        descendants.send_all(signal.SIGKILL, workers)
        descendants.reap(workers)
        orphans = frozenset((pid, process.start_time(pid)) for pid in descendants.below(os.getpid(), workers))
        for worker in self._dead:
            if orphans <= worker.before:
                reached("supervisor: orphans gone")
                os.waitpid(worker.pid, 0)
        self._dead = [worker for worker in self._dead if not orphans <= worker.before]
        # A worker that dies hands over its children in the same instant: as long as all live, none of these is theirs.
        if not any(process.run_state(pid) == "Z" for pid in self._children):
            self._orphans = orphans
        self._look_at = now + self._look_after
        self._look_after = min(2 * self._look_after, TICK)

    def _count_silence(self) -> None:
        """Kill a worker that hangs: so many ticks without a beat, able to run at each of them.

        A tick that finds it stopped or waiting for a disk begins the count again, and so does a suspend of the
        machine, after which the beats that have come are read first.
        """
        for child in list(self._children.values()):
            if child.channel.fileno() in self._watch:
                self._on_word(child)
            runs = process.run_state(child.pid) in ("R", "S")
            self._silent[child.pid] = self._silent[child.pid] + 1 if runs else 0
            if self._silent[child.pid] >= HUNG_AFTER:
                self._emit(events.WorkerHung(child.pid, HUNG_AFTER))
                signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)

    def _end_expired(self) -> None:
        """Kill each worker whose lease was not renewed in time; what it leaves is ended as that of any dead one."""
        now = leasing.now()
        for child in self._children.values():
            if child.lease.get() <= now and child.pid not in self._expired:
                self._expired.add(child.pid)
                roster.mark_lease_lost(self._plan.home, child.id)
                self._emit(events.LeaseLost(child.pid))
                signal.pidfd_send_signal(child.pidfd, signal.SIGKILL)

    # Stopping

    def _on_signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number in STOP_SIGNALS:
                self._stop(STOP if self._stop_word is None else STOP_NOW)
            elif number == signal.SIGUSR1:
                self._stop(self._stop_word or STOP)
            elif number == signal.SIGQUIT:
                self._stop(STOP_NOW)

    def _stop(self, word: bytes) -> None:
        reached("supervisor: told to stop")
        self._stop_word = word
        self._missing = 0
        for child in self._children.values():
            channel.say(child.channel, word)
        reached("supervisor: workers told to stop")

    def _member(self) -> roster.Member:
        return roster.Member(self._id, os.getpid(), process.start_time(os.getpid()) or 0, self._boot, __version__)


def _be_worker(  # noqa: PLR0913, PLR0917  all that a worker is born with
    plan: Plan, id: str, supervisor: str, boot: str, to_supervisor: socket.socket, lease: channel.Deadline
) -> None:
    """Be a worker from here on; never returns."""
    code = 1
    try:
        # The descriptors of the supervisor and of the other workers are not this one's to keep open.
        os.closerange(3, to_supervisor.fileno())
        os.closerange(to_supervisor.fileno() + 1, 1024)
        os.dup2(0, 1)  # else whoever started the supervisor would wait for this worker's end, should the other one die
        signal.set_wakeup_fd(-1)
        os.setpgid(0, 0)
        become_subreaper()
        pid = os.getpid()
        started = process.start_time(pid) or 0
        queues = None if plan.served is None else str(plan.served)
        member = roster.Member(id, pid, started, boot, __version__, supervisor, queues)
        emit = plan.log_of("worker")
        lock = _insist(to_supervisor, emit, lambda: roster.enrol(plan.home.workers, member))
        reached("worker: enrolled")
        _insist(to_supervisor, emit, lambda: roster.furnish(plan.home, id))
        store = _insist(to_supervisor, emit, plan.open_store)
        identity = Identity(id, pid, started, boot, plan.home_id, process.host(), __version__)
        orders = Orders(identity, lock, to_supervisor, lease, plan.drain, plan.after_stop, plan.served)
        code = 0 if Worker(store, plan.home, orders, plan.environ, emit).work() else DISPLACED
    except _ToldToStopError:
        code = 0
    except BaseException:
        import traceback  # noqa: PLC0415  4 ms; os._exit would hide a fault of the program

        traceback.print_exc()
        raise
    finally:
        os._exit(code)


class _ToldToStopError(Exception):
    """A worker that has not begun to work need not."""


def _insist(to_supervisor: socket.socket, emit: Emit, use: Callable[[], T]) -> T:
    """Do what a worker cannot begin without, as often as it takes while the store is locked or the disk is full.

    Raises:
        _ToldToStopError: the supervisor says so, or is gone.
    """
    refused = False
    while True:
        try:
            return use()
        except (StoreUnavailable, OSError) as error:
            if not refused:
                emit(events.StoreLost(str(error)))
                refused = True
            channel.say(to_supervisor, channel.BEAT)
            if select.select([to_supervisor], [], [], TICK)[0]:
                raise _ToldToStopError from None  # it says nothing else, and nothing more when it is gone


def _catch_signals() -> int:
    """Catch the signals that stop a supervisor and reset all others; return what becomes readable: a byte for each."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    heard = signals.catch((*STOP_SIGNALS, signal.SIGQUIT, signal.SIGUSR1))
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # a write that cannot be done is an error, not the end
        signal.signal(number, signal.SIG_IGN)
    return heard

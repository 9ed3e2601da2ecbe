"""Owns a worker: one process that claims a job, runs it, records its end, and sleeps until there is another.

One poll(2) waits for everything: the command's end and output, its supervisor, signals, wakes, cancels, the time.
Must not know which engine keeps the queue.
Third of the five files that a job flows through; the next is worker/runner.py.
"""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial
from math import inf

from queuectl import config, events, joblogs, lifecycle, roster
from queuectl.errors import InvalidInput, StoreClosed, StoreUnavailable
from queuectl.job import Ended, Outcome, State
from queuectl.joblogs import LogWriter
from queuectl.maintenance import Pruner
from queuectl.record import Record
from queuectl.serving import Turns
from queuectl.store.base import Call, What
from queuectl.worker import channel, descendants, environment, rescue, signals
from queuectl.worker.crashpoints import reached
from queuectl.worker.leasing import Leasing
from queuectl.worker.pause import Pause
from queuectl.worker.runner import INTERRUPTS, NotStartedError, Run, SpawnRefusedError, looks_interrupted
from queuectl.worker.sending import Sending
from queuectl.worker.ticking import Ticking
from queuectl.worker.watch import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from queuectl.events import Emit
    from queuectl.job import Job
    from queuectl.paths import Home
    from queuectl.serving import Served
    from queuectl.store.base import Identity, Store

TICK = 1.0
"""Seconds between two looks at what sends no wake: the supervisor's beat, lost workers, other programs' writes."""

ASK_WHEN_DEAF = 0.5
"""Seconds after which a worker that nobody can call asks once more what is asked of its running job.

It costs all processes together 0.3 ms of CPU; a cancel takes 0.3 s, at a tick it took up to 1.02.
"""

FLUSH_AFTER = 0.05
"""Seconds after which a commit is put on disk, if no later one has done it."""

EVERYBODY = 1000
"""More workers than sleep at once."""

INTERRUPT_WINDOW = 1.0
"""Seconds around the end of a command within which a signal to its worker says that a whole group was hit."""


class Orders(Record):
    """What a worker is started with."""

    identity: Identity
    lock: int
    """Descriptor that holds the worker's lock."""
    supervisor: socket.socket
    lease: channel.Deadline
    """By which the supervisor ends this worker, unless its lease is renewed."""
    drain: bool
    """End when nothing is left to do."""
    after_stop: int
    """Number of the last request to stop before the supervisor was started."""
    served: Served | None
    """The queues to claim from; None: all."""


class Worker:
    """One worker, from its registration to its end."""

    def __init__(self, store: Store, home: Home, orders: Orders, environ: Mapping[str, str], emit: Emit) -> None:
        self._store = store
        self._home = home
        self._logs = home.job_logs(store.id)
        self._orders = orders
        self._id = orders.identity.worker
        self._environ = environ
        self._emit = emit
        self._settings = config.settings({}, environ)
        self._shared_environment = environment.base(environ, home.path)
        self._pruner = Pruner(store, home)
        self._lock_file = os.fstat(orders.lock)
        self._devnull = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._job_file = roster.open_job_file(home, self._id)

        self._watch = Watch()
        self._bell = store.bell(self._id)
        self._listened: Collection[int] = ()
        """What is watched of the bell."""
        self._signals = signals.catch((*INTERRUPTS, signal.SIGQUIT, signal.SIGUSR1))
        self._watch.add(self._signals, self._on_signals)
        self._watch.add(orders.supervisor.fileno(), self._on_supervisor)

        self._ticking = Ticking(store, emit)
        self._refused_setting: str | None = None
        self._leasing = Leasing(store, self._id, orders.lease.set)
        self._turns = None if orders.served is None else Turns(orders.served)
        self._registered = False
        """Whether the store knows this worker, so that it may claim."""
        self._run: Run | None = None
        self._sending: Sending | None = None
        """Of the run; None where machines do not share the store."""
        self._unrecorded: tuple[Job, Ended] | None = None
        """A run that is over and not in the store yet."""
        self._idle = False
        """Whether this worker waits to be woken for work."""
        self._next_due: float | None = None
        """Wall-clock time at which the next waiting job becomes due, or the next schedule ticks."""
        self._next_tick = 0.0
        self._pause = Pause(emit)
        self._ask_at = inf
        """Monotonic time at which the store has to be asked what users ask of the running job."""
        self._carried_out: set[int] = set()
        """Numbers of the requests to the running job that the store has not been told of."""
        self._store_replaced = self._displaced = False
        """Whether the file that this worker writes to is nobody's any more; whether another has to take its place."""
        self._supervised = True
        self._signalled_at = -2 * INTERRUPT_WINDOW
        self._stopping: str | None = None
        """Why no more jobs are claimed; None while they are."""
        self._stop_asked = self._stop_at_once = self._stop_unmarked = False
        """Whether a stop was asked for; without waiting for the job; and whether the store has yet to be told of it."""

    # The loop

    def work(self) -> bool:
        """Claim and run jobs until a stop, the end of the supervisor, or the end of the work.

        Returns False when it had to end although nobody asked: another worker has to take its place.
        """
        while not self._advance():
            self._listen()
            self._watch.wait(self._time_left())
        self._leave()
        return not self._displaced

    def _advance(self) -> bool:
        """Do everything that can be done now; return True when this worker is done."""
        now = time.monotonic()
        try:
            if now >= self._next_tick:
                self._tick(now)
            if self._run is not None and (ended := self._end_of(self._run, now)) is not None:
                self._unrecorded = (self._run.job, ended)
                self._run = None
            if self._idle and self._next_due is not None and time.time() >= self._next_due:
                self._stop_idling()
            if now >= self._pause.until:
                self._use_store()
        except StoreUnavailable as error:
            self._pause.begin(events.StoreLost(error.message))
            self._ask_at = 0.0  # so that it is asked something, and is not called back for nothing
            self._stop_idling()
        except OSError as error:  # too many open files: the job that runs is not to pay for it
            self._pause.begin(events.MachineRefused(f"{error.filename or 'a call of the system'}: {error.strerror}"))
        if self._stopping is None or self._run is not None:
            return False
        # A store that stays away does not hold up a stop that cannot wait, and one that was replaced is not to be
        # told: the rescue finds the receipt.
        return self._unrecorded is None or self._store_replaced or (self._stop_at_once and self._pause.store_lost)

    def _use_store(self) -> None:
        """Record what is over, claim what is next, and put on disk what has waited long enough."""
        if self._unrecorded is not None and (self._unrecorded[1].duration or 0.0) > TICK:
            self._check_store()  # a backup that was restored since the last tick may have this job, but no shorter one
        if self._store_replaced:
            return
        if not self._registered and not self._register():
            return
        self._renew_when_due()  # not at a tick: the store may be there for moments only
        self._make_due()
        if self._stop_unmarked and self._run is not None:
            reached("worker: before stopping is marked")
            self._store.mark_stopping(self._id)
            self._stop_unmarked = False
            reached("worker: stopping is marked")
        if time.monotonic() >= self._ask_at:
            self._obey()
            self._ask_at = time.monotonic() + ASK_WHEN_DEAF if self._bell.deaf else inf
        if self._sending is not None and self._run is not None:
            self._sending.send(time.monotonic())
        if self._unrecorded is not None:
            self._record(*self._unrecorded)
        elif self._run is None and not self._idle and self._stopping is None:
            self._claim()
        since = self._store.unflushed_since
        if since is not None and time.monotonic() - since >= FLUSH_AFTER:
            reached("worker: before flush")
            self._store.flush()
            reached("worker: after flush")
        self._pause.end()

    def _time_left(self) -> float:
        """Return the seconds until something has to be done that no descriptor announces."""
        now = time.monotonic()
        until = self._next_tick
        if self._run is not None and (deadline := self._run.next_deadline) is not None:
            until = min(until, deadline)
        if now < self._pause.until:
            until = min(until, self._pause.until)
        elif self._sending is not None and self._run is not None:
            until = min(until, self._sending.next_at, self._ask_at)
        elif self._unrecorded is not None or (self._run is None and not self._idle):
            return 0.0
        elif self._store.unflushed_since is not None:
            until = min(until, self._store.unflushed_since + FLUSH_AFTER)
        if self._idle and self._next_due is not None:
            until = min(until, now + self._next_due - time.time())
        return max(0.0, until - now)

    def _tick(self, now: float) -> None:
        """Look, once a second, at everything that may have changed without a word to this worker."""
        self._next_tick = now + TICK
        channel.say(self._orders.supervisor, channel.BEAT)
        self._check_store()
        if self._stopping is None and not roster.holds(self._home.workers, self._id, self._lock_file):
            self._displace("its lock file was taken away")
        if self._run is not None and self._run.ended is None:
            descendants.reap((self._run.pid,))  # its orphans, which this process has adopted
            self._run.log.flush()
            if self._run.is_paused:
                self._run.pause()  # also what somebody has let go on
        if not self._supervised and self._leasing.is_over:
            self._lose_lease()  # nobody else ends this worker any more
        if now < self._pause.until or not self._registered or self._store_replaced:
            return
        if self._bell.deaf and self._run is not None:
            self._leasing.due_at = 0.0  # whom nobody can call asks each second what others want of its job
        if changed := self._store.changed():
            self._ask_at = 0.0
            self._stop_idling()
            self._read_settings()
            self._ticking.look()
        # A server of many machines is not asked each second: the home knows when a worker of it has died.
        if (changed or not self._store.leased or roster.any_worker_died(self._home)) and rescue.rescue_lost(
            self._store, self._home, self._orders.identity, self._emit
        ):
            self._next_tick = now + TICK / 20
            self._stop_idling()
        self._pruner.prune(self._settings, now)

    def _renew_when_due(self) -> None:
        """Renew the lease, hear what is asked of this worker, and take the jobs of those that let theirs run out."""
        if not self._store.leased or not self._leasing.is_due:
            return
        lease = self._leasing.renew(self._settings.lease)
        self._stop_idling()  # who looked for somebody to wake has passed over the row that was being written
        if not lease.kept:
            self._lose_lease()
        elif lease.stop:
            # So that nobody takes this one's place; said each time, since a word may be lost.
            channel.say(self._orders.supervisor, channel.STOP_NOW if lease.stop_now else channel.STOP)
            self._stop(now=lease.stop_now)
        if self._sending is not None:
            self._sending.want(lease.log_wanted, time.monotonic())
        if lease.kept and self._leasing.may_judge:
            rescue.rescue_expired(self._store, self._emit)

    def _lose_lease(self) -> None:
        """End the running job at once: it may be given to others, or has been."""
        self._displace("its lease was over")
        if self._run is not None and self._run.ended is None:
            self._terminate(self._run, Outcome.GIVEN_BACK, 0.0)

    def _read_settings(self) -> None:
        """Take the settings that are stored now; those of before when a later version has set what this one refuses."""
        try:
            self._settings = config.settings(self._store.settings(), self._environ)
        except InvalidInput as error:
            if error.message != self._refused_setting:  # said once, not at every change of the queue
                self._refused_setting = error.message
                self._emit(events.SettingRefused(error.message))

    # Claiming and recording

    def _register(self) -> bool:
        """Make this worker known to the store, and tell that it may claim; False when the queue is closed."""
        self._read_settings()
        lease = self._settings.lease
        orders = self._orders
        queues = None if orders.served is None else str(orders.served)
        register = partial(self._store.register, orders.identity, lease, after_stop=orders.after_stop, queues=queues)
        try:
            if self._store.leased:
                self._leasing.begin(lease, register)
            else:
                register()  # a lease that nobody renews would be the end of this worker
        except StoreClosed as error:  # who has served it already waits; who has not was started too late
            self._stop_claiming(error.message)
            return False
        reached("worker: registered")
        rescue.forget_gone(self._store, self._home, self._orders.identity)
        self._registered = True
        if self._bell.deaf:
            channel.say(self._orders.supervisor, channel.DEAF)
        channel.say(self._orders.supervisor, channel.READY)
        self._emit(events.WorkerStarted(self._id))
        self._tick(time.monotonic())  # what others have left, before the first claim
        return True

    def _claim(self) -> None:
        """Start the next job, or begin to sleep."""
        queues = self._queues()
        job = self._store.claim(self._id, _new_cookie(), queues=queues)
        if job is not None:
            reached("worker: claimed")
            self._start(job)
            self._hand_over_due()
            return
        if self._orders.drain and not self._store.unfinished(queues=queues):
            self._stop_claiming("the queue is drained")
            self._store.wake_idle(EVERYBODY)  # those that sleep have waited for the same
            return
        due = self._store.next_due_at()
        self._ticking.look()
        if not self._store.begin_idle(self._id):
            self._begin_idling(due)

    def _make_due(self) -> None:
        """Make the jobs of schedules that tick now, and let others run what this worker does not."""
        now = time.time()
        if now < self._ticking.due_at or self._stopping is not None:
            return
        if jobs := self._ticking.make_due(self._settings, now):
            free = self._run is None and self._unrecorded is None
            self._stop_idling()
            self._store.wake_idle(jobs - free)

    def _queues(self) -> Sequence[str] | None:
        """Return the queues that the next claim is to look into, in their order; None: all."""
        return None if self._turns is None else self._turns.order()

    def _start(self, job: Job) -> None:
        """Start the command of a claimed job; one that cannot be started is over at once."""
        if self._turns is not None:
            self._turns.took(job.queue)
        # Before anything of the job is opened: a connection that broke has left its number, which may come again.
        self._listen()
        roster.write_assignment(self._job_file, roster.Assignment(job.seq, job.attempt, str(job.cookie), job.id, None))
        reached("worker: assigned")
        log = LogWriter(self._logs, job.seq, job.attempt, self._settings.log_cap)
        environ = environment.of_job(self._shared_environment, self._environ, job)
        try:
            run = self._run = Run(job, log, environ, self._orders.lock, self._devnull)
        except NotStartedError as error:
            self._unrecorded = (job, Ended(Outcome.NOT_STARTED, error.code, None, str(error), 0.0))
            return
        except SpawnRefusedError as error:
            self._unrecorded = (job, Ended(Outcome.GIVEN_BACK, None, None, str(error), 0.0))
            self._pause.begin(events.MachineRefused(str(error)))
            return
        reached("worker: spawned")
        self._carried_out.clear()
        self._sending = Sending(self._store, job, log) if self._store.leased else None
        self._watch.add(run.pidfd, self._on_exit)  # heard before the pipes: the receipt is not to wait for them
        for pipe in run.pipes:
            self._watch.add(pipe, partial(self._on_output, run, pipe), partial(self._on_end_of_output, run, pipe))

    def _record(self, job: Job, ended: Ended) -> None:
        """Record the end of a run, and in the same transaction claim the next job."""
        share = random.random()  # noqa: S311  spreads retries, guards nothing
        claimed: Job | None = None
        if self._sending is not None:
            self._sending.end(time.monotonic())
        if self._stopping is None:
            moved, claimed = self._store.finish_and_claim(job, ended, _new_cookie(), share=share, queues=self._queues())
            reached("worker: finished and claimed")
        else:
            moved = self._store.finish(job, ended, share=share)
            reached("worker: finished")
        self._unrecorded = self._sending = None
        if moved is not None and moved.state is not State.COMPLETED:
            self._report(moved, lifecycle.finish(job, ended, share).delay if moved.state is State.FAILED else None)
            if moved.next_run_at is not None:
                self._store.wake_idle()
        if claimed is not None:
            self._start(claimed)
        else:
            roster.clear_assignment(self._job_file)

    def _report(self, job: Job, retry_in: float | None) -> None:
        """Tell how a run ended that was not the job's good end, and in how many seconds the job is retried."""
        match job.outcome:
            case Outcome.GIVEN_BACK:
                self._emit(events.JobGivenBack(job.id, job.attempt))
            case Outcome.CANCELLED:
                self._emit(events.JobCancelled(job.id, job.attempt))
            case outcome:
                how = str(outcome)
                if outcome is Outcome.EXITED:
                    how = f"exited {job.exit_code}"
                elif outcome is Outcome.SIGNALLED:
                    how = f"signalled {job.signal}"
                self._emit(events.JobFailed(job.id, job.attempt, how, job.state, retry_in))
        if job.state is State.DEAD:
            # The last error is the job's own output, which is not for this log, unless the worker was lost.
            self._emit(
                events.JobDied(job.id, str(job.last_error) if job.outcome is Outcome.LOST else "no retries left")
            )

    # Idling

    def _begin_idling(self, due: datetime | None) -> None:
        os.chdir("/")  # so as not to keep the last job's file system busy
        soonest = min(self._ticking.due_at, inf if due is None else due.timestamp())
        self._next_due = None if soonest == inf else soonest
        self._idle = True

    def _stop_idling(self) -> None:
        self._idle = False

    def _hand_over_due(self) -> None:
        """Let an idle worker look when the next job becomes due: perhaps this one alone has known it."""
        if self._next_due is not None:
            self._next_due = None
            self._store.wake_idle()

    def _listen(self) -> None:
        """Watch what calls this worker now: when it is idle, also what calls any idle one."""
        wanted = self._bell.descriptors(idle=self._idle)
        if wanted != self._listened:
            for descriptor in self._listened:
                self._watch.discard(descriptor)
            for descriptor in wanted:
                self._watch.add(descriptor, partial(self._on_call, descriptor))
            self._listened = wanted
        if self._bell.heard:
            for descriptor in wanted:
                self._on_call(descriptor)

    def _on_call(self, descriptor: int) -> None:
        calls = self._bell.answer(descriptor)
        if Call.WORK in calls:
            self._stop_idling()
        if Call.LOOK in calls:
            self._ask_at = 0.0
            if self._store.leased:
                self._leasing.due_at = self._next_tick = 0.0

    # A running job

    def _end_of(self, run: Run, now: float) -> Ended | None:
        """Enforce the limits of a run; return how it ended once nothing of it is left."""
        if run.enforce(now, self._settings.grace):
            self._emit(events.JobTimedOut(run.job.id, run.job.attempt, run.job.policy.timeout or 0.0))
        ended = run.ended
        if ended is None or not run.tree_is_gone(now):
            return None
        if looks_interrupted(ended):
            # Perhaps a whole group was hit, this worker with it: its own signal and the word to stop come in any order.
            if self._stopping is not None and abs(self._signalled_at - run.ended_at) <= INTERRUPT_WINDOW:
                ended = ended._replace(outcome=Outcome.GIVEN_BACK)
            elif now < run.ended_at + INTERRUPT_WINDOW:
                run.wait_until(now + INTERRUPT_WINDOW / 20)
                return None
        reached("worker: tree gone")
        for pipe in run.pipes:
            self._watch.discard(pipe)
        ended = run.close(ended)
        if run.log.failed is not None:
            self._emit(events.LogLost(run.job.id, run.job.attempt, str(run.log.failed)))
        return ended._replace(log=joblogs.end_of(run.log)) if self._store.leased else ended

    def _on_exit(self) -> None:
        if self._run is not None:
            reached("worker: command ended")
            self._watch.discard(self._run.pidfd)
            if self._run.is_paused:
                roster.unmark_paused(self._home, self._id)
            ended = self._run.on_exit()
            roster.write_receipt(self._job_file, str(self._run.job.cookie), ended)
            reached("worker: receipt written")

    def _on_output(self, run: Run, pipe: int) -> None:
        if not run.read(pipe):
            self._on_end_of_output(run, pipe)

    def _on_end_of_output(self, run: Run, pipe: int) -> None:
        self._watch.discard(pipe)
        run.close_pipe(pipe)

    def _obey(self) -> None:
        """Do to the running job what users ask of it, and tell the store what is done."""
        run = self._run
        if run is None or run.ended is not None:
            return
        asked = self._store.requests(run.job)
        if asked is None:
            return
        self._pause_or_resume(run, paused=asked.paused)
        for number, what, value in asked.requests:
            if number in self._carried_out:
                continue
            self._carried_out.add(number)
            if what is What.SIGNAL:
                self._emit(events.JobSignalled(run.job.id, run.job.attempt, round(value)))
                run.signal(round(value))
            else:
                self._terminate(run, Outcome.CANCELLED, value)
        if asked.cancel and not run.is_ending:
            self._terminate(run, Outcome.CANCELLED, self._settings.grace)
        if self._carried_out:
            self._store.carried_out(self._carried_out)
            self._carried_out.clear()
        if asked.told_paused != run.is_paused:
            self._store.tell_paused(run.job, paused=run.is_paused)

    def _pause_or_resume(self, run: Run, *, paused: bool) -> None:
        if paused and not run.is_paused and run.pause():
            reached("worker: job paused")
            roster.mark_paused(self._home, self._id)
            self._emit(events.JobPaused(run.job.id, run.job.attempt))
        elif run.is_paused and not paused:
            run.resume()
            reached("worker: job resumed")
            roster.unmark_paused(self._home, self._id)
            self._emit(events.JobResumed(run.job.id, run.job.attempt))

    def _terminate(self, run: Run, reason: Outcome, grace: float) -> None:
        was_paused = run.is_paused
        run.terminate(reason, grace)
        if was_paused:
            roster.unmark_paused(self._home, self._id)

    # Stopping

    def _on_supervisor(self) -> None:
        try:
            words = self._orders.supervisor.recv(64)
        except BlockingIOError:
            return
        except OSError:
            words = b""
        if not words:
            self._watch.discard(self._orders.supervisor.fileno())
            self._supervised = False
            self._stop_claiming(self._stopping or "its supervisor is gone")
            self._next_tick = 0.0  # a worker may have died with it, and nobody else ends what that one has left
        elif channel.STOP_NOW in words:
            self._stop(now=True)
        elif channel.STOP in words:
            self._stop(now=False)

    def _on_signals(self) -> None:
        """Note the time. Only an orphan obeys: no supervisor speaks for the user any more."""
        for number in os.read(self._signals, 64):
            interrupt = number in INTERRUPTS
            if interrupt:
                self._signalled_at = time.monotonic()
            elif self._supervised:
                self._on_supervisor()  # only an orphan is told so, once: the word that it is one may be waiting
            if not self._supervised and (interrupt or number in (signal.SIGUSR1, signal.SIGQUIT)):
                self._stop(now=number == signal.SIGQUIT or (interrupt and self._stop_asked))

    def _stop(self, *, now: bool) -> None:
        if not (self._stop_at_once if now else self._stop_asked):
            self._emit(events.WorkerStopping(self._id, now))
        self._stop_claiming("it was asked to")
        if not self._stop_asked:
            self._stop_asked = self._stop_unmarked = True
        self._stop_at_once = self._stop_at_once or now
        if now and self._run is not None and self._run.ended is None:
            self._terminate(self._run, Outcome.GIVEN_BACK, self._settings.grace)

    def _check_store(self) -> None:
        if not self._store.in_place():
            self._store_replaced = True
            self._displace("its database was taken away or replaced")

    def _displace(self, why: str) -> None:
        """Make room for a worker that begins anew: this one has lost what it holds on to."""
        self._displaced = True
        self._stop_claiming(why)

    def _stop_claiming(self, why: str) -> None:
        if self._stopping is None:
            roster.mark_draining(self._home, self._id)
        self._stopping = why
        self._stop_idling()

    def _leave(self) -> None:
        """Put everything on disk and take this worker's name off the lists."""
        try:
            self._store.deregister(self._id)
            self._store.flush()
            self._hand_over_due()
        except StoreUnavailable as error:
            self._emit(events.StoreLost(error.message))  # the next rescue forgets this worker
        reached("worker: deregistered")
        self._store.close()
        if self._unrecorded is None:
            roster.remove(self._home, self._id)
        self._emit(events.WorkerStopped(self._id, self._stopping or ""))


def _new_cookie() -> str:
    return os.urandom(16).hex()

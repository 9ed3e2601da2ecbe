"""Owns the rescue: taking jobs from workers that are gone, never while a process of their run lives.

Death is read from the kernel. A worker's lock is free the moment it and every process of its job that kept the
descriptor are gone, and is not free while they are only stopped. Must not know the worker's own job.
"""

from __future__ import annotations

import fcntl
import os

from queuectl import joblogs, process, roster
from queuectl.events import JobRescued
from queuectl.job import Outcome
from queuectl.lifecycle import Loss
from queuectl.paths import open_private
from queuectl.worker import descendants
from queuectl.worker.crashpoints import reached
from queuectl.worker.runner import looks_interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queuectl.events import Emit
    from queuectl.job import Ended
    from queuectl.paths import Home
    from queuectl.store.base import Identity, Running, Store


def rescue_lost(store: Store, home: Home, me: Identity, emit: Emit) -> bool:
    """Give back every job of this home whose worker is gone; return whether there is more to do soon.

    There is when a job was given back, or something of one was killed just now and has to be looked for again. What
    this process cannot end by itself it looks at again with the next tick.

    One process of a home at a time does it: when another one is at it, this call does nothing.
    """
    if not _not_mine(store, me):
        return False
    try:
        lock = open_private(home.rescue_lock, os.O_RDWR)
    except OSError:
        return False  # a full disk: the next look may find room
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        reached("rescue: locked")
        dealt_with = [_rescue(store, home, running, emit) for running in _not_mine(store, me)]
        return any(dealt_with)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def rescue_expired(store: Store, emit: Emit) -> None:
    """Give back the jobs of workers, of whatever machine, that have let their lease run out."""
    moved = store.rescue_expired()
    for job in moved:
        emit(JobRescued(job.id, job.attempt, Loss.SILENT, job.state))
    if moved:
        store.wake_idle(len(moved))


def _not_mine(store: Store, me: Identity) -> list[Running]:
    """Return the jobs of other workers about which the kernel of this machine can be asked."""
    return [running for running in store.running(near=me) if running.job.worker != me.worker]


def forget_gone(store: Store, home: Home, me: Identity) -> None:
    """Forget registered workers that are gone and hold no job, and the files that workers and supervisors left."""
    for identity in store.identities(near=me):
        # In another container, one that lives with the same home is not to be seen, but keeps its lock.
        if not process.alive(identity.pid, identity.started, identity.boot) and _is_free(
            roster.lock_path(home.workers, identity.worker)
        ):
            store.deregister(identity.worker)
    kept = {identity.worker for identity in store.identities(near=me)}
    for id in _left_in(home.workers):
        if id not in kept:
            roster.remove(home, id)
    for id in _left_in(home.supervisors):
        roster.remove_supervisor(home, id)


def _left_in(directory: str) -> set[str]:
    """Return the members of `run/` that hold no lock any more."""
    # A lock file under its first name, of a member that just begins, may be renamed at any moment.
    ids = {name.partition(".")[0] for name in os.listdir(directory) if not name.endswith((".new", ".failed"))}
    return {id for id in ids if _is_free(roster.lock_path(directory, id))}


def _rescue(store: Store, home: Home, running: Running, emit: Emit) -> bool:
    """Rescue one job if nothing of its run lives any more; return whether it was, or something was killed just now."""
    job, identity = running.job, running.identity
    worker = str(job.worker)
    if identity is not None and process.alive(identity.pid, identity.started, identity.boot):
        return False  # whatever its lock says: a file that was taken away or replaced is not a free lock
    lock = _open_lock(roster.lock_path(home.workers, worker))
    try:
        free = lock is None or _try_lock(lock)
        if identity is None and not free:
            return False
        supervisors = {member.pid for member in roster.supervisors(home)}
        spare = {*supervisors, *(member.pid for member in roster.workers(home))}
        if descendants.kill_marked(str(job.cookie), None if lock is None else os.fstat(lock), spare):
            return True  # looked for again soon: never a retry before all of them are gone
        if not free or (identity is not None and process.dead_below(identity.pid, supervisors)):
            # A sweep does not see everything, such as another user's process: the lock does, and so does the
            # supervisor of the dead worker, which is still ending what it left.
            return False
        reached("rescue: swept")
        logs = home.job_logs(store.id)
        log = joblogs.end_left(logs, job.seq, job.attempt) if store.leased else None
        receipt = _receipt(home, running, logs)
        loss = _loss(home, running)
        over = None if receipt is None else receipt._replace(log=log)
        moved = store.rescue(job, loss, log=log) if over is None else store.finish(job, over)
        if moved is None:
            return True
        reached("rescue: moved")
        store.deregister(worker)
        roster.remove(home, worker)
        reached("rescue: cleaned")
    finally:
        if lock is not None:
            os.close(lock)
    emit(JobRescued(job.id, job.attempt, loss if receipt is None else None, moved.state))
    if moved.next_run_at is not None:
        store.wake_idle()
    return True


def _receipt(home: Home, running: Running, logs: str) -> Ended | None:
    """Return how a run ended that its worker could not record; None when the worker died before its command."""
    job = running.job
    receipt = roster.read_assignment(home, str(job.worker))
    if receipt is None or receipt.ended is None or receipt.cookie != job.cookie:
        return None
    ended = receipt.ended
    if running.stopping_at is not None and looks_interrupted(ended):
        # Its worker has died while it waited for the word to stop, which has come: the stop hit both.
        ended = ended._replace(outcome=Outcome.GIVEN_BACK)
    elif ended.error is None and not ended.well:
        ended = ended._replace(error=joblogs.last_error(logs, job.seq, job.attempt))
    return ended


def _loss(home: Home, running: Running) -> Loss:
    if running.stopping_at is not None or roster.lease_was_lost(home, str(running.job.worker)):
        return Loss.STOPPED
    if running.identity is not None and running.identity.boot != process.boot_id():
        return Loss.REBOOTED
    return Loss.CRASHED


def _open_lock(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None  # nothing else says that: with too many open files a lock that is held would look free


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(path: str) -> bool:
    descriptor = _open_lock(path)
    if descriptor is None:
        return True
    try:
        return _try_lock(descriptor)
    finally:
        os.close(descriptor)

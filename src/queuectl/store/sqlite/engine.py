"""Owns the SQLite engine: the moves of jobs as transactions behind one write lock, and waking by FIFO.

Must not decide where a job moves (lifecycle.py does) nor how the file is opened and locked (connection.py does).
"""

from __future__ import annotations

import json

from queuectl import histogram, lifecycle, wake
from queuectl.clock import instant, micros
from queuectl.job import State
from queuectl.store import rows
from queuectl.store.base import Lease
from queuectl.store.engine import Engine
from queuectl.store.holding import of_queue
from queuectl.store.sqlite import enqueueing
from queuectl.store.sqlite.bell import FifoBell
from queuectl.store.sqlite.connection import Connection
from queuectl.store.sqlite.holding import KEY, RULED, Holding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any, TypeVar

    from queuectl.job import Ended, Job, LogPart, NewJob
    from queuectl.lifecycle import Loss, Move, MoveAll
    from queuectl.paths import Home
    from queuectl.selection import Selection
    from queuectl.store.base import Bell, Identity, Registered
    from queuectl.store.transfers import Gate

    _T = TypeVar("_T")

MINUTE = 60_000_000
HOUR = 60 * MINUTE

WAKES_EACH = 4
"""Wakes for each worker where some serve some queues only: another may take several, and be none that is meant."""

DUE, HELD = -3, -2
"""Where a row of a claim says whether jobs are due that are not ready, and whether any are held."""


class SqliteStore(Engine):
    """A `queuectl.store.base.Store` in one SQLite file."""

    leased = False
    id = None

    def __init__(self, home: Home, *, patience: float = 10.0, sync_every: float = 0.0) -> None:
        """Open the database of a home that exists; make it or migrate it where needed.

        `patience` is how long, in seconds, a locked database is waited for. Claims, finishes and rescues are on
        disk after at most `sync_every` seconds of further commits; 0 puts each there at once.

        Raises:
            StoreUnavailable: the file cannot be used; nothing is changed.
        """
        self._home = home
        self._connection = Connection(home, patience=patience, sync_every=sync_every)
        super().__init__(self._connection)
        self._holding = Holding(self._connection)

    def _moment(self, now: datetime | None) -> int:
        return micros(now)

    # Jobs in

    def enqueue(self, jobs: Iterable[NewJob], now: datetime | None = None) -> Collection[str]:
        """See `Store.enqueue`."""
        return enqueueing.enqueue(self._connection, self._terms, self._followers, jobs, now)

    def _insert(self, new: NewJob, now: datetime | None) -> int:
        enqueueing.insert(self._connection, new, rows.gathered(new, self._terms.number(new)), micros(now))
        return self._connection.last_number

    # A worker's side

    def last_stop(self) -> int:
        """See `Store.last_stop`."""
        return 0

    def register(
        self,
        identity: Identity,
        lease: float,  # noqa: ARG002
        now: datetime | None = None,
        *,
        after_stop: int = 0,  # noqa: ARG002
        queues: str | None = None,
    ) -> None:
        """See `Store.register`."""
        with self._connection.durable():
            self._connection.change("register", {**identity._asdict(), "queues": queues, "now": micros(now)})
            if queues is not None:
                self._connection.change("serve_queues")

    def renew(self, worker: str, lease: float, now: datetime | None = None) -> Lease:  # noqa: ARG002
        """See `Store.renew`. The worker's lock says the same."""
        return Lease(kept=True)

    def claim(
        self, worker: str, cookie: str, now: datetime | None = None, queues: Sequence[str] | None = None
    ) -> Job | None:
        """See `Store.claim`. What holds many jobs goes on in another transaction."""
        while True:
            with self._connection.relaxed():
                self._holding.begin()
                job = self._claim(worker, cookie, micros(now), queues)
            if job is not None or not self._holding.is_tired:
                self._wake_released()
                return job

    def finish(self, job: Job, ended: Ended, now: datetime | None = None, *, share: float = 0.0) -> Job | None:
        """See `Store.finish`."""
        with self._connection.relaxed():
            self._holding.begin()
            done = self._finish(job, ended, now, share)
            self._released += self._holding.open(micros(now))
        self._wake_released()
        return done

    def finish_and_claim(  # noqa: PLR0913  what ends a run, and what the next claim may take
        self,
        job: Job,
        ended: Ended,
        cookie: str,
        now: datetime | None = None,
        *,
        share: float = 0.0,
        queues: Sequence[str] | None = None,
    ) -> tuple[Job | None, Job | None]:
        """See `Store.finish_and_claim`."""
        worker = str(job.worker)
        with self._connection.relaxed():
            self._holding.begin()
            both = self._finish(job, ended, now, share), self._claim(worker, cookie, micros(now), queues)
        if both[1] is None and self._holding.is_tired:
            return both[0], self.claim(worker, cookie, now, queues)
        self._wake_released()
        return both

    def flush(self, *, everyone: bool = False) -> bool:
        """See `Store.flush`."""
        if not everyone and self._connection.unflushed_since is None:
            return False
        with self._connection.durable():
            self._connection.rows("flush")
        return True

    @property
    def unflushed_since(self) -> float | None:
        """See `Store.unflushed_since`."""
        return self._connection.unflushed_since

    def send_log(self, job: Job, part: LogPart) -> None:
        """See `Store.send_log`."""

    def bell(self, worker: str) -> Bell:
        """See `Store.bell`."""
        return FifoBell(self._home, worker)

    def begin_idle(self, worker: str) -> bool:  # noqa: ARG002
        """See `Store.begin_idle`. A FIFO keeps what is written before it is watched: no second look is needed."""
        return False

    def next_due_at(self, now: datetime | None = None) -> datetime | None:  # noqa: ARG002
        """See `Store.next_due_at`."""
        ((due,),) = self._connection.rows("next_due_at")
        return rows.maybe_instant(due)

    def in_place(self) -> bool:
        """See `Store.in_place`."""
        return self._connection.in_place()

    def changed(self) -> bool:
        """See `Store.changed`."""
        return self._connection.changed()

    def _best(self, now: int, queues: Sequence[str] | None) -> rows.Row | None:
        """Return the best ready job; of some queues, that of the first of them that has any."""
        if queues is None:
            return self._connection.row("best_ready", {"now": now})
        for queue in queues:
            if (best := self._connection.row("best_of_queue", {"now": now, "queue": queue})) is not None:
                return best
        return None

    def _claim(self, worker: str, cookie: str, now: int, queues: Sequence[str] | None) -> Job | None:
        connection, holding = self._connection, self._holding
        freed = 0
        best = self._best(now, queues)
        if best is None or best[DUE] or best[HELD]:
            promoted = connection.change("promote", {"now": now}) if best is None or best[DUE] else 0
            freed = holding.let_go(now) if best is None or best[HELD] else 0
            if promoted or freed:
                best = self._best(now, queues)
        while best is not None and (best[RULED] or best[KEY] is not None) and not holding.may_start(best, now):
            best = None if holding.is_tired else self._best(now, queues)
        if freed:
            self._released += freed - (best is not None)
        if best is None:
            return None
        state = lifecycle.claim()
        job = rows.job(rows.claimed(best, state, worker, cookie, now), self._terms)
        if job.attempt > 1:
            connection.change("keep_attempt", {"seq": job.seq})
        connection.change("claim", {"seq": job.seq, "state": state, "now": now, "worker": worker, "cookie": cookie})
        connection.count(job.queue, best[2], -1)
        connection.count(job.queue, state, 1)
        return job

    def _write_end(self, job: Job, ended: Ended, move: Move, now: datetime | None) -> Job | None:
        """Write the end of a run: the job's row, the counts, the histogram; None when the fence holds it off."""
        connection = self._connection
        moment = micros(now)
        started = micros(job.started_at)
        duration = max(0, moment - started) if ended.duration is None else round(ended.duration * 1e6)
        next_run_at = None if move.delay is None else moment + round(move.delay * 1e6)
        finished_at = moment if move.finished else None
        asked, paused = job.cancel_requested_at, job.paused_at
        changed = connection.change(
            "finish",
            {
                "seq": job.seq,
                "attempt": job.attempt,
                "cancel_requested_at": None if asked is None else micros(asked),
                "paused_at": None if paused is None else micros(paused),
                "now": moment,
                "duration": duration,
                "outcome": ended.outcome,
                "exit_code": ended.exit_code,
                "signal": ended.signal,
                "state": move.state,
                "ready": move.ready,
                "next_run_at": next_run_at,
                "finished_at": finished_at,
                "failures": move.failures,
                "crashes": move.crashes,
                "interruptions": move.interruptions,
                "held_by": move.held_by,
                "last_error": move.reason or ended.error,
                "followed": job.followed,
            },
        )
        if not changed:
            return None
        self._holding.ended(job)
        connection.count(job.queue, job.state, -1)
        connection.count(job.queue, move.state, 1)
        completed = move.state is State.COMPLETED
        if completed or move.failures > job.failures:
            connection.change(
                "record_duration",
                {
                    "minute": moment // MINUTE,
                    "queue": job.queue,
                    "ending": "completed" if completed else "failed",
                    "bucket": histogram.bucket(duration),
                    "duration": duration,
                },
            )
        return rows.finished(job, ended, move, (next_run_at, finished_at, duration))

    # Rescue

    def _rows_near(self, name: str, near: Identity | None) -> list[rows.Row]:  # noqa: ARG002  one home: all are near
        return self._connection.rows(name)

    def rescue(
        self,
        job: Job,
        loss: Loss,
        now: datetime | None = None,
        *,
        log: LogPart | None = None,  # noqa: ARG002  it is in the home
    ) -> Job | None:
        """See `Store.rescue`."""
        with self._connection.relaxed():
            self._holding.begin()
            done = self._rescue(job, loss, now)
            self._released += self._holding.open(micros(now))
        self._wake_released()
        return done

    def rescue_expired(self, now: datetime | None = None) -> Sequence[Job]:  # noqa: ARG002
        """See `Store.rescue_expired`."""
        return ()

    def workers(self) -> Sequence[Registered]:
        """See `Store.workers`."""
        return [rows.registered(row) for row in self._connection.rows("workers", {"now": micros(None)})]

    # Requests of a user

    def request_stop(self, host: str, *, now: bool) -> int:  # noqa: ARG002
        """See `Store.request_stop`."""
        return 0

    def wake_idle(self, jobs: int = 1) -> None:
        """See `Store.wake_idle`."""
        ((workers,),) = self._connection.rows("some_are_picky")
        wake.wake_idle(self._home, jobs if not workers else WAKES_EACH * workers)

    def wake_worker(self, worker: str) -> None:
        """See `Store.wake_worker`."""
        wake.wake_worker(self._home, worker)

    def want_log(self, worker: str, seconds: float) -> None:
        """See `Store.want_log`. The logs of a home are read there."""

    def log_parts(self, seq: int, attempt: int, after: int, *, ended: bool) -> Sequence[LogPart]:  # noqa: ARG002
        """See `Store.log_parts`."""
        return ()

    def _move(self, job: Job, move: Move, now: datetime | None) -> bool:
        moment = micros(now)
        changed = self._connection.change(
            "move",
            {
                "state": move.state,
                "ready": move.ready,
                "next_run_at": None if move.delay is None else moment + round(move.delay * 1e6),
                "finished_at": moment if move.finished else None,
                "failures": move.failures,
                "crashes": move.crashes,
                "interruptions": move.interruptions,
                "held_by": move.held_by,
                "seq": job.seq,
                "attempt": job.attempt,
                "from_state": job.state,
                "followed": job.followed,
            },
        )
        self._connection.count(job.queue, job.state, -changed)
        self._connection.count(job.queue, move.state, changed)
        if changed:
            self._released += self._holding.open_for(job, moment)
        return changed > 0

    def _carry(self, name: str, values: Mapping[str, Any], was: State, state: State) -> list[rows.Row]:
        moved = self._connection.rows(name, values)
        for _, queue, *_ in moved:
            self._connection.count(queue, was, -1)
            self._connection.count(queue, state, 1)
        return moved

    def _open_queue(self, queue: str, now: datetime | None) -> None:
        self._connection.change("open", {"queue": of_queue(queue), "key": None, "now": micros(now)})

    def _lock_batch(self, batch: str) -> None:
        pass  # the write lock does

    def _together(self, act: Callable[[], _T]) -> _T:
        return act()  # in the transaction of the caller

    def _move_all(self, seqs: Collection[int], state: State, move: MoveAll, now: datetime | None) -> Collection[int]:
        moment = micros(now)
        moved = self._connection.rows(
            "move_all",
            {
                "state": move.state,
                "ready": move.delay == 0.0,
                "next_run_at": None if move.delay is None else moment + round(move.delay * 1e6),
                "finished_at": moment if move.finished else None,
                "anew": move.anew,
                "seqs": self._connection.numbers_as_value(seqs),
                "from_state": state,
            },
        )
        for _, queue in moved:
            self._connection.count(queue, state, -1)
            self._connection.count(queue, move.state, 1)
        return [seq for seq, _ in moved]

    def _ids_as_value(self, ids: Collection[str]) -> str:
        return json.dumps(list(ids))

    def _selected(self, selection: Selection, now: datetime | None) -> dict[str, Any]:
        from queuectl.store.sqlite import selecting  # noqa: PLC0415  not needed to enqueue

        self._connection.know_words()
        return selecting.values(selection, micros(now))

    def prune(self, state: State, age: float, limit: int, now: datetime | None = None) -> Sequence[int]:
        """See `Store.prune`."""
        before = micros(now) - round(age * 1e6)
        with self._connection.relaxed():
            gone = self._forget("prune", {"state": state, "before": before, "limit": limit})
            if state is State.COMPLETED:
                self._connection.change("prune_durations", {"minute": before // MINUTE})
        return gone

    def begin_round(self, every: float, now: datetime | None = None) -> bool:  # noqa: ARG002
        """See `Store.begin_round`."""
        return True

    def upkeep(self, minutes_kept: float, now: datetime | None = None) -> None:
        """See `Store.upkeep`."""
        hour = {"minute": (micros(now) - round(minutes_kept * 1e6)) // HOUR * 60}
        with self._connection.relaxed():
            self._connection.change("sum_up_durations", hour)
            self._connection.change("drop_summed_durations", hour)
            self._connection.change("drop_requests")

    def now(self) -> datetime:
        """See `Store.now`."""
        return instant(micros(None))

    def gate(self) -> Gate:
        """See `Store.gate`."""
        from queuectl.store.sqlite.gate import SqliteGate  # noqa: PLC0415  rare

        return SqliteGate(self._connection, self._terms)

    def _forget(self, name: str, values: Mapping[str, int | str]) -> Sequence[int]:
        gone = self._connection.rows(name, values)
        for _, queue, state in gone:
            self._connection.count(queue, state, -1)
        if name == "clear":  # what others were held for may have been ready
            self._connection.change("open_all", {"now": micros(None)})
        return [seq for seq, _, _ in gone]

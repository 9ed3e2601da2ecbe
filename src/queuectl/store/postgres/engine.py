"""Owns the PostgreSQL engine: each move of a job as one statement, fenced by its rows, and leases.

Must not decide where a job moves (lifecycle.py does) nor how the server is reached (opening.py does).
"""

from __future__ import annotations

import time

from queuectl import lifecycle
from queuectl.clock import instant
from queuectl.errors import StoreUnavailable
from queuectl.job import LogPart, State
from queuectl.lifecycle import Loss
from queuectl.store import rows
from queuectl.store.base import LEASE_ENDS_AFTER, Call, Lease, Upkeep
from queuectl.store.engine import Engine
from queuectl.store.holding import of_queue
from queuectl.store.postgres import moves, schema
from queuectl.store.postgres.bell import NotifyBell
from queuectl.store.postgres.connection import Connection
from queuectl.store.postgres.days import Days
from queuectl.store.postgres.enqueueing import Enqueuer
from queuectl.store.postgres.front import Front
from queuectl.store.postgres.waker import Waker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any, TypeVar

    from queuectl.job import Ended, Job, NewJob
    from queuectl.lifecycle import Move, MoveAll
    from queuectl.selection import Selection
    from queuectl.store.base import Bell, Identity, Metrics, Registered
    from queuectl.store.transfers import Gate

    _T = TypeVar("_T")

SUM_UP_AFTER = 500
"""Moves of this process after which it sums up what all have counted."""

UNKNOWN = -1
"""Losses of the connection after which nobody knows what the worker holds, as after any other number than the last."""

LOOK_EVERY = 15.0
"""Seconds after which a worker looks for what it was not called for."""

LOOK_EVERY_WHEN_DEAF = 1.0

LONGEST_BETWEEN_LOOKS = 0.25
"""Seconds after which a command that waits looks whether something has changed."""

LOOK_FOR_UNOWNED = 10.0
"""Seconds between two looks, of all processes together, for jobs in the hands of workers that nobody knows."""


LOOKS = 3
"""Times that one claim looks at 20 holders of jobs, before it takes what there is."""


class PostgresStore(Engine):
    """A `queuectl.store.base.Store` on a PostgreSQL server."""

    leased = True
    unflushed_since = None
    """Every commit is on the server's disk: a claim that a crash of the server forgot would be given twice."""

    def __init__(self, url: str, *, make: bool = True, for_worker: bool = False) -> None:
        """Connect; make the queue or migrate it where needed, unless `make` is false.

        Raises:
            InvalidInput: the URL makes no sense.
            NotFound: there is no queue, and none is to be made.
            StoreUnavailable: the server cannot be used.
        """
        self._connection = Connection(url, for_worker=for_worker)
        super().__init__(self._connection)
        try:
            self.id = schema.prepare(self._connection, make=make)
        except BaseException:
            self._connection.close()
            raise
        self._days = Days(self._connection)
        self._enqueuer = Enqueuer(self._connection, self._terms, self._followers)
        self._front = Front()
        self._limited = False
        """Whether the last claim met a job that its queue or its key may let not start."""
        self._waker = None if for_worker else Waker(self._send_wake)
        self._for_worker = for_worker
        self._marked_idle = False
        self._losses = 0
        """Of the connection, when the last claim was answered."""
        self._holding: tuple[int, int] | None = None
        """Number and attempt of the job that this worker has been given and has not ended."""
        self._look_at = 0.0
        self._opened_at = time.monotonic()
        self._uncounted = 0
        self._lease = 60.0
        """Seconds of the last one."""
        self._stops: dict[str, str | int] = {"host": "", "after_stop": 0}
        """Whose requests to stop end the claims of this worker, and after which."""

    def _moment(self, now: datetime | None) -> datetime | None:
        return now

    # Jobs in

    def enqueue(self, jobs: Iterable[NewJob], now: datetime | None = None) -> Collection[str]:
        """See `Store.enqueue`."""
        return self._enqueuer.enqueue(jobs, now)

    def _insert(self, new: NewJob, now: datetime | None) -> int:
        return self._enqueuer.insert(new, now)

    # A worker's side

    def last_stop(self) -> int:
        """See `Store.last_stop`."""
        ((number,),) = self._connection.rows("last_stop")
        return int(number)

    def register(
        self,
        identity: Identity,
        lease: float,
        now: datetime | None = None,
        *,
        after_stop: int = 0,
        queues: str | None = None,
    ) -> None:
        """See `Store.register`."""
        self._stops = {"host": identity.host, "after_stop": after_stop}
        sent = time.monotonic()
        values = {**identity._asdict(), **self._stops, "queues": queues, "lease": lease, "now": now}
        self._connection.change("register", values)
        self._connection.keep_free(sent + lease * LEASE_ENDS_AFTER, lease / 8)

    def renew(self, worker: str, lease: float, now: datetime | None = None) -> Lease:
        """See `Store.renew`."""
        self._lease = lease
        sent = time.monotonic()
        found = self._connection.row("renew", {"worker": worker, "lease": lease, "now": now})
        self._connection.keep_free(sent + lease * LEASE_ENDS_AFTER, lease / 8)
        held = (rows.job(row, self._terms) for row in self._connection.rows("held", {"worker": worker}))
        if any((job.seq, job.attempt) != self._holding for job in held):
            # A server that hung has carried out a claim after all, for whose answer nobody waited any more.
            self._losses = UNKNOWN
            self._look_at = 0.0
        return (
            Lease(kept=False)
            if found is None
            else Lease(kept=True, stop=found[0], stop_now=found[1], log_wanted=found[2])
        )

    def claim(
        self, worker: str, cookie: str, now: datetime | None = None, queues: Sequence[str] | None = None
    ) -> Job | None:
        """See `Store.claim`. What may not be decided in the plain statement is in one that looks at everything."""
        if (losses := self._connection.losses) != self._losses:
            held = self._connection.row("held", {"worker": worker})
            self._losses = losses
            if held is not None:
                return self._hold(rows.job(held, self._terms))
        if self._limited or queues is not None:
            return self._claim_limited(worker, cookie, now, queues)
        from_front = not self._front.is_remembered
        found = self._connection.row(*self._claim_by(worker, cookie, now, from_front=from_front))
        if found is None and not from_front:
            from_front = True
            found = self._connection.row(*self._claim_by(worker, cookie, now))
        if found is None:
            return self._claim_limited(worker, cookie, now, None)
        return self._claimed(found, from_front=from_front)

    def _claim_limited(
        self, worker: str, cookie: str, now: datetime | None, queues: Sequence[str] | None
    ) -> Job | None:
        """Claim, where jobs may be held, and where something has to happen before: due jobs are promoted."""
        served = None if queues is None else list(queues)
        values: dict[str, Any] = {"worker": worker, "cookie": cookie, "now": now, **self._stops}
        values |= {"claimed": lifecycle.claim(), "queues": served}
        freed = 0
        verdict = "look" if self._limited else "again"
        while verdict not in ("taken", "none"):
            # Once is enough: what another process looks at just now, that one takes, or wakes others for.
            if looked := verdict == "look":
                freed += self._let_go(now)
            ((verdict, limited, *found),) = self._connection.rows("claim_limited", {**values, "looked": looked})
        self._limited = limited or freed > 0
        self._released += max(0, freed - (verdict == "taken"))
        job = self._claimed((*found, 0.0), from_front=False) if verdict == "taken" else None
        self._wake_released()
        return job

    def _let_go(self, now: datetime | None) -> int:
        """Let jobs go that may start now; return how many."""
        freed = 0
        for _ in range(LOOKS):
            ((found, more),) = self._connection.rows("let_go", {"now": now})
            freed += found
            if not more:
                break
        return freed

    def finish(self, job: Job, ended: Ended, now: datetime | None = None, *, share: float = 0.0) -> Job | None:
        """See `Store.finish`."""
        moved = self._finish(job, ended, now, share)
        self._wake_released()
        if self._holding == (job.seq, job.attempt):
            self._holding = None
        return moved

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
        """See `Store.finish_and_claim`. One statement, unless the claim has to see what the end makes ready."""
        worker = str(job.worker)
        move = lifecycle.finish(job, ended, share)
        alone = move.delay == 0.0 or job.followed or self._limited or job.flow.key is not None or queues is not None
        if alone or self._losses != self._connection.losses:
            ended_job = self._finish(job, ended, now, share)
            self._holding = None
            # Whom this has let go the claim sees, which takes one of them and wakes others for the rest.
            return ended_job, self.claim(worker, cookie, now, queues)
        from_front = not self._front.is_remembered
        claim, by = self._claim_by(worker, cookie, now, from_front=from_front)
        ((next_run_at, finished_at, duration, *found),) = self._connection.rows(
            f"finish_and_{claim}", {**by, **moves.of_end(job, ended, move, now)}
        )
        if duration is None:  # it is lost, or a request to cancel or to pause has come since the job was read
            ended_job = self._finish(job, ended, now, share)
            self._wake_released()
        else:
            ended_job = rows.finished(job, ended, move, (next_run_at, finished_at, duration))
        self._holding = None
        if found[0] is None:
            return ended_job, self.claim(worker, cookie, now)
        return ended_job, self._claimed(tuple(found), from_front=from_front)

    def _claim_by(
        self, worker: str, cookie: str, now: datetime | None, *, from_front: bool = True
    ) -> tuple[str, dict[str, Any]]:
        """Return the statement that claims a job, and its values."""
        values = {"worker": worker, "cookie": cookie, "now": now, "claimed": lifecycle.claim(), **self._stops}
        if from_front:
            return "claim", values
        above, priorities, created, seqs = self._front.places()
        as_value = self._connection.numbers_as_value
        places = {"above": as_value(above), "priorities": as_value(priorities), "seqs": as_value(seqs)}
        return "claim_from", {**values, **places, "created": created}

    def _claimed(self, row: rows.Row, *, from_front: bool) -> Job:
        job = self._hold(rows.job(row, self._terms))
        self._front.found(row, from_front=from_front)
        self._uncounted += 1
        try:
            if self._marked_idle:
                self._marked_idle = False
                self._connection.change("unmark_idle", {"worker": job.worker})
            if self._uncounted >= SUM_UP_AFTER:
                self._sum_up()
        except StoreUnavailable:
            pass  # the claim stands; the next statement says what is wrong
        return job

    def _hold(self, job: Job) -> Job:
        self._holding = (job.seq, job.attempt)
        self._losses = self._connection.losses
        return job

    def flush(self, *, everyone: bool = False) -> bool:
        """See `Store.flush`."""
        return everyone

    def send_log(self, job: Job, part: LogPart) -> None:
        """See `Store.send_log`."""
        values = {"seq": job.seq, "attempt": job.attempt, "log_end": part.end, "log": part.lines}
        self._connection.change("send_log", values)

    def bell(self, worker: str) -> Bell:
        """See `Store.bell`."""
        return NotifyBell(self._connection, worker, self._take_calls)

    def begin_idle(self, worker: str) -> bool:
        """See `Store.begin_idle`."""
        self._take_calls()  # one that came with the answer to a statement makes nothing readable
        if self._marked_idle or self._connection.pooled:
            return False
        if self._uncounted:
            self._sum_up()
        self._connection.change("mark_idle", {"worker": worker})
        self._marked_idle = True
        return True

    def next_due_at(self, now: datetime | None = None) -> datetime | None:
        """See `Store.next_due_at`."""
        ((due, *moment),) = self._connection.rows("next_due_at", {"now": now})
        return rows.by_own_clock(due, moment, now)

    def in_place(self) -> bool:
        """See `Store.in_place`."""
        return True

    def changed(self) -> bool:
        """See `Store.changed`. Nothing tells it cheaply: a command looks all the time, a worker now and then."""
        now = time.monotonic()
        if not self._for_worker:
            if now < self._look_at:
                return False
            # Who has waited for long is told a little later, so that many who wait cost a server little.
            self._look_at = now + min((now - self._opened_at) / 10, LONGEST_BETWEEN_LOOKS)
            return True
        calls = self._take_calls()
        if not calls and now < self._look_at:
            return False
        self._look_at = now + (LOOK_EVERY_WHEN_DEAF if self._connection.pooled else LOOK_EVERY)
        return True

    def _take_calls(self) -> Call:
        calls = self._connection.take_calls()
        if Call.WORK in calls:
            self._marked_idle = False  # as whoever has called has noted: nobody would call again
        if Call.LOOK in calls:
            self._look_at = 0.0  # it may be about a setting
        return calls

    def _write_end(self, job: Job, ended: Ended, move: Move, now: datetime | None) -> Job | None:
        found = self._connection.row("finish", moves.of_end(job, ended, move, now))
        if found is None:
            return None
        *times, opened = found
        self._released += opened
        return rows.finished(job, ended, move, tuple(times))

    # Rescue

    def _rows_near(self, name: str, near: Identity | None) -> list[rows.Row]:
        if near is None:
            return self._connection.rows(name)
        return self._connection.rows(f"{name}_near", {"home": near.home, "boot": near.boot})

    def rescue(self, job: Job, loss: Loss, now: datetime | None = None, *, log: LogPart | None = None) -> Job | None:
        """See `Store.rescue`."""
        done = self._rescue(job, loss, now, log)
        self._wake_released()
        return done

    def rescue_expired(self, now: datetime | None = None) -> Sequence[Job]:
        """See `Store.rescue_expired`. A job that is not moved, because this process dies, is taken later by others."""
        found = self._connection.rows("expired", {"now": now})
        unowned = {"name": "unowned", "every": LOOK_FOR_UNOWNED, "now": now}
        if self._connection.change("begin_round", unowned):
            found += self._connection.rows("unowned", {"now": now, "age": 1.25 * self._lease})
        moved = []
        for *row, stopping_at in found:
            job = rows.job(tuple(row), self._terms)
            loss = Loss.SILENT if stopping_at is None else Loss.STOPPED
            if (rescued := self._rescue(job, loss, now)) is not None:
                moved.append(rescued)
        self._wake_released()
        return moved

    def workers(self) -> Sequence[Registered]:
        """See `Store.workers`."""
        return [rows.registered(row) for row in self._connection.rows("workers")]

    # Requests of a user

    def request_stop(self, host: str, *, now: bool) -> int:
        """See `Store.request_stop`."""
        ((number,),) = self._connection.rows("request_stop", {"host": host, "now": now})
        self._connection.change("wake_host", {"host": host})
        return int(number)

    def wake_idle(self, jobs: int = 1) -> None:
        """See `Store.wake_idle`."""
        if self._waker is None:
            self._send_wake(jobs)
        else:
            self._waker.wake(jobs)

    def _send_wake(self, jobs: int) -> None:
        try:
            self._connection.change("wake_idle", {"jobs": jobs})
        except StoreUnavailable:
            return  # workers look by themselves

    def wake_worker(self, worker: str) -> None:
        """See `Store.wake_worker`."""
        try:
            self._connection.change("wake_worker", {"worker": worker})
        except StoreUnavailable:
            return

    def want_log(self, worker: str, seconds: float) -> None:
        """See `Store.want_log`."""
        self._connection.change("want_log", {"worker": worker, "seconds": seconds})

    def log_parts(self, seq: int, attempt: int, after: int, *, ended: bool) -> Sequence[LogPart]:
        """See `Store.log_parts`."""
        values = {"seq": seq, "attempt": attempt, "after": after}
        found = self._connection.rows("live_log", values)
        if ended:
            found += self._connection.rows("kept_log", values)
        return sorted(LogPart(*part) for part in found)

    def set_setting(self, key: str, value: str) -> None:
        """See `Store.set_setting`."""
        super().set_setting(key, value)
        self._connection.change("wake_all")

    def _move(self, job: Job, move: Move, now: datetime | None) -> bool:
        values = {
            **moves.of_request(move),
            "now": now,
            "seq": job.seq,
            "attempt": job.attempt,
            "from_state": job.state,
            "followed": job.followed,
            "paused_at": job.paused_at,
        }
        found = self._connection.row("move", values)
        if found is None:
            return False
        self._released += found[0]
        return True

    def _carry(self, name: str, values: Mapping[str, Any], was: State, state: State) -> list[rows.Row]:
        return self._connection.rows(name, {**values, "was": was, "state": state})

    def _open_queue(self, queue: str, now: datetime | None) -> None:
        self._connection.change("open", {"holder": of_queue(queue), "now": now})

    def _lock_batch(self, batch: str) -> None:
        self._connection.rows("lock_batch", {"batch": batch})

    def _together(self, act: Callable[[], _T]) -> _T:
        return self._connection.repeated(act)

    def _move_all(self, seqs: Collection[int], state: State, move: MoveAll, now: datetime | None) -> Collection[int]:
        values = {
            "state": move.state,
            "ready": move.delay == 0.0,
            "delay": move.delay,
            "finished": move.finished,
            "anew": move.anew,
            "now": now,
            "seqs": self._connection.numbers_as_value(seqs),
            "from_state": state,
        }
        return [seq for (seq,) in self._connection.rows("move_all", values)]

    def _ids_as_value(self, ids: Collection[str]) -> list[str]:
        return list(ids)

    def _selected(self, selection: Selection, now: datetime | None) -> dict[str, Any]:
        from queuectl.store.postgres import selecting  # noqa: PLC0415  not needed to enqueue

        return {**selecting.values(selection), "now": now}

    def prune(self, state: State, age: float, limit: int, now: datetime | None = None) -> Sequence[int]:
        """See `Store.prune`."""
        gone = self._forget("prune", {"state": state, "age": age, "limit": limit, "now": now})
        if state is not State.DEAD:
            self._days.drop(state, age, now)
        if state is State.COMPLETED:
            self._connection.change("prune_durations", {"age": age, "now": now})
        return gone

    def now(self) -> datetime:
        """See `Store.now`."""
        ((now,),) = self._connection.rows("now")
        return instant(now)

    def metrics(self) -> Metrics:
        """See `Store.metrics`."""
        ((dead_rows, oldest),) = self._connection.rows("upkeep")
        return super().metrics()._replace(upkeep=Upkeep(dead_rows, oldest))

    def begin_round(self, every: float, now: datetime | None = None) -> bool:
        """See `Store.begin_round`."""
        return self._connection.change("begin_round", {"name": "upkeep", "every": every, "now": now}) > 0

    def upkeep(self, minutes_kept: float, now: datetime | None = None) -> None:
        """See `Store.upkeep`."""
        self._days.make(now)
        self._sum_up()
        self._connection.change("sum_up_durations", {"age": minutes_kept, "now": now})
        self._connection.change("drop_live_logs")
        self._connection.change("drop_requests")

    def _sum_up(self) -> None:
        self._uncounted = 0
        self._connection.change("sum_up_counts")
        self._connection.change("sum_up_runs")

    def _forget(self, name: str, values: Mapping[str, Any]) -> Sequence[int]:
        return [seq for (seq,) in self._connection.rows(name, values)]

    def gate(self) -> Gate:
        """See `Store.gate`."""
        from queuectl.store.postgres.gate import PostgresGate  # noqa: PLC0415  rare

        return PostgresGate(self._connection, self._terms, self._days)

    def close(self) -> None:
        """See `Store.close`."""
        if self._waker is not None:
            self._waker.close()
        self._enqueuer.close()
        super().close()

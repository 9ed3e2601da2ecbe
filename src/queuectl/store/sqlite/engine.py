"""Owns the SQLite engine: the port's methods as transactions over the statements in `queries/`.

Must not decide where a job moves (lifecycle.py does) nor how the file is opened and locked (connection.py does).
"""

from __future__ import annotations

from queuectl import histogram, lifecycle
from queuectl.clock import instant, micros
from queuectl.errors import NotFound
from queuectl.job import Ended, Outcome, State
from queuectl.lifecycle import Loss
from queuectl.store.base import Identity, Metrics, Running
from queuectl.store.sqlite import enqueueing, rows
from queuectl.store.sqlite.connection import Connection
from queuectl.store.sqlite.terms import TermsTable
from queuectl.store.summary import summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from queuectl.job import Attempt, Job, NewJob
    from queuectl.lifecycle import Move
    from queuectl.paths import Home

PAGE = 500
"""Rows read in one transaction by a long list."""

BATCH = 2000
"""Jobs forgotten in one transaction by `clear`."""

MINUTE = 60_000_000
HOUR = 60 * MINUTE

LISTS = {
    None: "list_all",
    State.PROCESSING: "list_processing",
    State.PENDING: "list_pending",
    State.FAILED: "list_failed",
    State.BLOCKED: "list_blocked",
    State.COMPLETED: "list_finished",
    State.DEAD: "list_finished",
    State.CANCELLED: "list_finished",
}


class SqliteStore:
    """A `queuectl.store.base.Store` in one SQLite file."""

    def __init__(self, home: Home, *, patience: float = 10.0, sync_every: float = 0.0) -> None:
        """Open the database of a home that exists; make it or migrate it where needed.

        `patience` is how long, in seconds, a locked database is waited for. Claims, finishes and rescues are on
        disk after at most `sync_every` seconds of further commits; 0 puts each there at once.

        Raises:
            StoreUnavailable: the file cannot be used; nothing is changed.
        """
        self._connection = Connection(home, patience=patience, sync_every=sync_every)
        self._terms = TermsTable(self._connection)

    # Jobs in

    def enqueue(self, jobs: Iterable[NewJob], now: datetime | None = None) -> Collection[str]:
        """See `Store.enqueue`."""
        return enqueueing.enqueue(self._connection, self._terms, jobs, micros(now))

    # A worker's side

    def register(self, identity: Identity, now: datetime | None = None) -> None:
        """See `Store.register`."""
        with self._connection.durable():
            self._connection.rows("register", {**identity._asdict(), "now": micros(now)})

    def deregister(self, worker: str) -> None:
        """See `Store.deregister`."""
        with self._connection.durable():
            self._connection.rows("deregister", {"worker": worker})

    def mark_stopping(self, worker: str, now: datetime | None = None) -> None:
        """See `Store.mark_stopping`."""
        with self._connection.durable():
            self._connection.rows("mark_stopping", {"worker": worker, "now": micros(now)})

    def claim(self, worker: str, cookie: str, now: datetime | None = None) -> Job | None:
        """See `Store.claim`."""
        with self._connection.relaxed():
            return self._claim(worker, cookie, micros(now))

    def finish(self, job: Job, ended: Ended, now: datetime | None = None, *, share: float = 0.0) -> Job | None:
        """See `Store.finish`."""
        with self._connection.relaxed():
            return self._finish(job, ended, micros(now), share)

    def finish_and_claim(
        self, job: Job, ended: Ended, cookie: str, now: datetime | None = None, *, share: float = 0.0
    ) -> tuple[Job | None, Job | None]:
        """See `Store.finish_and_claim`."""
        moment = micros(now)
        with self._connection.relaxed():
            return self._finish(job, ended, moment, share), self._claim(str(job.worker), cookie, moment)

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

    def cancel_requested(self, job: Job) -> bool:
        """See `Store.cancel_requested`."""
        found = self._connection.row("fence", {"seq": job.seq, "attempt": job.attempt})
        return found is not None and found[0] is not None

    def next_due_at(self) -> datetime | None:
        """See `Store.next_due_at`."""
        ((due,),) = self._connection.rows("next_due_at")
        return rows.maybe_instant(due)

    def in_place(self) -> bool:
        """See `Store.in_place`."""
        return self._connection.in_place()

    def changed(self) -> bool:
        """See `Store.changed`."""
        return self._connection.changed()

    def unfinished(self, now: datetime | None = None) -> bool:
        """See `Store.unfinished`."""
        return self._connection.rows("unfinished", {"now": micros(now)}) == [(1,)]

    def _claim(self, worker: str, cookie: str, now: int) -> Job | None:
        connection = self._connection
        best = connection.row("best_ready", {"now": now})
        if best is None or best[-1]:
            connection.change("promote", {"now": now})
            best = connection.row("best_ready", {"now": now})
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

    def _finish(self, job: Job, ended: Ended, now: int, share: float) -> Job | None:
        return self._end_run(job, ended, lambda job: lifecycle.finish(job, ended, share), now)

    def _end_run(self, job: Job, ended: Ended, decide: Callable[[Job], Move], now: int) -> Job | None:
        """Carry out what `decide` says of a run that is over; None when the run is not that worker's any more."""
        done = self._write_end(job, ended, decide(job), now)
        if done is None:  # it is lost, or a request to cancel has come since the job was read
            found = self._connection.row("fence", {"seq": job.seq, "attempt": job.attempt})
            if found is not None:
                job = job._replace(cancel_requested_at=rows.maybe_instant(found[0]))
                done = self._write_end(job, ended, decide(job), now)
        return done

    def _write_end(self, job: Job, ended: Ended, move: Move, now: int) -> Job | None:
        """Write the end of a run: the job's row, the counts, the histogram; None when the fence holds it off."""
        connection = self._connection
        started = micros(job.started_at)
        duration = max(0, now - started) if ended.duration is None else round(ended.duration * 1e6)
        next_run_at = None if move.delay is None else now + round(move.delay * 1e6)
        last_error = move.reason or ended.error
        asked = job.cancel_requested_at
        changed = connection.change(
            "finish",
            {
                "seq": job.seq,
                "attempt": job.attempt,
                "cancel_requested_at": None if asked is None else micros(asked),
                "now": now,
                "duration": duration,
                "outcome": ended.outcome,
                "exit_code": ended.exit_code,
                "signal": ended.signal,
                "state": move.state,
                "ready": move.delay == 0.0,
                "next_run_at": next_run_at,
                "finished_at": now if move.finished else None,
                "failures": move.failures,
                "crashes": move.crashes,
                "interruptions": move.interruptions,
                "last_error": last_error,
            },
        )
        if not changed:
            return None
        connection.count(job.queue, job.state, -1)
        connection.count(job.queue, move.state, 1)
        completed = move.state is State.COMPLETED
        if completed or move.failures > job.failures:
            connection.change(
                "record_duration",
                {
                    "minute": now // MINUTE,
                    "queue": job.queue,
                    "ending": "completed" if completed else "failed",
                    "bucket": histogram.bucket(duration),
                    "duration": duration,
                },
            )
        return job._replace(
            state=move.state,
            ready=move.delay == 0.0,
            next_run_at=rows.maybe_instant(next_run_at),
            finished_at=instant(now) if move.finished else None,
            failures=move.failures,
            crashes=move.crashes,
            interruptions=move.interruptions,
            duration=duration / 1e6,
            outcome=ended.outcome,
            exit_code=ended.exit_code,
            signal=ended.signal,
            last_error=last_error,
            cookie=None,
            cancel_requested_at=None,
        )

    # Rescue

    def identities(self) -> Sequence[Identity]:
        """See `Store.identities`."""
        return [Identity(*row) for row in self._connection.rows("identities")]

    def running(self) -> Sequence[Running]:
        """See `Store.running`."""
        found = []
        for row in self._connection.rows("running"):
            identity = row[rows.JOB_COLUMNS : -1]
            found.append(
                Running(
                    rows.job(row, self._terms),
                    None if identity[0] is None else Identity(*identity),
                    rows.maybe_instant(row[-1]),
                )
            )
        return found

    def rescue(self, job: Job, loss: Loss, now: datetime | None = None) -> Job | None:
        """See `Store.rescue`."""
        with self._connection.relaxed():
            ended = Ended(Outcome.GIVEN_BACK if loss is Loss.STOPPED else Outcome.LOST, error=f"worker {loss}")
            return self._end_run(job, ended, lambda job: lifecycle.rescue(job, loss), micros(now))

    # Requests of a user

    def get(self, id: str) -> Job | None:
        """See `Store.get`."""
        row = self._connection.row("get", {"id": id})
        return None if row is None else rows.job(row, self._terms)

    def attempts(self, seq: int) -> Sequence[Attempt]:
        """See `Store.attempts`."""
        return [rows.attempt(row) for row in self._connection.rows("attempts", {"seq": seq})]

    def list(
        self, state: State | None = None, *, scheduled: bool = False, limit: int = 0, now: datetime | None = None
    ) -> Iterator[Job]:
        """See `Store.list`. Reads all numbers at once, 8 bytes each, then the jobs page by page."""
        name = "list_scheduled" if scheduled else LISTS[state]
        values = {"limit": limit or -1, "state": state, "now": micros(now)}
        seqs = self._connection.numbers(name, values)
        for start in range(0, len(seqs), PAGE):
            page = seqs[start : start + PAGE].tolist()
            chosen = {"seqs": f"[{','.join(map(str, page))}]"}
            found = {row[0]: row for row in self._connection.rows("jobs_by_seq", chosen)}
            yield from (rows.job(found[seq], self._terms) for seq in page if seq in found)

    def ids(self, prefix: str, limit: int) -> Sequence[str]:
        """See `Store.ids`."""
        values = {"prefix": prefix, "end": prefix + "\U0010ffff", "limit": limit}
        return [id for (id,) in self._connection.rows("ids", values)]

    def cancel(self, id: str, now: datetime | None = None) -> Job:
        """See `Store.cancel`."""
        moment = micros(now)
        with self._connection.durable():
            job = self._get(id)
            if job.state is State.CANCELLED:
                return job
            move = lifecycle.cancel(job)
            if move is not None:
                return self._move(job, move, moment)
            self._connection.rows("request_cancel", {"seq": job.seq, "attempt": job.attempt, "now": moment})
            return job._replace(cancel_requested_at=job.cancel_requested_at or instant(moment))

    def retry(self, id: str, now: datetime | None = None) -> Job:
        """See `Store.retry`."""
        with self._connection.durable():
            job = self._get(id)
            return self._move(job, lifecycle.retry(job), micros(now))

    def _get(self, id: str) -> Job:
        job = self.get(id)
        if job is None:
            raise NotFound(f'no job "{id}"')
        return job

    def _move(self, job: Job, move: Move, now: int) -> Job:
        """Carry out a move that a user asked for."""
        changed = self._connection.change(
            "move",
            {
                "state": move.state,
                "ready": move.delay == 0.0,
                "next_run_at": None if move.delay is None else now + round(move.delay * 1e6),
                "finished_at": now if move.finished else None,
                "failures": move.failures,
                "crashes": move.crashes,
                "interruptions": move.interruptions,
                "seq": job.seq,
                "attempt": job.attempt,
                "from_state": job.state,
            },
        )
        self._connection.count(job.queue, job.state, -changed)
        self._connection.count(job.queue, move.state, changed)
        return self._get(job.id)

    def clear(self) -> Iterator[Sequence[int]]:
        """See `Store.clear`."""
        with self._connection.durable():
            ((last,),) = self._connection.rows("last_seq")
            self._connection.rows("clear_durations")
        after = 0
        while last is not None:
            with self._connection.durable():
                seqs = self._forget("clear", {"after": after, "last": last, "limit": BATCH})
            if not seqs:
                return
            after = max(seqs)
            yield seqs

    def prune(self, state: State, before: datetime, limit: int) -> Sequence[int]:
        """See `Store.prune`."""
        moment = micros(before)
        with self._connection.relaxed():
            gone = self._forget("prune", {"state": state, "before": moment, "limit": limit})
            if state is State.COMPLETED:
                self._connection.change("prune_durations", {"minute": moment // MINUTE})
        return gone

    def sum_up_durations(self, before: datetime) -> None:
        """See `Store.sum_up_durations`."""
        hour = {"minute": micros(before) // HOUR * 60}
        with self._connection.relaxed():
            self._connection.change("sum_up_durations", hour)
            self._connection.change("drop_summed_durations", hour)

    def _forget(self, name: str, values: Mapping[str, int | str]) -> Sequence[int]:
        """Run a statement that deletes jobs, and return their seqs."""
        gone = self._connection.rows(name, values)
        for _, queue, state in gone:
            self._connection.count(queue, state, -1)
        return [seq for seq, _, _ in gone]

    # What there is

    def counts(self) -> Mapping[str, Mapping[State, int]]:
        """See `Store.counts`."""
        counts: dict[str, dict[State, int]] = {}
        for queue, state, n in self._connection.rows("counts"):
            counts.setdefault(queue, dict.fromkeys(State, 0))[State(state)] = n
        return counts

    def metrics(self) -> Metrics:
        """See `Store.metrics`."""
        with self._connection.snapshot():
            counts, timed = self.counts(), self._connection.rows("durations")
        histograms: dict[str, list[list[int]]] = {}
        for queue, *figures in timed:
            histograms.setdefault(queue, []).append(figures)
        everything = [line for lines in histograms.values() for line in lines]
        none = dict.fromkeys(State, 0)
        return Metrics(
            {state: sum(of_queue[state] for of_queue in counts.values()) for state in State},
            summary(everything),
            {
                queue: (counts.get(queue, none), summary(histograms.get(queue, [])))
                for queue in sorted(counts.keys() | histograms.keys())
            },
        )

    def oldest_waiting(self) -> Job | None:
        """See `Store.oldest_waiting`."""
        row = self._connection.row("oldest_waiting")
        return None if row is None else rows.job(row, self._terms)

    def last_failures(self, limit: int) -> Sequence[Job]:
        """See `Store.last_failures`."""
        return [rows.job(row, self._terms) for row in self._connection.rows("last_failures", {"limit": limit})]

    def settings(self) -> dict[str, str]:
        """See `Store.settings`."""
        return dict(self._connection.rows("settings"))

    def set_setting(self, key: str, value: str) -> None:
        """See `Store.set_setting`."""
        with self._connection.durable():
            self._connection.rows("set_setting", {"key": key, "value": value})

    def close(self) -> None:
        """See `Store.close`."""
        self._connection.close()

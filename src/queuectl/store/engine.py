"""Owns what every engine does alike: which statement answers which question, and how a decision becomes a write.

An engine adds the moves themselves, which differ in how they are kept from meeting each other, and its own clock.
Must not know a database, nor decide where a job moves (lifecycle.py does).
"""

from __future__ import annotations

from functools import partial

from queuectl import lifecycle
from queuectl.errors import Conflict, NotFound, StoreUnavailable
from queuectl.job import FINISHED, Ended, Outcome, State
from queuectl.lifecycle import Loss
from queuectl.store import rows
from queuectl.store.base import Asked, Identity, Metrics, Request, Running, What
from queuectl.store.followers import Followers, is_followed
from queuectl.store.summary import summary
from queuectl.store.terms import TermsTable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from typing import Any, Protocol, TypeVar

    from queuectl.job import Attempt, Dependency, Job, LogPart, NewJob
    from queuectl.lifecycle import Move, MoveAll
    from queuectl.rules import Limits, NewPause, Rule
    from queuectl.selection import Selection
    from queuectl.store.rows import Row
    from queuectl.store.schedules import Schedules

    _T = TypeVar("_T")

    class Statements(Protocol):
        """A connection that runs the statements of an engine by name."""

        def rows(self, name: str, values: Mapping[str, Any] = ...) -> list[Row]:
            """Run a statement and return all its rows."""

        def row(self, name: str, values: Mapping[str, Any] = ...) -> Row | None:
            """Run a statement and return its first row."""

        def change(self, name: str, values: Mapping[str, Any] = ...) -> int:
            """Run a statement that changes rows and return how many it changed."""

        def numbers(self, name: str, values: Mapping[str, Any] = ...) -> array[int]:
            """Run a statement whose rows are one number each, and return them in 8 bytes each."""

        def numbers_as_value(self, numbers: Collection[int]) -> Any:  # noqa: ANN401  what its database takes
            """Return numbers as one value of a statement."""

        def words_as_value(self, words: Collection[str]) -> Any:  # noqa: ANN401  what its database takes
            """Return words as one value of a statement."""

        def snapshot(self) -> AbstractContextManager[Any]:
            """Begin a read of several statements, which see one state."""

        def durable(self) -> AbstractContextManager[Any]:
            """Begin a write that is on disk when it ends without an error."""

        def together(self) -> AbstractContextManager[Any]:
            """Begin a write of several statements, all or none, that is on disk when it ends without an error."""

        def close(self) -> None:
            """Let go of the database."""


PAGE = 500
"""Rows read in one transaction by a long list."""

BATCH = 2000
"""Jobs forgotten, or moved on request, in one transaction."""

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

SELECTS = {state: "select_finished" if state in FINISHED else f"select_{state}" for state in State}


class Engine:
    """The part of a `queuectl.store.base.Store` that does not depend on the database."""

    def __init__(self, connection: Statements) -> None:
        self._statements = connection
        self._terms = TermsTable(connection)
        self._followers = Followers(connection, self._carry, self._lock_batch)
        self._released = 0
        """Jobs that the moves of others have let run, and for which nobody was woken yet."""

    # What an engine adds

    def _moment(self, now: datetime | None) -> Any:  # noqa: ANN401  a value of its statements
        """Return an instant, or the one at which the statement runs, as the statements take it."""
        raise NotImplementedError

    def _write_end(self, job: Job, ended: Ended, move: Move, now: datetime | None) -> Job | None:
        """Write the end of a run and return the job; None when the fence holds it off."""
        raise NotImplementedError

    def _insert(self, new: NewJob, now: datetime | None) -> int:
        """Add a job within a transaction and return its seq; raise `Conflict` when its id is taken."""
        raise NotImplementedError

    def now(self) -> datetime:
        """See `Store.now`."""
        raise NotImplementedError

    def _move(self, job: Job, move: Move, now: datetime | None) -> bool:
        """Carry out a move that a user asked for; False when the job has moved since it was read."""
        raise NotImplementedError

    def _carry(self, name: str, values: Mapping[str, Any], was: State, state: State) -> list[Row]:
        """Run a statement that moves jobs and returns their numbers and queues first; count them, return its rows."""
        raise NotImplementedError

    def _lock_batch(self, batch: str) -> None:
        """Keep others from judging this batch until the transaction ends."""
        raise NotImplementedError

    def _together(self, act: Callable[[], _T]) -> _T:
        """Return what some statements give that are carried out all or none, be it in the transaction that is open."""
        raise NotImplementedError

    def _open_queue(self, queue: str, now: datetime | None) -> None:
        """Let the next claim look at what a queue holds."""
        raise NotImplementedError

    def wake_idle(self, jobs: int = 1) -> None:
        """See `Store.wake_idle`."""
        raise NotImplementedError

    def _move_all(self, seqs: Collection[int], state: State, move: MoveAll, now: datetime | None) -> Collection[int]:
        """Carry out a move of those of some jobs that are in a state and whose moves concern no others; return them."""
        raise NotImplementedError

    def _selected(self, selection: Selection, now: datetime | None) -> dict[str, Any]:
        """Return a selection, without its states, as the statements take it."""
        raise NotImplementedError

    def _ids_as_value(self, ids: Collection[str]) -> Any:  # noqa: ANN401  what its database takes
        """Return ids as one value of a statement."""
        raise NotImplementedError

    def _forget(self, name: str, values: Mapping[str, Any]) -> Sequence[int]:
        """Run a statement that deletes jobs, and return their seqs."""
        raise NotImplementedError

    def _rows_near(self, name: str, near: Identity | None) -> list[Row]:
        """Run a statement about workers, of those near one if it is given."""
        raise NotImplementedError

    # A worker's side

    def deregister(self, worker: str) -> None:
        """See `Store.deregister`."""
        with self._statements.durable():
            self._statements.change("deregister", {"worker": worker})

    def mark_stopping(self, worker: str, now: datetime | None = None) -> None:
        """See `Store.mark_stopping`."""
        with self._statements.durable():
            self._statements.change("mark_stopping", {"worker": worker, "now": self._moment(now)})

    def requests(self, job: Job) -> Asked | None:
        """See `Store.requests`."""
        found = self._statements.rows("requests", {"seq": job.seq, "attempt": job.attempt})
        if not found:
            return None
        cancel_requested_at, paused_at, held_by = found[0][:3]
        asked = [Request(number, What(what), value) for *_, number, what, value in found if number is not None]
        return Asked(cancel_requested_at is not None, paused_at is not None, held_by == lifecycle.PAUSED, asked)

    def carried_out(self, requests: Collection[int]) -> None:
        """See `Store.carried_out`."""
        with self._statements.durable():
            self._statements.change("carried_out", {"numbers": self._statements.numbers_as_value(requests)})

    def tell_paused(self, job: Job, *, paused: bool) -> None:
        """See `Store.tell_paused`."""
        held_by = lifecycle.PAUSED if paused else None
        with self._statements.durable():
            self._statements.change("tell_paused", {"seq": job.seq, "attempt": job.attempt, "held_by": held_by})

    def unfinished(self, now: datetime | None = None, queues: Sequence[str] | None = None) -> bool:
        """See `Store.unfinished`."""
        moment = self._moment(now)
        if queues is None:
            ((any_left,),) = self._statements.rows("unfinished", {"now": moment})
        else:
            chosen = self._statements.words_as_value(queues)
            ((any_left,),) = self._statements.rows("unfinished_of", {"now": moment, "queues": chosen})
        return bool(any_left)

    def _finish(self, job: Job, ended: Ended, now: datetime | None, share: float) -> Job | None:
        return self._end_run(job, ended, lambda job: lifecycle.finish(job, ended, share), now)

    def _rescue(self, job: Job, loss: Loss, now: datetime | None, log: LogPart | None = None) -> Job | None:
        ended = Ended(Outcome.GIVEN_BACK if loss is Loss.STOPPED else Outcome.LOST, error=f"worker {loss}", log=log)
        return self._end_run(job, ended, lambda job: lifecycle.rescue(job, loss), now)

    def _end_run(self, job: Job, ended: Ended, decide: Callable[[Job], Move], now: datetime | None) -> Job | None:
        """Carry out what `decide` says of a run that is over; None when the run is not that worker's any more."""
        while True:
            move = decide(job)
            if job.followed and move.finished:
                done = self._together(partial(self._end_followed, job, ended, move, now))
            else:
                done = self._write_end(job, ended, move, now)
            if done is not None:
                return done
            found = self._statements.row("fence", {"seq": job.seq, "attempt": job.attempt})
            if found is None:
                return None
            # A request to cancel or to pause, or who waits for its end, has come since the job was read.
            cancel_requested_at, paused_at = map(rows.maybe_instant, found[:2])
            job = job._replace(cancel_requested_at=cancel_requested_at, paused_at=paused_at, followed=bool(found[2]))

    def _end_followed(self, job: Job, ended: Ended, move: Move, now: datetime | None) -> Job | None:
        done = self._write_end(job, ended, move, now)
        if done is not None:
            self._released += self._followers.settle(*is_followed(job), self._moment(now))
        return done

    def _carry_out(self, job: Job, move: Move, now: datetime | None) -> bool:
        """Carry out a move that a user asked for, with what follows from it; False when the job has moved meanwhile."""
        if not job.followed:
            return self._move(job, move, now)
        return self._together(partial(self._move_followed, job, move, now))

    def _move_followed(self, job: Job, move: Move, now: datetime | None) -> bool:
        if not self._move(job, move, now):
            return False
        if move.finished:
            self._released += self._followers.settle(*is_followed(job), self._moment(now))
        elif job.state in FINISHED:
            self._released += self._followers.recall(*is_followed(job), self._moment(now))
        return True

    def _wake_released(self) -> None:
        """Wake workers for the jobs that a committed move has let run."""
        if self._released:
            released, self._released = self._released, 0
            self.wake_idle(released)

    # Rescue

    def identities(self, near: Identity | None = None) -> Sequence[Identity]:
        """See `Store.identities`."""
        return [Identity(*row) for row in self._rows_near("identities", near)]

    def running(self, near: Identity | None = None) -> Sequence[Running]:
        """See `Store.running`."""
        found = []
        for row in self._rows_near("running", near):
            identity = row[rows.JOB_COLUMNS : -1]
            found.append(
                Running(
                    rows.job(row, self._terms),
                    None if identity[0] is None else Identity(*identity),
                    rows.maybe_instant(row[-1]),
                )
            )
        return found

    # Requests of a user

    def get(self, id: str) -> Job | None:
        """See `Store.get`."""
        row = self._statements.row("get", {"id": id})
        return None if row is None else rows.job(row, self._terms)

    def attempts(self, seq: int) -> Sequence[Attempt]:
        """See `Store.attempts`."""
        return [rows.attempt(row) for row in self._statements.rows("attempts", {"seq": seq})]

    def list(
        self, state: State | None = None, *, scheduled: bool = False, limit: int = 0, now: datetime | None = None
    ) -> Iterator[Job]:
        """See `Store.list`. Reads all numbers at once, 8 bytes each, then the jobs page by page."""
        name = "list_scheduled" if scheduled else LISTS[state]
        values = {"limit": limit or -1, "state": state, "now": self._moment(now)}
        yield from self.jobs(self._statements.numbers(name, values))

    def select(self, selection: Selection, *, limit: int = 0, now: datetime | None = None) -> Iterator[Job]:
        """See `Store.select`."""
        states = selection.states
        if selection.only_states and len(states) <= 1:
            return self.list(*states, scheduled=selection.scheduled, limit=limit, now=now)
        if len(states) > 1:
            numbers = self.matching(selection, states, now).values()
            newest = sorted((seq for seqs in numbers for seq in seqs), reverse=True)
            return self.jobs(newest[:limit] if limit else newest)
        name = next((SELECTS[state] for state in states), "select_all")
        values = {**self._selected(selection, now), "state": next(iter(states), None), "limit": limit or -1}
        return self.jobs(self._statements.numbers(name, values))

    def matching(
        self, selection: Selection, states: Collection[State], now: datetime | None = None
    ) -> Mapping[State, Sequence[int]]:
        """See `Store.matching`."""
        values = {**self._selected(selection, now), "limit": -1}
        with self._statements.snapshot():
            return {
                state: self._statements.numbers(SELECTS[state], {**values, "state": state})
                for state in State
                if state in states and selection.takes(state)
            }

    def named(self, ids: Collection[str], states: Collection[State]) -> Mapping[State, Sequence[int]]:
        """See `Store.named`."""
        chosen: dict[State, list[int]] = {state: [] for state in State if state in states}
        for seq, state in self._statements.rows("seqs_by_id", {"ids": self._ids_as_value(ids)}):
            if state in chosen:
                chosen[State(state)].append(seq)
        return chosen

    def jobs(self, seqs: Sequence[int]) -> Iterator[Job]:
        """See `Store.jobs`."""
        for start in range(0, len(seqs), PAGE):
            page = list(seqs[start : start + PAGE])
            chosen = {"seqs": self._statements.numbers_as_value(page)}
            found = {row[0]: row for row in self._statements.rows("jobs_by_seq", chosen)}
            yield from (rows.job(found[seq], self._terms) for seq in page if seq in found)

    def ids(self, prefix: str, limit: int) -> Sequence[str]:
        """See `Store.ids`."""
        values = {"prefix": prefix, "end": prefix + "\U0010ffff", "limit": limit}
        return [id for (id,) in self._statements.rows("ids", values)]

    def cancel(self, id: str, now: datetime | None = None, *, grace: float | None = None) -> Job:
        """See `Store.cancel`."""
        while True:  # until the job has not moved between the look and the write
            with self._statements.durable():
                job = self._existing(id)
                if job.state is State.CANCELLED:
                    return job
                found = self._existing(id) if self._cancel(job, now, grace) else None
            self._wake_released()
            if found is not None:
                return found

    def _cancel(self, job: Job, now: datetime | None, grace: float | None = None) -> bool:
        """Cancel a job, or ask for the end of its run; False when it has moved since it was read."""
        move = lifecycle.cancel(job)
        if move is not None:
            return self._carry_out(job, move, now)
        if grace is not None:  # first: with the other alone, the configured grace might begin
            self._request(job, What.CANCEL, grace, now)
        request = {"seq": job.seq, "attempt": job.attempt, "now": self._moment(now)}
        return self._statements.change("request_cancel", request) > 0

    def retry(self, id: str, now: datetime | None = None) -> Job:
        """See `Store.retry`."""
        while True:
            with self._statements.durable():
                job = self._existing(id)
                found = self._existing(id) if self._carry_out(job, lifecycle.retry(job), now) else None
            self._wake_released()
            if found is not None:
                return found

    def parents(self, job: Job) -> Sequence[Dependency]:
        """See `Store.parents`."""
        return [rows.dependency(row) for row in self._statements.rows("parents", {"seq": job.seq})]

    def batches(self, name: str | None = None) -> Mapping[str, Mapping[State, int]]:
        """See `Store.batches`."""
        found = (
            self._statements.rows("batches") if name is None else self._statements.rows("batch_counts", {"batch": name})
        )
        counts: dict[str, dict[State, int]] = {}
        for batch, state, n in found:
            counts.setdefault(batch, dict.fromkeys(State, 0))[State(state)] = n
        return counts

    def batch_callbacks(self, name: str) -> Sequence[Job]:
        """See `Store.batch_callbacks`."""
        return [rows.job(row, self._terms) for row in self._statements.rows("batch_callbacks", {"batch": name})]

    def cancel_all(
        self, chosen: Mapping[State, Sequence[int]], now: datetime | None = None, *, grace: float | None = None
    ) -> Iterator[Sequence[Job]]:
        """See `Store.cancel_all`."""
        return self._in_batches(
            chosen, partial(self._moved, lifecycle.cancel_all, now), partial(self.cancel, now=now, grace=grace), now
        )

    def retry_all(self, chosen: Mapping[State, Sequence[int]], now: datetime | None = None) -> Iterator[Sequence[Job]]:
        """See `Store.retry_all`."""
        return self._in_batches(
            chosen, partial(self._moved, lifecycle.retry_all, now), partial(self.retry, now=now), now
        )

    def pause_all(self, chosen: Mapping[State, Sequence[int]], now: datetime | None = None) -> Iterator[Sequence[Job]]:
        """See `Store.pause_all`."""
        return self._in_batches(chosen, partial(self._held, "pause_all", now), partial(self.pause, now=now), now)

    def resume_all(self, chosen: Mapping[State, Sequence[int]], now: datetime | None = None) -> Iterator[Sequence[Job]]:
        """See `Store.resume_all`."""
        return self._in_batches(chosen, partial(self._held, "resume_all", now), partial(self.resume, now=now), now)

    def _moved(
        self, decide: Callable[[State], MoveAll | None], now: datetime | None, state: State, seqs: Collection[int]
    ) -> Collection[int]:
        """Carry out what is decided of jobs of a state; return those of which it was."""
        move = decide(state)
        return () if move is None else self._move_all(seqs, state, move, now)

    def _held(self, name: str, now: datetime | None, state: State, seqs: Collection[int]) -> Collection[int]:
        """Hold jobs of a state for their users, or let go of them; return those of which it was done."""
        values = {"from_state": state, "seqs": self._statements.numbers_as_value(seqs), "now": self._moment(now)}
        return self._statements.numbers(name, {**values, "held_by": lifecycle.pause_all(state)})

    def _in_batches(
        self,
        chosen: Mapping[State, Sequence[int]],
        together: Callable[[State, Collection[int]], Collection[int]],
        one: Callable[[str], Job],
        now: datetime | None,
    ) -> Iterator[Sequence[Job]]:
        """Act on jobs of each state `together`, and with `one` on those that are to be looked at."""
        for state, seqs in chosen.items():
            for start in range(0, len(seqs), BATCH):
                batch = list(seqs[start : start + BATCH])
                done: set[int] = set()
                try:
                    with self._statements.durable():
                        done.update(self._together(partial(self._with_openings, together, state, batch, now)))
                    for job in self.jobs([seq for seq in batch if seq not in done]):
                        if job.state in chosen:
                            try:
                                done.add(one(job.id).seq)
                            except (Conflict, NotFound):
                                continue  # it has moved on since it was read
                    self._wake_released()
                    jobs = list(self.jobs([seq for seq in batch if seq in done]))
                except StoreUnavailable as error:
                    error.unchanged = error.unchanged and not done
                    raise
                yield jobs

    def _with_openings(
        self,
        together: Callable[[State, Collection[int]], Collection[int]],
        state: State,
        seqs: Collection[int],
        now: datetime | None,
    ) -> Collection[int]:
        """Act on jobs together, and let claims look at what these have kept from starting."""
        done = together(state, seqs)
        if done:
            values = {"seqs": self._statements.numbers_as_value(done), "now": self._moment(now)}
            self._released += self._statements.change("open_of", values)
        return done

    def pause(self, id: str, now: datetime | None = None) -> Job:
        """See `Store.pause`."""
        while True:
            with self._statements.durable():
                job = self._existing(id)
                lifecycle.pause(job)
                if job.paused_at is not None:
                    return job
                hold = partial(self._held, "pause_all", now)
                done = self._together(partial(self._with_openings, hold, job.state, (job.seq,), now))
            self._wake_released()
            if done:
                return self._existing(id)

    def resume(self, id: str, now: datetime | None = None) -> Job:
        """See `Store.resume`."""
        while True:
            with self._statements.durable():
                job = self._existing(id)
                lifecycle.resume(job)
                if job.paused_at is None:
                    return job
                if self._statements.change("resume", self._as_read(job, now)):
                    return self._existing(id)

    def signal(self, id: str, signal: int, now: datetime | None = None) -> Job:
        """See `Store.signal`."""
        while True:
            with self._statements.durable():
                job = self._existing(id)
                lifecycle.signal(job)
                if self._request(job, What.SIGNAL, signal, now):
                    return job

    def _request(self, job: Job, what: What, value: float, now: datetime | None) -> bool:
        """Ask something of a run; False when it is over."""
        request = {"seq": job.seq, "attempt": job.attempt, "what": what, "value": value, "now": self._moment(now)}
        return self._statements.change("request", request) > 0

    def _as_read(self, job: Job, now: datetime | None) -> dict[str, Any]:
        return {"seq": job.seq, "attempt": job.attempt, "from_state": job.state, "now": self._moment(now)}

    # What holds for queues

    def rules(self, now: datetime | None = None) -> Sequence[Rule]:
        """See `Store.rules`."""
        return [rows.rule(row) for row in self._statements.rows("rules", {"now": self._moment(now)})]

    def limit_queue(self, queue: str, limits: Limits, now: datetime | None = None) -> None:
        """See `Store.limit_queue`."""
        self._set_rule(partial(self._limit_queue, queue, limits), queue, now)

    def _limit_queue(self, queue: str, limits: Limits) -> bool:
        return self._statements.change("limit_queue", {"queue": queue, **rows.of_limits(limits)}) > 0

    def pause_queue(self, queue: str, pause: NewPause, now: datetime | None = None) -> None:
        """See `Store.pause_queue`."""
        moment = self._moment(now)
        values = {"queue": queue, **pause._asdict(), "now": moment}
        self._set_rule(lambda: self._statements.change("pause_queue", values) > 0, queue, now)

    def resume_queue(self, queue: str, now: datetime | None = None) -> bool:
        """See `Store.resume_queue`."""
        return self._set_rule(lambda: self._statements.change("resume_queue", {"queue": queue}) > 0, queue, now)

    def forget_rule(self, queue: str, now: datetime | None = None) -> bool:
        """See `Store.forget_rule`."""

        def forget() -> bool:
            self._statements.change("forget_all_starts", {"queue": queue})
            return self._statements.change("forget_rule", {"queue": queue}) > 0

        return self._set_rule(forget, queue, now)

    def _set_rule(self, change: Callable[[], bool], queue: str, now: datetime | None) -> bool:
        """Change what is set for a queue, and let claims look at what it holds; False when nothing was changed."""

        def act() -> bool:
            changed = change()
            self._statements.change("forget_empty_rule", {"queue": queue})
            self._open_queue(queue, now)
            return changed

        with self._statements.durable():
            changed = self._together(act)
        self.wake_idle()
        return changed

    def _existing(self, id: str) -> Job:
        job = self.get(id)
        if job is None:
            raise NotFound(f'no job "{id}"')
        return job

    def clear(self) -> Iterator[Sequence[int]]:
        """See `Store.clear`."""
        with self._statements.durable():
            ((last,),) = self._statements.rows("last_seq")
            self._statements.change("clear_durations")
        after = 0
        while last is not None:
            with self._statements.durable():
                seqs = self._forget("clear", {"after": after, "last": last, "limit": BATCH})
            if not seqs:
                return
            after = max(seqs)
            yield seqs

    def forgotten(self, seqs: Collection[int]) -> Collection[int]:
        """See `Store.forgotten`."""
        chosen = {"seqs": self._statements.numbers_as_value(seqs)}
        known = {seq for (seq,) in self._statements.rows("known_seqs", chosen)}
        return [seq for seq in seqs if seq not in known]

    # What there is

    def counts(self) -> Mapping[str, Mapping[State, int]]:
        """See `Store.counts`."""
        counts: dict[str, dict[State, int]] = {}
        for queue, state, n in self._statements.rows("counts"):
            counts.setdefault(queue, dict.fromkeys(State, 0))[State(state)] = n
        return counts

    def metrics(self) -> Metrics:
        """See `Store.metrics`."""
        with self._statements.snapshot():
            counts, timed = self.counts(), self._statements.rows("durations")
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

    def paused(self, limit: int) -> Sequence[Job]:
        """See `Store.paused`."""
        found = self._statements.rows("paused", {"held_by": lifecycle.PAUSED, "limit": limit})
        return [rows.job(row, self._terms) for row in found]

    def oldest_waiting(self) -> Job | None:
        """See `Store.oldest_waiting`."""
        row = self._statements.row("oldest_waiting")
        return None if row is None else rows.job(row, self._terms)

    def last_failures(self, limit: int) -> Sequence[Job]:
        """See `Store.last_failures`."""
        return [rows.job(row, self._terms) for row in self._statements.rows("last_failures", {"limit": limit})]

    def settings(self) -> dict[str, str]:
        """See `Store.settings`."""
        return dict(self._statements.rows("settings"))

    def set_setting(self, key: str, value: str) -> None:
        """See `Store.set_setting`."""
        with self._statements.durable():
            self._statements.change("set_setting", {"key": key, "value": value})

    def next_tick_at(self, now: datetime | None = None) -> datetime | None:
        """See `Store.next_tick_at`."""
        ((tick, *moment),) = self._statements.rows("next_tick_at", {"now": self._moment(now)})
        return rows.by_own_clock(tick, moment, now)

    def schedules(self) -> Schedules:
        """See `Store.schedules`."""
        from queuectl.store.schedules import Means, Schedules  # noqa: PLC0415  not needed to enqueue

        return Schedules(Means(self._statements, self._terms, self._moment, self.now, self._insert, self._cancel))

    def close(self) -> None:
        """See `Store.close`."""
        self._statements.close()


def unknown_parent(id: str, parent: str, *, there: bool) -> NotFound | Conflict:
    """Return the error of a new job that waits for one that is not stored, or comes after it."""
    if there:
        return Conflict(f'job "{id}" waits for "{parent}", which does not come before it', "nothing was enqueued")
    return NotFound(f'no job "{parent}"', f'job "{id}" was to wait for it; nothing was enqueued')


def taken(id: str, state: str | None) -> Conflict:
    """Return the error of an id that is in use; without a state it comes twice among the new jobs."""
    if state is None:
        return Conflict(f'id "{id}" comes twice among the new jobs', "nothing was enqueued")
    return Conflict(
        f'job "{id}" already exists ({state})', "use another id, or clear the finished jobs: queuectl clear"
    )

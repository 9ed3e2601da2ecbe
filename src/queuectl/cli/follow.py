"""Owns the waiting for jobs, and the showing of their output, while others write both.

Reads a job again only when the queue has changed; looking whether it has costs 4 µs.
"""

from __future__ import annotations

import select
import sys
import time
from array import array

from queuectl.cli.terminal import safe
from queuectl.errors import NotFound, StoreClosed, StoreUnavailable
from queuectl.job import FINISHED, State
from queuectl.wire import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from queuectl.cli.app import App
    from queuectl.cli.output import Output
    from queuectl.job import Job
    from queuectl.joblogs import Line
    from queuectl.queue import Queue

PAUSE = 0.05
"""Seconds between two looks."""

LOOKED_AT = 100
"""Of many jobs that are waited for, those that are read at a time."""

LONGEST_OUTAGE = 120.0
"""Seconds for which a server may be away while a command waits: longer than workers keep their jobs without it."""


def pause(deadline: float | None = None) -> bool:
    """Let a moment pass; return False when the deadline (monotonic) has."""
    left = PAUSE if deadline is None else min(PAUSE, deadline - time.monotonic())
    if left <= 0:
        return False
    select.select((), (), (), left)
    return True


def reread(queue: Queue, job: Job) -> Job:
    """Return a job as it is now.

    Raises:
        NotFound: it was cleared, be its id given to another one.
    """
    found = queue.get(job.id)
    if found.seq != job.seq:
        raise NotFound(f'job "{job.id}" was cleared; its id belongs to another job now')
    return found


def refuse_closed(queue: Queue, jobs: Iterable[Job]) -> None:
    """Refuse to wait for jobs that cannot go on here, because the queue moves to another store, or has moved.

    Raises:
        StoreClosed: it says where the queue goes.
    """
    # Nothing runs while a queue moves, so while a job does, the server is not asked.
    waits = any(job.state not in FINISHED and job.state is not State.PROCESSING for job in jobs)
    if waits and (closed := queue.why_closed()) is not None:
        raise closed


class Patience:
    """Lets a command that waits outlive a server that is away for a while: a restart takes seconds."""

    def __init__(self, queue: Queue, out: Output) -> None:
        self._has_server = queue.shared_id is not None
        self._out = out
        self._away_since: float | None = None

    def lose(self, error: StoreUnavailable) -> None:
        """Note that the store cannot be used now; raise the error when no server is away, or one has been too long."""
        now = time.monotonic()
        too_long = self._away_since is not None and now - self._away_since > LONGEST_OUTAGE
        if not self._has_server or isinstance(error, StoreClosed) or too_long:
            raise error
        if self._away_since is None:
            self._away_since = now
            self._out.say(f"{error.message}; still waiting")

    def find(self) -> None:
        """Note that the store can be used."""
        self._away_since = None


def wait_for_all(
    queue: Queue, app: App, waited_for: Iterable[Job], deadline: float | None, ended: Callable[[Job], None]
) -> list[Job]:
    """Wait until every job has ended, telling `ended` of each, and return them; those that go on come back as well.

    Raises:
        NotFound: a job is cleared meanwhile.
        StoreClosed: the queue moves to another store meanwhile.
    """
    jobs = {job.id: job for job in waited_for}
    open_ids = list(jobs)
    patience = Patience(queue, app.out)
    while True:
        for id in [id for id in open_ids if jobs[id].state in FINISHED]:
            open_ids.remove(id)
            ended(jobs[id])
        if not open_ids or not pause(deadline):
            return list(jobs.values())
        try:
            if queue.changed():
                jobs.update((id, reread(queue, jobs[id])) for id in open_ids)
                refuse_closed(queue, (jobs[id] for id in open_ids))
                patience.find()
        except StoreUnavailable as error:
            patience.lose(error)


def wait_for_selected(
    queue: Queue, app: App, seqs: array[int], deadline: float | None, ended: Callable[[Job], None]
) -> tuple[array[int], int]:
    """Wait until every job of some numbers has ended, telling `ended` of each.

    Returns the numbers of those that go on, and how many jobs were cleared meanwhile. Only the first jobs that have not
    ended are looked at each time: when those have, there is time for the others.

    Raises:
        StoreClosed: the queue moves to another store meanwhile.
    """
    going_on, cleared = seqs, 0
    patience = Patience(queue, app.out)
    while True:
        try:
            more = queue.changed()
            while going_on and more:
                first, rest = going_on[:LOOKED_AT], going_on[LOOKED_AT:]
                jobs = list(queue.jobs(first))
                waiting = array("q", (job.seq for job in jobs if job.state not in FINISHED))
                going_on, cleared, more = waiting + rest, cleared + len(first) - len(jobs), not waiting
                for job in jobs:
                    if job.state in FINISHED:
                        ended(job)
                refuse_closed(queue, jobs)
                patience.find()
        except StoreUnavailable as error:
            patience.lose(error)
        if not going_on or not pause(deadline):
            return going_on, cleared


def settle(queue: Queue, app: App, ended: Iterable[Job]) -> None:
    """Put the ends of jobs on disk before they are reported: their workers take up to 50 ms for it.

    Raises:
        StoreUnavailable: that cannot be done now.
    """
    ids = " ".join(job.id for job in ended)
    if not ids:
        return
    try:
        queue.flush()
    except StoreUnavailable as error:
        raise StoreUnavailable(
            f"the end of {ids} may not be on disk yet: {error.message}", f"wait again: {app.call('wait')} {ids}"
        ) from None


def follow(  # noqa: PLR0913  what to show, and how
    queue: Queue,
    app: App,
    job: Job,
    attempt: int,
    output_of: Callable[[Job, int], Callable[[Job], None]],
    *,
    only: bool = False,
) -> Job:
    """Show the output of a job from one attempt on until the job has ended, and return it.

    `output_of` begins an attempt and returns what shows all that is new of it, given the job as it is then. `only`
    stops at the attempt's end. Raises as `wait_for_all` does.
    """
    show: Callable[[Job], None] | None = None
    patience = Patience(queue, app.out)
    while True:
        try:
            if changed := queue.changed():
                job = reread(queue, job)
                patience.find()
            # The log of a run is complete before its job moves on: what is shown after the look at the job is all.
            while attempt <= job.attempt:
                show = show or output_of(job, attempt)
                show(job)
                if attempt == job.attempt or only:
                    break
                attempt, show = attempt + 1, None
            over = job.attempt > attempt or (job.attempt == attempt and job.state is not State.PROCESSING)
            if job.state in FINISHED or (only and over):
                return job
            if changed:
                refuse_closed(queue, [job])
        except StoreUnavailable as error:
            patience.lose(error)
        pause()


class Printer:
    """Writes lines of a log: each stream to its own, as it came, or harmless for a terminal, or as JSON."""

    def __init__(self, out: Output, *, stamps: bool = False) -> None:
        self._out = out
        self._stamps = stamps
        self._streams = {"stdout": sys.stdout, "stderr": sys.stderr}
        self._harmless = {name: stream.isatty() for name, stream in self._streams.items()}
        self._at_start = {"stdout": True, "stderr": True}
        self._last = ""

    def print(self, lines: Iterable[Line]) -> None:
        """Write lines, and make sure that they are seen."""
        for line in lines:
            if line.stream != self._last:
                self._flush()
                self._last = line.stream
            if line.stream in self._streams:
                self._write(line)
            else:
                self._out.say(f"[{line.text.decode(errors='replace').strip()}]")
        self._flush()

    def _write(self, line: Line) -> None:
        stream = self._streams[line.stream]
        stamp = f"{line.stamp} " if self._stamps and self._at_start[line.stream] else ""
        self._at_start[line.stream] = line.text.endswith(b"\n")
        if self._harmless[line.stream]:
            stream.write(stamp + safe(line.text.decode(errors="surrogateescape"), keep="\n\t"))
        else:
            stream.buffer.write(stamp.encode() + line.text)

    def _flush(self) -> None:
        for stream in self._streams.values():
            stream.flush()


def as_fields(attempt: int, lines: Iterable[Line]) -> Iterator[dict[str, object]]:
    """Yield lines of a log as they are shown as JSON."""
    for line in lines:
        yield {
            "attempt": attempt,
            "time": line.stamp or None,
            "stream": line.stream,
            "text": line.text.decode(errors="backslashreplace"),
        }


def print_fields(attempt: int, lines: Iterable[Line]) -> None:
    """Write lines of a log as JSON, one a line, and make sure that they are seen."""
    for fields in as_fields(attempt, lines):
        sys.stdout.write(f"{dumps(fields)}\n")
    sys.stdout.flush()

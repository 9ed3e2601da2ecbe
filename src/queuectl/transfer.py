"""Owns the way of a whole queue from one store to another: what is done at which end, and in which order.

At every moment the queue is open in one store at most, and whole in one at least: the source is closed before anything
is copied, and its copy is compared before the target opens. Each step is a transaction at one end, which says there how
far the transfer is; so whoever was killed between two steps goes on with the next. Must not know any engine.
"""

from __future__ import annotations

import os
from collections import Counter
from hashlib import sha256

from queuectl import joblogs
from queuectl.errors import Conflict, InvalidInput, QueuectlError, StoreUnavailable
from queuectl.record import Record
from queuectl.store.gate import closed
from queuectl.store.transfers import Stage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from queuectl.job import LogPart
    from queuectl.paths import Home
    from queuectl.store.base import Store
    from queuectl.store.transfers import Batch, Gate, Transfer

BATCH = 5000
"""Jobs copied in one transaction."""

ATTEMPT = 15
"""Where the number of the last run is in the row of a job."""

SLEEPERS = 1000
"""More workers than sleep at the target."""


class Moved(Record):
    """What became of a queue."""

    jobs: int
    place: str
    """Where it is now."""
    already: bool
    """Whether it was there before."""


def check(source: Store, target: Store) -> dict[str, str]:
    """Make sure that a transfer may begin; return the settings of the target that others will replace.

    Raises:
        InvalidInput: both are the same.
        Conflict: the target is not empty, or workers serve it.
    """
    here, there = source.gate(), target.gate()
    _check_room(here, there)
    if Stage.LEFT in there.transfers():
        return {}  # they were this queue's own
    ours = source.settings()
    return {key: value for key, value in target.settings().items() if ours.get(key) != value}


def transfer(source: Store, target: Store, home: Home, tell: Callable[[int], object]) -> Moved:
    """Take the queue of a store to another, or go on with that; `tell` hears now and then how many jobs have arrived.

    The logs in this home go along; of those on other machines what the source has kept, and all of them when the same
    is done there as well.

    Raises:
        InvalidInput: both are the same.
        Conflict: a job is running, the target is not empty, or another transfer has begun.
        StoreUnavailable: an end cannot be used; or the copy is not what was copied, and the queue is open where it was.
    """
    here, there = source.gate(), target.gate()
    id = _begin(here, there)
    arriving = there.transfers().get(Stage.ARRIVING)
    jobs = _jobs(here)
    logs = Logs(home.job_logs(source.id), home.job_logs(target.id), in_files=target.id is None)
    if arriving is None:
        logs.link()  # it was moved by another machine, whose home has others
        return Moved(jobs, there.place, already=True)
    try:
        ours = here.transfers()
        if id not in (end.id for stage, end in ours.items() if stage is not Stage.ARRIVED):
            raise Conflict(
                f"another process moves the queue of {here.place}, or has given it up", "look: queuectl status"
            )
        if Stage.LEAVING in ours:
            _copy(id, here, there, arriving.upto, logs, tell)
            _compare(id, here, there)
            here.leave(id)
        logs.link()
        there.arrive(id)
    except StoreUnavailable as error:
        if _is_open(here):
            raise
        raise StoreUnavailable(
            f"{error.message}; the queue stays closed", "go on with the same command; or give it up with --abandon"
        ) from None
    target.wake_idle(min(jobs, SLEEPERS))
    return Moved(jobs, there.place, already=False)


def abandon(source: Store, target: Store | None) -> None:
    """Give up a transfer that has begun: empty its target, if that is given, and open the source again.

    Raises:
        Conflict: none has begun, another one has, or it has come so far that all is at the target.
    """
    here = source.gate()
    ours = here.transfers()
    leaving = ours.get(Stage.LEAVING)
    if (left := ours.get(Stage.LEFT)) is not None:
        raise Conflict(
            f"all of the queue has moved to {left.place}",
            "move it back from where it is; or, when that is lost for good, open its copy here with --reopen",
        )
    there = None if target is None else target.gate()
    arriving = None if there is None else there.transfers().get(Stage.ARRIVING)
    if leaving is None and arriving is None:
        raise Conflict(f"the queue of {here.place} is not being moved", "nothing was changed")
    # One that comes from here and is not known here any more was given up before, when the target was away.
    if arriving is not None and (arriving.id != leaving.id if leaving is not None else arriving.place != here.place):
        raise Conflict(f"what is being moved there is from {arriving.place}", "give that up there")
    if leaving is not None:
        here.stay(leaving.id)  # first: from then on whoever still copies cannot say that the queue has left
        source.wake_idle(SLEEPERS)
    if there is not None and arriving is not None:
        there.send_back(arriving.id)


def reopen(source: Store, home: Home) -> tuple[Transfer, int]:
    """Open what is in a store of a queue of which the other end is lost; return that end, and how many jobs there are.

    Should the other end be there all the same, there are two queues now, which run the same jobs.

    Raises:
        Conflict: the queue is open, or can stay.
    """
    here = source.gate()
    transfers = here.transfers()
    here.reopen()
    joblogs.unlink_elsewhere(home, source.id)  # else they would go when the other queue forgets these jobs
    source.wake_idle(SLEEPERS)
    return transfers.get(Stage.ARRIVING) or transfers[Stage.LEFT], _jobs(here)


def _jobs(gate: Gate) -> int:
    return sum(n for _, _, n in gate.rest().counts)


def _begin(here: Gate, there: Gate) -> str:
    """Close both ends, unless they are, and return the id of the transfer."""
    ours, theirs = here.transfers(), there.transfers()
    arriving = theirs.get(Stage.ARRIVING)
    if (left := ours.get(Stage.LEFT)) is not None:
        if not any(end is not None and end.id == left.id for end in (arriving, theirs.get(Stage.ARRIVED))):
            raise closed(here.place, *left[1:3])
        return left.id
    if (leaving := ours.get(Stage.LEAVING)) is not None:
        if arriving is None and leaving.place == there.place:
            there.begin_arriving(leaving.id, here.place, leaving.queue)
        elif arriving is None or arriving.id != leaving.id:
            raise Conflict(
                f"the queue is being moved to {leaving.place}, and not to {there.place}",
                "go on with that; or give it up with --abandon",
            )
        return leaving.id
    _check_room(here, there)
    id = os.urandom(16).hex()
    queue = here.begin_leaving(id, there.place)
    try:
        if Stage.LEAVING in there.transfers():  # by another name, but ours: `check_room` has found none
            raise _same(here)
        there.begin_arriving(id, here.place, queue)
    except QueuectlError:
        arriving = there.transfers().get(Stage.ARRIVING)
        if arriving is None or arriving.id != id:  # else another process has gone on with it
            here.stay(id)
            raise
    return id


def _check_room(here: Gate, there: Gate) -> None:
    if here.place == there.place:
        raise _same(here)
    arrived = here.transfers().get(Stage.ARRIVED)
    there.check_room(None if arrived is None else arrived.queue)


def _same(here: Gate) -> InvalidInput:
    return InvalidInput(f"the queue is in {here.place} already", "name another place: --to")


class Logs:
    """The logs of ended runs on their way from one directory to another one, and from one store to another one."""

    def __init__(self, source: str, target: str, *, in_files: bool) -> None:
        """`in_files` says that what is not in the directory of the target is nowhere."""
        self._places = source, target
        self._source = joblogs.LogDirectory(source)
        self._target = joblogs.LogDirectory(target)
        self._in_files = in_files

    def carry(self, batch: Batch, here: Gate) -> None:
        """Put into the directory of the target what the source has kept of the logs of some jobs, and no directory has.

        Raises:
            StoreUnavailable: that cannot be written.
        """
        if not self._in_files:
            return
        runs = [(job[0], job[ATTEMPT]) for job in batch.jobs] + [attempt[:2] for attempt in batch.attempts]
        try:
            for run in sorted(runs):
                if not run[1] or self._source.has(*run) or self._target.has(*run):
                    continue
                if (kept := here.kept_log(*run)) is not None:
                    self._target.put_end(*run, kept)
        except OSError as error:
            raise _unwritable(error) from None

    def link(self) -> None:
        """Let the logs that are on this machine be in the directory of the target as well.

        To be called when the queue has left: before, the target knows none of these jobs, and what nobody knows there
        may be deleted, which a log does not survive anywhere.

        Raises:
            StoreUnavailable: that cannot be done now.
        """
        try:
            joblogs.link(*self._places)
        except OSError as error:
            raise _unwritable(error) from None

    def end(self, seq: int, attempt: int, here: Gate) -> LogPart | None:
        """Return the end of a log that the target is to keep."""
        try:
            return here.kept_log(seq, attempt) or self._source.end(seq, attempt)
        except FileNotFoundError:
            return None  # deleted by hand


def _unwritable(error: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"cannot write the log {error.filename2 or error.filename}: {error.strerror}")


def _copy(id: str, here: Gate, there: Gate, after: int, logs: Logs, tell: Callable[[int], object]) -> None:  # noqa: PLR0913, PLR0917
    copied = 0
    for batch in _batches(here, after):
        logs.carry(batch, here)
        there.take_in(id, after, batch, lambda seq, attempt: logs.end(seq, attempt, here))
        after = batch.jobs[-1][0]
        copied += len(batch.jobs)
        tell(copied)
    there.take_in_rest(id, here.rest())


def _batches(gate: Gate, after: int = 0) -> Iterator[Batch]:
    while (batch := gate.batch(after, BATCH)).jobs:
        yield batch
        after = batch.jobs[-1][0]


def _compare(id: str, here: Gate, there: Gate) -> None:
    """Compare what both ends have, read from each anew.

    Raises:
        StoreUnavailable: it is not the same. The transfer has been given up.
    """
    ours, theirs = sums(here), sums(there)
    wrong = [name for name, value in ours.items() if theirs[name] != value]
    arrived = there.rest()
    if list(arrived.counts) != ours["counts"]:
        wrong.append("kept counts")
    if arrived.last_seq < here.rest().last_seq:  # it may have given larger ones before
        wrong.append("last number")
    if wrong:
        there.send_back(id)
        here.stay(id)
        raise StoreUnavailable(
            f"what arrived in {there.place} is not what was in {here.place}: {', '.join(wrong)}",
            "nothing was moved; the queue is open where it was",
        )


def sums(gate: Gate) -> dict[str, object]:
    """Return what can be said of all that belongs to a queue, by its name."""
    jobs, attempts, dependencies = sha256(), sha256(), sha256()
    counts: Counter[tuple[str, str]] = Counter()
    for batch in _batches(gate):
        for job in batch.jobs:
            jobs.update(repr(job).encode())
            counts[job[4], job[2]] += 1
        for attempt in batch.attempts:
            attempts.update(repr(attempt).encode())
        for dependency in batch.dependencies:
            dependencies.update(repr(dependency).encode())
    rest = gate.rest()
    return {
        "counts": sorted((*key, n) for key, n in counts.items()),
        "jobs": jobs.hexdigest(),
        "attempts": attempts.hexdigest(),
        "dependencies": dependencies.hexdigest(),
        "settings": list(rest.settings),
        "queues": list(rest.rules),
        "starts": list(rest.starts),
        "durations": list(rest.durations),
        "schedules": list(rest.schedules),
        "ticks": list(rest.ticks),
    }


def _is_open(gate: Gate) -> bool:
    """Return whether the queue is known to be open."""
    try:
        return gate.transfers().keys() <= {Stage.ARRIVED}
    except StoreUnavailable:
        return False

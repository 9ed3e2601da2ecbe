"""Loss of power: real programs are recorded, and then the power fails between any two of their steps.

    python -m tests.crash.power --cuts 2000 [--seed N]

What the disk may hold then is given to the real store: it has to be whole, to have everything that was acknowledged
until then, to be the state after one of the commits and none before the last that was synced, and to let every job come
to an end. Exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import apsw

from queuectl.errors import StoreUnavailable
from queuectl.job import FINISHED
from queuectl.paths import Home
from queuectl.store.base import Identity
from queuectl.store.sqlite.engine import SqliteStore
from queuectl.worker import rescue
from tests.crash.disk import ALL_KEPT, Disk, Luck
from tests.crash.promises import record, use_and_work
from tests.support.factories import COOKIE, WELL, WORKER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.crash.disk import Image
    from tests.crash.promises import Promise, Recording
    from tests.crash.recorder import Step

LATER = datetime.now(UTC) + timedelta(days=365)
"""When every job is due."""

WAL_FRAME_HEADER = 24
"""Bytes that SQLite writes into its log before each page: no commit ends with them."""

SHARES = (0.0, 0.1, 0.5, 0.9, 1.0)
"""How much of what was not synced survives whole."""


class Cut(NamedTuple):
    """Power fails after so many steps, and by luck a share of what was not synced survives."""

    steps: int
    share: float
    seed: int

    def luck(self) -> Luck:
        return Luck(self.share, None if self.share in (0, 1) else random.Random(self.seed))  # noqa: S311  repeatable


def every_cut(recording: Recording, seed: int) -> list[Cut]:
    """Return two cuts after each step: nothing survives that was not synced, and some of it does."""
    chance = random.Random(seed)  # noqa: S311  repeatable
    steps = range(len(recording.steps) + 1)
    return [cut for n in steps for cut in (Cut(n, 0, 0), Cut(n, chance.choice(SHARES[1:-1]), chance.getrandbits(32)))]


def random_cuts(recording: Recording, seed: int, count: int) -> list[Cut]:
    """Return cuts at random places, in order."""
    chance = random.Random(seed)  # noqa: S311  repeatable
    steps = len(recording.steps)
    drawn = ((chance.randint(0, steps), chance.choice(SHARES), chance.getrandbits(32)) for _ in range(count))
    return [Cut(*cut) for cut in sorted(drawn)]


class Report(NamedTuple):
    """What came of the cuts."""

    cuts: int
    images: int
    """How many of them found the disk, or what had been promised, different from all before."""
    commits: int
    broken: dict[str, Cut]
    """What was wrong, and the first cut after which it was."""


def fail(recording: Recording, cuts: Iterable[Cut]) -> Report:
    """Let power fail at each of the cuts, which come in order, and look at what is left."""
    disk = Disk(recording.disk)
    history = _History(recording)
    promised: dict[str, Promise] = {}
    broken: dict[str, Cut] = {}
    seen: set[int] = set()
    done = count = 0
    for cut in cuts:
        for step in recording.steps[done : cut.steps]:
            if step.what == "asked":
                for name in recording.promises[step.path].voids:
                    promised.pop(name, None)
            elif step.what == "told":
                promised[step.path] = recording.promises[step.path]
            disk.do(step)
            history.add(disk, step)
        done, count = cut.steps, count + 1
        image = disk.image(cut.luck())
        here = hash((image.key, history.synced, *promised))
        if here in seen:
            continue
        seen.add(here)
        for problem in _problems(recording, image, promised.values(), history):
            broken.setdefault(problem, cut)
    return Report(count, len(seen), len(history.states), broken)


def left_by(recording: Recording, cut: Cut) -> Image:
    """Return what is on the disk after a cut."""
    disk = Disk(recording.disk)
    for step in recording.steps[: cut.steps]:
        disk.do(step)
    return disk.image(cut.luck())


@contextmanager
def store_left_by(recording: Recording, cut: Cut) -> Iterator[SqliteStore]:
    """Open the store as it is after a cut."""
    with _restored(recording, left_by(recording, cut)) as home, _opened(home) as store:
        yield store


class _History:
    """The states of the queue, one after each commit, as they are when no power fails."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.states = [self._state(Disk(recording.disk))]
        self.synced = 0
        """Place of the last state that is on the disk for sure."""

    def add(self, disk: Disk, step: Step) -> None:
        """Note what state the queue is in after a step."""
        if step.path != self._recording.wal:
            return
        if step.what == "sync":
            self.synced = len(self.states) - 1
        elif len(step.data) > WAL_FRAME_HEADER:
            state = self._state(disk)
            if state != self.states[-1]:
                self.states.append(state)

    def allows(self, state: int) -> bool:
        """Return whether the queue may be in a state when power fails now."""
        return state in self.states[self.synced :]

    def _state(self, disk: Disk) -> int:
        with _restored(self._recording, disk.image(ALL_KEPT)) as home, _opened(home):
            return _state(home)


def _problems(recording: Recording, image: Image, promises: Iterable[Promise], history: _History) -> Iterator[str]:
    """Look at what a loss of power left, as programs do that come after it; yield what is wrong."""
    with _restored(recording, image) as home:
        try:
            with _opened(home) as store:
                if not history.allows(_state(home)):
                    yield "this is the state after none of the commits that may have been the last"
                at_once = _broken(store, home, promises)
                yield from at_once
                _bring_to_an_end(store, home)
                yield from (f"stuck: {job.id}, {job.state}" for job in store.list() if job.state not in FINISHED)
                yield from (f"when all has ended, {what}" for what in _broken(store, home, promises) - at_once)
        except (StoreUnavailable, apsw.Error, OSError) as error:
            yield f"cannot be used: {type(error).__name__}"


def _broken(store: SqliteStore, home: Home, promises: Iterable[Promise]) -> set[str]:
    """Return what is wrong with a store."""
    database = apsw.Connection(home.database, flags=apsw.SQLITE_OPEN_READONLY)
    faults = [*database.execute("PRAGMA integrity_check"), *database.execute("PRAGMA foreign_key_check")]
    database.close()
    broken = {f"not kept: {promise.text}" for promise in promises if not promise.kept(store)}
    if faults != [("ok",)]:
        broken.add(f"damaged: {faults}")
    counted = {state: n for state, n in store.metrics().counts.items() if n}
    if counted != Counter(job.state for job in store.list()):
        broken.add(f"miscounted: {counted}")
    return broken


def _bring_to_an_end(store: SqliteStore, home: Home) -> None:
    """Do as a worker does that starts afterwards, and run everything."""
    home.create()
    me = Identity(WORKER, os.getpid(), 0, "", "", "", "")
    store.register(me, 60.0)
    rescue.forget_gone(store, home, me)
    rescue.rescue_lost(store, home, me, lambda _event: None)
    while job := store.claim(WORKER, COOKIE, LATER):
        store.finish(job, WELL, LATER)


def _state(home: Home) -> int:
    """Return a number for all that is in the store."""
    database = apsw.Connection(home.database, flags=apsw.SQLITE_OPEN_READONLY)
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    rows = [row for table in tables for row in database.execute(f"SELECT '{table}', * FROM {table}")]  # noqa: S608
    database.close()
    return hash(tuple(rows))


@contextmanager
def _restored(recording: Recording, image: Image) -> Iterator[Home]:
    """Put an image into a directory in memory, where there is such: nothing here has to be synced."""
    memory = "/dev/shm"  # noqa: S108  the directory made there is private
    with tempfile.TemporaryDirectory(dir=memory if os.path.isdir(memory) else None) as directory:
        image.write(recording.disk, directory)
        yield Home(directory + recording.home.removeprefix(recording.disk))


@contextmanager
def _opened(home: Home) -> Iterator[SqliteStore]:
    """Open the store as a command does: one that reads makes nothing that is missing."""
    if not home.exists():
        home.create()
    store = SqliteStore(home, sync_every=3600)
    try:
        yield store
    finally:
        store.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.power", description=__doc__)
    parser.add_argument("--cuts", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))  # noqa: S311
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        recording = record(Path(directory), lambda session: use_and_work(session, args.rounds, args.jobs))
        report = fail(recording, random_cuts(recording, args.seed, args.cuts))
    rows = {
        "seed": args.seed,
        "seconds": f"{time.monotonic() - began:.0f}",
        "steps recorded": len(recording.steps),
        "acknowledged": sum(step.what == "told" for step in recording.steps),
        "commits": report.commits,
        "power cuts": f"{report.cuts} ({report.images} different)",
        "promises broken": len(report.broken),
    }
    for name, value in rows.items():
        print(f"{name:24}{value}")  # noqa: T201
    for problem, cut in report.broken.items():
        print(f"  {problem}: first at {cut}")  # noqa: T201
    return bool(report.broken)


if __name__ == "__main__":
    sys.exit(main())

"""Owns the data of a schedule: what its user has said, and what is kept of it. Must not know the store."""

from __future__ import annotations

from enum import StrEnum

from queuectl.record import Record
from queuectl.schedule.catchup import CatchUp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Overlap(StrEnum):
    """What a tick does while the job of an earlier one has not ended."""

    SKIP = "skip"
    """It makes no job."""
    QUEUE = "queue"
    """Its job waits for the end of the other one."""
    REPLACE = "replace"
    """It cancels the other one, and its own job follows."""


class Outcome(StrEnum):
    """What a tick has come to."""

    MADE = "made"
    """A job."""
    SKIPPED = "skipped"
    """None, because an earlier one had not ended."""
    MISSED = "missed"
    """None, because it was seen too late; and so were perhaps some after it."""
    REFUSED = "refused"
    """None, because what is stored of the schedule means nothing here; it ticks no more."""


class NewSchedule(Record):
    """A schedule that is about to be added."""

    name: str
    times: str
    """As `schedule.when.parse_when` reads them."""
    zone: str
    job: str
    """The job that each tick makes, as JSON that `queuectl.jobjson` reads; what is not in it is decided at the tick."""
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.ONE
    within: float | None = None
    """Seconds after which a tick is not made up for any more."""
    splay: float = 0.0
    """Seconds over which its jobs are spread after their ticks."""
    umask: int = 0o022
    caller_env: Mapping[str, str] = {}
    """As of `NewJob`, of whoever has added it."""


class Schedule(Record):
    """A stored schedule."""

    name: str
    times: str
    zone: str
    job: str
    overlap: Overlap
    catch_up: CatchUp
    within: float | None
    splay: float
    umask: int
    caller_env: Mapping[str, str]
    created_at: datetime
    next_tick: datetime | None
    """The first that nobody has seen to; None: it never ticks again."""
    paused_at: datetime | None
    last_seq: int | None
    """The last job that was made for it; that may be forgotten."""


class Tick(Record):
    """What became of a tick."""

    tick: datetime
    outcome: Outcome
    seq: int | None
    """Of the job that it made."""
    id: str | None


class Ticked(Record):
    """What `Store.make_due` has done."""

    jobs: int = 0
    """How many it has made."""
    ticks: tuple[tuple[str, Tick], ...] = ()
    """What became of which tick, by the name of its schedule."""
    asked: tuple[str, ...] = ()
    """Workers whose running jobs were asked to end, to be woken."""

"""Owns reading what one attempt has printed, wherever it runs: from the files of this home, or through the store.

Must not know how a log is shown.
"""

from __future__ import annotations

import os
import time
from collections import deque

from queuectl import joblogs
from queuectl.job import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from queuectl.job import Job
    from queuectl.joblogs import Line
    from queuectl.paths import Home
    from queuectl.queue import Queue

LOOK_EVERY = 0.25
"""Seconds between two looks into the store for what another machine has sent."""

ASK_EVERY = 5.0
"""Seconds after which its worker is told again that somebody reads."""


class AttemptLog:
    """What an attempt has printed so far, and goes on to print."""

    def __init__(  # noqa: PLR0913, PLR0917  which log, which lines
        self,
        queue: Queue,
        home: Home,
        job: Job,
        attempt: int,
        streams: frozenset[str] = joblogs.BOTH,
        tail: int | None = None,
    ) -> None:
        """Begin at the first line, or at the last `tail` ones."""
        self._queue = queue
        self._log = (home.job_logs(queue.shared_id), job.seq, attempt)
        self._attempt = attempt
        self._streams = streams
        self._tail = tail
        self._joiner = joblogs.Joiner()
        self._here: joblogs.Follower | None = None
        self._ask_at = self._look_at = 0.0
        self._over = False

    @property
    def answered(self) -> bool:
        """Whether the log is here, or the machine that has it has sent something of it."""
        return self._here is not None or self._joiner.position >= 0

    def new(self, job: Job) -> Iterator[Line]:
        """Yield what is new since the last call; `job` is the job as it is now. All, when the attempt is over."""
        if self._here is None and not self.answered and self._is_here():
            self._here = joblogs.Follower(*self._log, self._streams, self._tail)
        if self._here is not None:
            yield from self._here.new()
            return
        over = job.state is not State.PROCESSING or job.attempt != self._attempt
        now = time.monotonic()
        if not over and now >= self._ask_at:
            self._ask_at = now + ASK_EVERY
            self._queue.want_log(job)
        if now < self._look_at and over == self._over:
            return
        self._look_at, self._over = now + LOOK_EVERY, over
        parts = self._queue.log_parts(job, self._attempt, self._joiner.position, ended=over)
        if parts:
            yield from self._first(self._joiner.new(parts))

    def _is_here(self) -> bool:
        return self._queue.shared_id is None or os.path.exists(joblogs.head_path(*self._log))

    def _first(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Yield the lines of the chosen streams; of the first that come only the last `tail`."""
        chosen = (line for line in lines if line.stream in self._streams or line.stream == joblogs.DROPPED)
        tail, self._tail = self._tail, None
        yield from chosen if tail is None else deque(chosen, tail)

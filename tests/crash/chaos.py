"""Chaos: workers and supervisors are killed and stopped at random while jobs run; then everything is counted.

    python -m tests.crash.chaos --kills 1000 --jobs 10000 [--seed N] [--postgres]

Each run of a job appends its start, its end, and heartbeats of a daemon that it leaves behind, to one file. The order
of these lines and what the store says afterwards have to agree. Exit code 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from queuectl.job import FINISHED, Outcome, State
from tests.support.eventually import eventually
from tests.support.postgres import Server, binaries
from tests.support.processes import RealQueue, kill

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable

    from queuectl.roster import Member

WORKERS = 4

LONG_SHARE = 0.1
"""Share of the jobs that take a second; the others take at most 30 ms."""

MEAN_SECONDS = 0.12
"""Time that a job takes a worker, on average."""

AFTERWARDS = 120
"""Seconds that the queue has to finish all jobs, from the last kill, besides the time for those that still wait."""

SCRIPT = """
say() { echo "$1 $QUEUECTL_JOB_ID $QUEUECTL_ATTEMPT" >>log; }
say start
case $1 in
    0) ;;
    1) setsid sh -c 'while :; do echo "beat $QUEUECTL_JOB_ID $QUEUECTL_ATTEMPT" >>log; sleep 0.1; done' &
       sleep 1 ;;
    *) sleep $1 ;;
esac
say end
"""

KINDS = {"worker": 50, "supervisor": 10, "both": 15, "stop": 25}
"""What is done to a random victim, and how often relative to the others. `stop` is SIGSTOP, later SIGCONT."""


class Report(NamedTuple):
    """What chaos has done, and what came of it."""

    seed: int
    seconds: float
    jobs: int
    done: Counter[str]
    """How often each of `KINDS` was done."""
    crashes: int
    ended_twice: int
    """Runs that were killed between the end of their command and its record."""
    outlived: int
    """Commands that came to their end after both their worker and its supervisor had been killed, before the rescue."""
    violations: list[str]

    @property
    def kills(self) -> int:
        return sum(self.done.values()) - self.done["stop"]

    def __str__(self) -> str:
        done = ", ".join(f"{kind} {self.done[kind]}" for kind in KINDS)
        rows = {
            "seed": self.seed,
            "seconds": f"{self.seconds:.0f}",
            "jobs": self.jobs,
            "kills": f"{self.kills} ({done})",
            "runs that were killed": self.crashes,
            "ended twice": f"{self.ended_twice} ({self.ended_twice / max(1, self.kills):.2%} of kills)",
            "outlived their workers": self.outlived,
            "violations": len(self.violations),
        }
        table = [f"{name:24}{value}" for name, value in rows.items()]
        return "\n".join([*table, *(f"  {violation}" for violation in self.violations)])


class Chaos:
    """A queue under fire."""

    def __init__(self, queue: RealQueue, seed: int, jobs: int, kills: int) -> None:
        self._queue = queue
        self._random = random.Random(seed)  # noqa: S311  chaos that can be repeated
        self._seed = seed
        self._jobs = jobs
        self._kills = kills
        self._pause = jobs * MEAN_SECONDS / WORKERS / kills
        """Mean seconds between two blows."""
        self._done: Counter[str] = Counter()
        self._killed: dict[str, int] = {}
        """How long the log of the runs was when a worker was killed, by its id."""
        self._frozen: dict[Member, float] = {}
        """Members that are stopped, and when they go on."""
        self._starting: list[subprocess.Popen[str]] = []
        self._violations: list[str] = []
        self._crashes = self._ended_twice = self._outlived = 0

    def run(self) -> Report:
        """Kill while the jobs run, let the queue finish them, and count."""
        began = time.monotonic()
        self._enqueue()
        next_blow = began
        deadline = None
        while True:
            now = time.monotonic()
            self._thaw(now)
            self._restart()
            if self._blows >= self._kills:
                deadline = deadline or now + AFTERWARDS + self._unfinished * MEAN_SECONDS * 2
                if not self._unfinished or now > deadline:
                    break
            elif now >= next_blow and self._strike(now):
                next_blow = now + self._random.expovariate(1 / self._pause)
            time.sleep(0.01)  # noqa: TID251  the pace of chaos
        self._thaw(float("inf"))
        self._end()
        self._check()
        return Report(
            self._seed,
            time.monotonic() - began,
            self._jobs,
            self._done,
            self._crashes,
            self._ended_twice,
            self._outlived,
            self._violations,
        )

    # Chaos

    def _enqueue(self) -> None:
        queue = self._queue
        (queue.directory / "job.sh").write_text(SCRIPT, encoding="utf-8")
        queue.do("config", "set", "max_crashes", "1000")
        lines = []
        for number in range(self._jobs):
            long = self._random.random() < LONG_SHARE
            seconds = "1" if long else self._random.choice(("0", "0.01", "0.02", "0.03"))
            lines.append(json.dumps({"id": f"j{number}", "command": f"sh ./job.sh {seconds}"}))
        queue.do("enqueue", "--file", "-", stdin="\n".join(lines))

    @property
    def _blows(self) -> int:
        return sum(self._done.values()) - self._done["stop"]

    @property
    def _log_size(self) -> int:
        log = self._queue.directory / "log"
        return log.stat().st_size if log.exists() else 0

    @property
    def _unfinished(self) -> int:
        counts = self._queue.store.metrics().counts
        return sum(count for state, count in counts.items() if state not in FINISHED)

    def _restart(self) -> None:
        """Start workers when no supervisor lives: it was killed, or gave up after many deaths."""
        for start in [start for start in self._starting if start.poll() is not None]:
            self._starting.remove(start)
            out = "" if start.stdout is None else start.stdout.read()
            if start.returncode not in (0, 5) or "Traceback" in out:
                self._violations.append(f"worker start exited {start.returncode}: {out}")
        if not self._starting and not self._queue.supervisors():
            start = self._queue.spawn("worker", "start", "--count", str(WORKERS), "--log-format", "json")
            self._starting.append(start)

    def _strike(self, now: float) -> bool:
        """Do something to a random process; return whether there was one."""
        (kind,) = self._random.choices(tuple(KINDS), tuple(KINDS.values()))
        workers = [worker for worker in self._queue.workers() if worker not in self._frozen]
        supervisors = [supervisor for supervisor in self._queue.supervisors() if supervisor not in self._frozen]
        if not workers:
            return False
        if supervisors and not self._starting and len(workers) < WORKERS // 2:
            kind = "supervisor"  # it waits longer and longer with new workers; a new one does not
        victims: list[Member] = []
        if kind in ("worker", "both") and workers:
            victims.append(self._random.choice(workers))
        if kind == "supervisor" and supervisors:
            victims.append(self._random.choice(supervisors))
        if kind == "both":
            victims += [member for member in supervisors if victims and member.id == victims[0].supervisor]
        if kind == "stop" and (alive := workers + supervisors):
            member = self._random.choice(alive)
            # While a supervisor is stopped, the job of a killed worker goes on until another worker looks.
            longest = 1.0 if member.supervisor else 0.1
            self._frozen[member] = now + self._random.uniform(0.02, longest)
            kill(member.pid, signal.SIGSTOP)
            self._done[kind] += 1
            return True
        self._random.shuffle(victims)
        for member in victims:
            kill(member.pid)
            self._killed[member.id] = self._log_size
        self._done[kind] += bool(victims)
        return bool(victims)

    def _thaw(self, now: float) -> None:
        for member in [member for member, until in self._frozen.items() if until <= now]:
            del self._frozen[member]
            if member.alive:
                kill(member.pid, signal.SIGCONT)

    def _end(self) -> None:
        """Stop everything; a last worker tidies up what the dead have left."""
        queue = self._queue
        eventually(lambda: all(start.poll() is not None for start in self._starting))
        queue.stop()
        queue.start("--log-format", "json")
        queue.stop()
        queue.no_process()
        for directory in (queue.home.workers, queue.home.supervisors):
            left_files = [path.name for path in Path(directory).iterdir() if path.suffix != ".failed"]
            if left_files:
                self._violations.append(f"files are left in {directory}: {left_files}")

    # Counting

    def _check(self) -> None:
        """Compare what the runs have written with what the store says."""
        jobs = list(self._queue.store.list())
        self._crashes = sum(job.crashes for job in jobs)
        starts, ends, overlaps = self._read_log()
        self._broken("lost", {f"j{n}" for n in range(self._jobs)} - {job.id for job in jobs})
        self._broken("stuck", (job.id for job in jobs if job.state not in FINISHED))
        self._broken("not completed", (job.id for job in jobs if job.state in FINISHED - {State.COMPLETED}))
        self._broken("completed without coming to its end", (job.id for job in jobs if job.attempt not in ends[job.id]))
        self._broken("overlap", overlaps)
        self._broken("started twice as one attempt", (id for id, runs in starts.items() if len(set(runs)) < len(runs)))
        self._broken("failure or interruption counted", (job.id for job in jobs if job.failures or job.interruptions))
        self._broken("attempts and crashes differ", (job.id for job in jobs if job.attempt != 1 + job.crashes))
        for job in jobs:
            attempts = self._queue.store.attempts(job.seq)
            lost = {attempt.attempt for attempt in attempts if attempt.outcome is Outcome.LOST}
            murdered = {attempt.attempt for attempt in attempts if attempt.worker in self._killed}
            if [attempt.attempt for attempt in attempts] != list(range(1, job.attempt + 1)):
                self._violations.append(f"attempts missing in the history: {job.id}")
            if not lost <= murdered:
                self._violations.append(f"lost, though its worker was not killed: {job.id} {sorted(lost - murdered)}")
            if never := set(range(1, job.attempt + 1)) - set(starts[job.id]) - lost:
                self._violations.append(f"recorded without having started: {job.id} {sorted(never)}")
            for attempt in attempts[:-1]:
                end = ends[job.id].get(attempt.attempt)
                if end is not None and attempt.attempt not in murdered:
                    self._violations.append(f"ended twice without a kill in between: {job.id} {attempt.attempt}")
                elif end is not None:
                    outlived = end > self._killed[attempt.worker]
                    self._outlived += outlived
                    self._ended_twice += not outlived
        counted = {state: count for state, count in self._queue.store.metrics().counts.items() if count}
        if counted != Counter(job.state for job in jobs):
            self._violations.append(f"metrics count {counted}")
        self._check_worker_log()

    def _check_worker_log(self) -> None:
        """Look for deaths of workers that nobody has killed."""
        for path in Path(self._queue.home.logs).glob("worker.log*"):
            for line in path.read_text(encoding="utf-8").splitlines():
                if not line.startswith("{"):
                    self._violations.append(f"{path.name}: {line}")
                elif json.loads(line).get("how", "").startswith("exited"):
                    self._violations.append(f"a worker died by itself: {line}")

    def _read_log(self) -> tuple[dict[str, list[int]], dict[str, dict[int, int]], set[str]]:
        """Return each job's attempts that started, those that ended and where in the log, and the jobs that overlap."""
        starts: defaultdict[str, list[int]] = defaultdict(list)
        ends: defaultdict[str, dict[int, int]] = defaultdict(dict)
        overlaps = set()
        place = 0
        for line in self._queue.lines("log"):
            place += len(line) + 1
            what, id, attempt = line.split()
            if what == "start":
                starts[id].append(int(attempt))
            if what == "end":
                ends[id][int(attempt)] = place
            if int(attempt) < max(starts[id], default=0):
                overlaps.add(id)
        return starts, ends, overlaps

    def _broken(self, what: str, ids: Iterable[str]) -> None:
        if found := sorted(ids):
            self._violations.append(f"{what}: {len(found)} jobs, such as {', '.join(found[:5])}")


def run(directory: Path, url: str | None = None, *, jobs: int, kills: int, seed: int) -> Report:
    """Make a queue in a directory, or in a database, bring chaos over it, and report."""
    queue = RealQueue(directory, url=url)
    try:
        return Chaos(queue, seed, jobs, kills).run()
    finally:
        queue.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--postgres", action="store_true", help="the queue is in a database of a server of its own")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="queuectl-chaos-"))
        url = None
        if options.postgres:
            server = stack.enter_context(Server(max(binaries().items())[1], durable=True))
            url = server.create_database("queue")
        report = run(Path(directory), url, jobs=options.jobs, kills=options.kills, seed=options.seed)
    twice_too_often = report.ended_twice > report.kills / 100
    sys.stdout.write(f"{report}\n{'more than 1 % of the kills let a job end twice' if twice_too_often else ''}\n")
    return 1 if report.violations or twice_too_often else 0


if __name__ == "__main__":
    sys.exit(main())

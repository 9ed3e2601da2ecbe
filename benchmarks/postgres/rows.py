"""Owns what is measured: each row is a function from a system on an empty database to figures."""

from __future__ import annotations

import os
import random
import subprocess
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from systems import FLOOR, Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from systems import Trial

DEADLINE = 240
"""Seconds that a drain may take; a system that has not finished by then has the rate of what it did."""

TICK = 0.002


class Row(NamedTuple):
    """One row of the benchmark."""

    measure: Callable[[Trial, bool], Mapping[str, float]]
    """Takes a trial and whether to be quick; gives figures by what they are."""
    floor: str
    """What the figures are held against."""


def _enqueue(trial: Trial, quick: bool) -> dict[str, float]:  # noqa: FBT001  as every row
    calls = 20 if quick else 500
    return {"enqueue, one durable call in process, jobs/s": calls / trial.ask("enqueue", "true", calls)}


def _bulk(trial: Trial, quick: bool) -> dict[str, float]:  # noqa: FBT001
    count = 200 if quick else 20_000
    return {f"bulk enqueue of {count:,}, jobs/s": count / trial.ask("bulk", "true", count)}


def _drain(workers: int, trial: Trial, quick: bool) -> dict[str, float]:  # noqa: FBT001
    """Measure from the first finished job to the last: each adds a byte to a file, as its command says.

    The shell has no process to start for that, so that one process is spawned a job.
    """
    jobs = 50 if quick else 2000
    ends = trial.directory / "ends"
    ends.touch()
    command = f"true; printf . >>'{ends}'"
    if trial.system.name == FLOOR:
        with _xargs(trial.directory, command, jobs, workers):
            rate = _rate(ends, jobs)
    else:
        trial.ask("bulk", command, jobs)
        with trial.workers(workers):
            rate = _rate(ends, jobs)
            _wait_for_results(trial)
    return {f"drain of {jobs:,} shell jobs `true`, {workers} at a time, jobs/s": rate}


@contextmanager
def _xargs(directory: Path, command: str, jobs: int, workers: int) -> Iterator[None]:
    commands = directory / "commands"
    commands.write_text(f"{command}\0" * jobs, encoding="utf-8")
    words = ["xargs", "-0", f"-P{workers}", "-n1", "sh", "-c"]
    with open(commands, "rb") as file, subprocess.Popen(words, stdin=file) as process:
        try:
            yield
        finally:
            process.terminate()


def _rate(ends: Path, jobs: int) -> float:
    """Return the rate between the first end that is seen and the last."""
    deadline = time.monotonic() + DEADLINE
    first: tuple[int, float] | None = None
    while (ended := ends.stat().st_size) < jobs and time.monotonic() < deadline:
        if first is None and ended:
            first = ended, time.monotonic()
        time.sleep(TICK)
    if first is None:
        raise Broken("no job has finished")
    return (ended - first[0]) / (time.monotonic() - first[1])


def _wait_for_results(trial: Trial) -> None:
    """Wait until each job's end is recorded: a rate without that would be worth nothing."""
    deadline = time.monotonic() + 30
    while unfinished := trial.ask("unfinished"):
        if time.monotonic() > deadline:
            raise Broken(f"{unfinished:.0f} jobs have no recorded end")
        time.sleep(0.2)


def _latency(trial: Trial, quick: bool) -> dict[str, float]:  # noqa: FBT001
    """Measure from before the call of enqueue to a stamp of `date`, which is in every figure, and in the floor's."""
    jobs, warm_up = (5 if quick else 200), 2
    stamps = trial.directory / "stamps"
    stamps.touch()
    command = f"""printf '%s %s\\n' BEGAN "$(date +%s%N)" >>'{stamps}'"""
    if trial.system.name == FLOOR:
        for _ in range(jobs):
            time.sleep(random.uniform(0.02, 0.12))  # noqa: S311  guards nothing
            words = ("sh", "-c", command.replace("BEGAN", str(time.time_ns())))
            os.waitpid(os.posix_spawn("/bin/sh", words, os.environ), 0)
        lines = _lines(stamps, jobs)
    else:
        with trial.workers(2):
            trial.ask("enqueue", command, warm_up)
            _lines(stamps, warm_up)
            time.sleep(1)  # so that they sleep too
            trial.ask("probe", command, jobs)
            lines = _lines(stamps, warm_up + jobs)[warm_up:]
    took = sorted((int(end) - int(start)) / 1e6 for start, end in map(str.split, lines))
    return {
        f"enqueue call to start of the command, idle worker, p{share} of {jobs}, ms": took[
            round(share / 100 * (jobs - 1))
        ]
        for share in (50, 99)
    }


def _lines(path: Path, count: int) -> list[str]:
    deadline = time.monotonic() + 30
    while len(lines := path.read_text(encoding="ascii").splitlines(keepends=True)) < count or lines[-1][-1] != "\n":
        if time.monotonic() > deadline:
            raise Broken(f"{count - len(lines)} of {count} commands have not started")
        time.sleep(0.02)
    return lines


def _claim(waiting: int, trial: Trial, quick: bool) -> dict[str, float]:  # noqa: FBT001
    crowd, calls = (waiting // 100, 20) if quick else (waiting, 500)
    return {f"finish and next claim, {crowd:,} waiting, one connection, /s": trial.ask("claim", crowd, calls)}


SPAWN = "xargs, which keeps no queue"

ROWS = {
    "enqueue": Row(_enqueue, "one INSERT a commit"),
    "bulk": Row(_bulk, "one COPY"),
    "drain": Row(partial(_drain, 2), SPAWN),
    "drain8": Row(partial(_drain, 8), SPAWN),
    "latency": Row(_latency, "posix_spawn of the command"),
    "claim": Row(partial(_claim, 1000), "two UPDATEs, SKIP LOCKED, one commit"),
    "claim1m": Row(partial(_claim, 1_000_000), "the same"),
}

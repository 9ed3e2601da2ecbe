"""Owns running processes and what the kernel says about them: time, CPU, memory, writes."""

from __future__ import annotations

import os
import subprocess
import time
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DEADLINE = 600
"""Seconds that any one process may take."""

MIB = 1 << 20


class Cost(NamedTuple):
    """What a process took, from its start to its end."""

    seconds: float
    cpu: float
    """Seconds of CPU, of all the processes below it that it waited for as well."""


def run(words: Sequence[str], environ: Mapping[str, str], stdin: str = os.devnull) -> Cost:
    """Run a process that has to work, on a file as its input, and throw its output away."""
    with open(stdin, "rb") as given, TemporaryFile() as said:
        began = time.perf_counter()
        child = subprocess.Popen(
            words, stdin=given, stdout=subprocess.DEVNULL, stderr=said, env=environ, start_new_session=True
        )
        try:
            # Not Popen.wait: only wait4 tells what this child took, and not what all children so far did.
            _, status, usage = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - began
        except BaseException:
            child.terminate()
            child.wait(DEADLINE)
            raise
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(words)} exited {child.returncode}: {said.read()[-2000:].decode()}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime)


def peak_while_printing(words: Sequence[str], environ: Mapping[str, str], stdin: str) -> float:
    """Run a process that prints more than a pipe holds, and return the most memory that it had, in MiB.

    It is asked each time that it has printed 64 KiB, up to the last, while the full pipe keeps it from ending.
    `ru_maxrss` of wait4 will not do: a child of vfork(2) has that of its parent at least.
    """
    peak = 0.0
    with (
        open(stdin, "rb") as given,
        subprocess.Popen(words, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ) as child,
    ):
        assert child.stdout is not None  # noqa: S101  it was asked for
        while os.read(child.stdout.fileno(), 65536):
            peak = max(peak, peak_memory(child.pid))
    if child.returncode:
        raise SystemExit(f"{' '.join(words)} exited {child.returncode}")
    return peak


def peak_memory(pid: int) -> float:
    """Return the most memory that a process has had, in MiB; 0 when it has ended."""
    return _kib(f"/proc/{pid}/status", "VmHWM:") / 1024


def shared_memory(pids: Iterable[int]) -> float:
    """Return the memory of processes in MiB, pages that several share counted once (PSS)."""
    return sum(_kib(f"/proc/{pid}/smaps_rollup", "Pss:") for pid in pids) / 1024


def cpu_so_far(pid: int) -> float:
    """Return the seconds of CPU that a process of one thread has had, to the nanosecond.

    Not from `stat`: it counts in clock ticks, and misses wake-ups that are shorter.
    """
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def written_so_far(pid: int) -> int:
    """Return the bytes that a process has caused to be written to disks."""
    return _kib(f"/proc/{pid}/io", "write_bytes:")


def _kib(path: str, field: str) -> int:
    """Return the number behind a word in a file of /proc."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(field):
                    return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0

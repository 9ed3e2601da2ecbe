"""Owns the verbs that a driver written in Python takes from the command line.

    DRIVER prepare                  make what an empty database needs
    DRIVER enqueue COMMAND N        add N jobs, one durable call at a time; prints the seconds that the calls took
    DRIVER bulk COMMAND N           add N jobs in the fastest way that the system has; prints the seconds
    DRIVER probe COMMAND N          add N jobs in random gaps, BEGAN in the command replaced by the ns of the call
    DRIVER unfinished               print how many jobs have no recorded end
    DRIVER claim WAITING CALLS      finish a job and claim the next; prints the claims a second
    DRIVER work COUNT               become the workers

A job of every system is a shell command. The database is the URL BENCH_DATABASE, and files go to BENCH_DIRECTORY.
verbs.mjs is the same for drivers written in JavaScript.
"""

from __future__ import annotations

import random
import sys
import time
from typing import Protocol


class Driver(Protocol):
    """What a system can do."""

    def prepare(self) -> None:
        """Make what an empty database needs."""

    def open(self) -> None:
        """Connect, so that no call that is timed has to."""

    def enqueue(self, command: str) -> None:
        """Add a job; it is on disk when this returns."""

    def bulk(self, command: str, count: int) -> None:
        """Add many jobs; they are on disk when this returns."""

    def unfinished(self) -> int:
        """Return how many jobs have no recorded end."""

    def claim(self, waiting: int, calls: int) -> float:
        """Return how many jobs a second are claimed, each predecessor finished first, with so many waiting."""

    def work(self, count: int) -> None:
        """Become workers that run so many jobs at a time, until SIGTERM."""


def main(driver: Driver) -> None:
    """Do what the command line asks for."""
    verb, *words = sys.argv[1:]
    if verb == "prepare":
        driver.prepare()
    elif verb == "work":
        driver.work(int(words[0]))
    else:
        driver.open()
        print(_answer(driver, verb, words))


def _answer(driver: Driver, verb: str, words: list[str]) -> float:
    if verb == "unfinished":
        return driver.unfinished()
    if verb == "claim":
        return driver.claim(int(words[0]), int(words[1]))
    command, count = words[0], int(words[1])
    began = time.perf_counter()
    if verb == "bulk":
        driver.bulk(command, count)
    elif verb == "enqueue":
        for _ in range(count):
            driver.enqueue(command)
    elif verb == "probe":
        for _ in range(count):
            time.sleep(random.uniform(0.02, 0.12))  # noqa: S311  guards nothing
            driver.enqueue(command.replace("BEGAN", str(time.time_ns())))
    else:
        raise SystemExit(f"no verb {verb}")
    return time.perf_counter() - began

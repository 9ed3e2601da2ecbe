"""Shows queuectl at work on real input, and checks that all of it came out as it has to.

Every `.py` file of the running Python's standard library is a job that byte-compiles it. Beside them run five jobs
that fail: two files with a syntax error, a missing file, a job that runs into its timeout, and one that fails twice
and then succeeds. Three workers. At the end one of the dead jobs is repaired and retried.

Each line that begins with `$` is run by the shell as it stands there. Exits 1 if anything is not as expected, and
leaves nothing behind: no worker, no file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
import sysconfig
import tempfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import screen
from checks import check_endings, count_compiled, ending_of
from expectations import Expectation, table
from jobs import COMPILED, REPAIRED, Plan, failing_jobs, library_jobs
from session import DemoError, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS = 3
LOOK_EVERY = 0.5
"""Seconds between two looks at the queue; each costs 30 ms of CPU."""
STALLED = 60
"""Seconds without any job ending after which the demo gives up."""
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAMPLE = 5
"""Jobs whose output is looked at."""


class Demo:
    """One run: its steps in order, and what each has to lead to."""

    def __init__(self, directory: str, library: str, limit: int | None) -> None:
        self.session = Session(directory)
        self.library = library
        self.directory = directory
        self.compiled = os.path.join(directory, "compiled")
        self.plan = Plan(library_jobs(library, limit, self.compiled), failing_jobs(directory, self.compiled))
        self.expectations: list[Expectation] = []

    def run(self) -> bool:
        """Take all steps; return whether everything came out as expected.

        Raises:
            DemoError: a command failed, or no job ends any more.
        """
        self.enqueue()
        self.work()
        self.look()
        self.check()
        self.repair()
        self.stop()
        screen.remark("what had to be, and what is")
        print("\n".join(table(self.expectations)))
        return all(expectation.holds for expectation in self.expectations)

    def enqueue(self) -> None:
        """Give the queue all jobs at once."""
        with open(os.path.join(self.directory, "jobs.jsonl"), "w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(job.fields)}\n" for job in self.plan.jobs)
        version = f"the standard library of Python {platform.python_version()}"
        where = version if self.library == standard_library() else self.library
        screen.remark(f"{len(self.plan.library):,} files of {where}; {len(self.plan.failing)} jobs that fail")
        self.session.enter()
        self.session.type("queuectl config set backoff_base 1    # retries come after 1 s, not after 2, 4, 8 ... s")
        self.session.type("queuectl enqueue --quiet --file - < jobs.jsonl > ids && wc -l < ids")
        self.expect("jobs accepted", len(self.plan.jobs), sum(self.counts().values()))

    def work(self) -> None:
        """Start the workers and show a bar until every job has ended."""
        self.session.type(f"queuectl worker start --count {WORKERS}")
        self.expect("workers", WORKERS, len(self.session.ask("worker", "list")))
        screen.remark("the bar reads: queuectl metrics --json")
        total, done, moved = len(self.plan.jobs), -1, time.monotonic()
        progress = screen.Progress(total)
        while done < total:
            counts = self.counts()
            before, done = done, counts["completed"] + counts["dead"]
            progress.show(done, counts["dead"] + counts["failed"])
            if done > before:
                moved = time.monotonic()
            elif time.monotonic() > moved + STALLED:
                raise DemoError(f"no job has ended for {STALLED} s; jobs by state: {counts}")
            if done < total:
                time.sleep(LOOK_EVERY)

    def look(self) -> None:
        """Show what there is to see after the run."""
        screen.remark("what came of it")
        self.session.type("queuectl status")
        self.session.type("queuectl metrics")
        screen.remark("the dead letters, each with the last line of its error")
        # On a terminal queuectl would shorten the errors, to leave room for the commands.
        self.session.type(f"queuectl dlq list{f' | cut -c -{screen.width()}' if screen.ON_TERMINAL else ''}")
        screen.remark("what jobs have printed; the flaky one at its first attempt and at its last")
        for id in self.sample(1):
            self.session.type(f"queuectl logs {id}")
        self.session.type("queuectl logs flaky --attempt 1; queuectl logs flaky")

    def check(self) -> None:
        """Compare what came of the jobs with what had to."""
        self.expectations += check_endings(self.plan, self.session.ask("list"))
        self.expect("valid .pyc files", self.files, count_compiled(self.compiled))
        sample = self.sample(SAMPLE)
        lines = sum(len(self.session.ask("logs", id)) for id in sample)
        self.expect(f"lines that {len(sample)} of them have printed", len(sample), lines)

    def repair(self) -> None:
        """Mend the file of a dead job and let the job run again."""
        screen.remark("one of the dead is repaired and retried")
        self.session.type(f"echo '{REPAIRED}' > half_written.py")
        self.session.type("queuectl dlq retry half-written")
        self.session.type("queuectl wait half-written --timeout 60s && queuectl logs half-written")
        ended = next(ending_of(job) for job in self.session.ask("list") if job["id"] == "half-written")
        self.expect("half-written, repaired", COMPILED._replace(attempts=3), ended)
        self.expect("valid .pyc files then", self.files + 1, count_compiled(self.compiled))
        completed = sum(job.ending.state == "completed" for job in self.plan.jobs) + 1
        self.expect("jobs completed then", completed, self.counts()["completed"])
        self.expect("durations in metrics", completed, self.session.ask("metrics")["completed"]["completed_count"])

    def stop(self) -> None:
        """Stop the workers."""
        self.session.type("queuectl worker stop")
        self.expect("workers left", 0, len(self.session.ask("worker", "list")))

    def expect(self, what: str, expected: object, found: object) -> None:
        """Note what has to be and what is; the table at the end judges."""
        self.expectations.append(Expectation(what, expected, found))

    def counts(self) -> dict[str, int]:
        """Return the number of jobs in each state."""
        counts: dict[str, int] = self.session.ask("metrics")["counts"]
        return counts

    @property
    def files(self) -> int:
        """How many files of the library compile."""
        return sum(job.ending is COMPILED for job in self.plan.library)

    def sample(self, count: int) -> list[str]:
        """Return the ids of some of the files that compile, spread evenly."""
        ids = [job.id for job in self.plan.library if job.ending is COMPILED]
        return ids[len(ids) // (2 * count) :: max(1, len(ids) // count)][:count]


def standard_library() -> str:
    """Return the directory of the standard library of the running Python."""
    return sysconfig.get_path("stdlib")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, metavar="N", help="only N of the files, spread evenly")
    parser.add_argument(
        "--library",
        type=os.path.abspath,
        default=standard_library(),
        metavar="DIR",
        help="compile the files of another directory",
    )
    parser.add_argument("--keep", action="store_true", help="keep the directory of the run, with the queue")
    return parser.parse_args()


@contextmanager
def workplace(*, keep: bool) -> Iterator[str]:
    """Make a directory for a run and remove it at the end."""
    directory = os.path.realpath(tempfile.mkdtemp(prefix="queuectl-demo-"))
    try:
        yield directory
    finally:
        if keep:
            print(f"\nkept: {directory}")
        else:
            shutil.rmtree(directory)


@contextmanager
def stopped_at_end(demo: Demo) -> Iterator[None]:
    """End the workers however the run ends; a second Ctrl-C does not cut that short."""
    try:
        yield
    finally:
        for number in INTERRUPTS:
            signal.signal(number, signal.SIG_IGN)
        demo.session.close()


def interrupted(_signal: int, _frame: object) -> NoReturn:
    """End as Ctrl-C does, with the clean-up, even where a shell script has put the demo into the background."""
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo; return the exit code."""
    options = arguments()
    for number in INTERRUPTS:
        signal.signal(number, interrupted)
    try:
        with workplace(keep=options.keep) as directory:
            demo = Demo(directory, options.library, options.files)
            with stopped_at_end(demo):
                return 0 if demo.run() else 1
    except DemoError as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())

"""Owns what it means to act on jobs, whatever is done with them: how they are counted, asked about and told.

Of those that are named by ids all are tried, each failure is told, and so is each success. Of those that are selected
only what the verb can act on is counted; a person is asked before, and what is told is a number. A verb is a `Verb`.
"""

from __future__ import annotations

import sys
from collections import Counter

from queuectl.cli.selecting import add_consent, add_ids, add_selectors, named_jobs
from queuectl.cli.terminal import safe
from queuectl.errors import Conflict, InvalidInput, NotFound, PartlyDone, QueuectlError, StoreUnavailable
from queuectl.record import Record
from queuectl.selection import Selection
from queuectl.wire import job_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.job import Job, State
    from queuectl.queue import Queue

    Chosen = Mapping[State, Sequence[int]]
    """Numbers of jobs, by the state in which they were when they were selected."""

TOGETHER = 2000
"""Named jobs that are acted on at once."""

DECLINED = 1
"""Exit code when the person who was asked does not want it."""


class Verb(Record):
    """What is done with jobs, one or many."""

    name: str
    """As in `this would cancel 2 jobs`."""
    states: Collection[State]
    """Of jobs that it can act on; a selection passes over all others."""
    one: Callable[[Queue, str], Job]
    """Acts on the job of an id; raises as `Queue.cancel` does."""
    many: Callable[[Queue, Chosen], Iterator[Sequence[Job]]]
    """Acts on selected jobs, as `Queue.cancel_all` does."""
    told: Callable[[Job], str]
    """Says what has been done with a job that was named."""
    done: Callable[[Job], str]
    """As in `2 jobs cancelled`: what has been done with a job that was selected."""
    paused: bool = False
    """Whether a selection passes over jobs that are not paused."""


def add_jobs(parser: Parser, *, states: bool = True) -> None:
    """Add the ids and options that say which jobs a verb acts on; `states` as in `add_selectors`."""
    add_ids(parser)
    add_selectors(parser, states=states)
    add_consent(parser)


def act(verb: Verb, args: Namespace, app: App) -> int:
    """Act on the jobs that a command line is about, and return the exit code.

    Raises:
        QueuectlError: a single job could not be acted on, or the store cannot be used.
    """
    jobs = named_jobs(args)
    if isinstance(jobs, Selection):
        return _act_on_selected(jobs._replace(paused=verb.paused), verb, args, app)
    return _act_on_named(jobs, verb, args, app) if jobs else _nothing(verb, app)


def _act_on_named(ids: Sequence[str], verb: Verb, args: Namespace, app: App) -> int:
    queue = app.existing_queue()
    failed = 0

    def tried() -> Iterator[Job]:
        nonlocal failed
        for start in range(0, len(ids), TOGETHER):
            some = ids[start : start + TOGETHER]
            done: dict[str, Job] = {}
            if len(ids) > 1 and not args.dry_run:
                try:
                    for jobs in verb.many(queue, queue.named(some, verb.states)):
                        done.update((job.id, job) for job in jobs)
                except StoreUnavailable:
                    yield from done.values()
                    raise
            for id in some:
                try:
                    yield done.get(id) or (_would(queue, id, verb) if args.dry_run else verb.one(queue, id))
                except StoreUnavailable:
                    raise
                except QueuectlError as error:
                    if len(ids) == 1:
                        raise
                    app.out.complain(error)
                    failed += 1

    tell(tried(), (lambda job: f"would {verb.name} {job.id}") if args.dry_run else verb.told, app)
    return PartlyDone.exit_code if failed else 0


def all_named(ids: Sequence[str], app: App) -> tuple[list[Job], bool]:
    """Return the jobs of some ids, and whether there are all; of several, each that is not there is told.

    Raises:
        NotFound: a single one is not there, or there is no queue.
    """
    jobs: list[Job] = []
    for id in ids:
        try:
            jobs.append(app.existing_queue().get(id))
        except NotFound as error:
            if len(ids) == 1:
                raise
            app.out.complain(error)
    return jobs, len(jobs) == len(ids)


def _act_on_selected(selection: Selection, verb: Verb, args: Namespace, app: App) -> int:
    queue = app.reading_queue()
    chosen = queue.matching(selection, verb.states) if queue else {}
    if queue is None or not any(chosen.values()):
        return _nothing(verb, app)
    if args.dry_run:
        app.out.say(f"would {verb.name} {_counted(chosen)}")
        if app.out.quiet or app.out.json:
            tell((job for seqs in chosen.values() for job in queue.jobs(seqs)), None, app)
        return 0
    if not args.yes and not _agreed(verb, chosen):
        app.out.say("nothing was changed")
        return DECLINED
    return _act_on_all(verb, queue, chosen, app)


def act_on_chosen(verb: Verb, queue: Queue, selection: Selection, app: App) -> int:
    """Act on what a command has selected by itself, which nobody has to be asked about; return the exit code."""
    chosen = queue.matching(selection, verb.states)
    return _act_on_all(verb, queue, chosen, app) if any(chosen.values()) else _nothing(verb, app)


def _act_on_all(verb: Verb, queue: Queue, chosen: Chosen, app: App) -> int:
    done: Counter[str] = Counter()

    def acted_on() -> Iterator[Job]:
        for jobs in verb.many(queue, chosen):
            done.update(map(verb.done, jobs))
            yield from jobs

    try:
        tell(acted_on(), None, app)
    finally:
        if done:
            app.out.say(", ".join(f"{_jobs(n)} {what}" for what, n in done.items()))
    if passed := sum(map(len, chosen.values())) - done.total():
        app.out.say(f"{_jobs(passed)} had moved on meanwhile")
    return 0


def tell(jobs: Iterator[Job], told: Callable[[Job], str] | None, app: App) -> None:
    """Take all jobs, and tell of each as it comes: by its id, as JSON, or in words if there are some.

    Raises:
        StoreUnavailable: the store cannot be used any more; what has come is told, and JSON is whole.
    """
    out = app.out
    failures: list[StoreUnavailable] = []
    coming = _until_failure(jobs, failures)
    try:
        if out.json and not out.quiet:
            out.values(job_fields(job) for job in _telling(coming, told, app))
        else:
            for job in _telling(coming, told, app):
                if out.quiet:
                    out.line(job.id)
    except BrokenPipeError:
        for _ in coming:
            pass  # whoever reads no further has asked for all of it all the same
        raise
    if failures:
        raise failures[0]


def _until_failure(jobs: Iterator[Job], failures: list[StoreUnavailable]) -> Iterator[Job]:
    """Yield jobs until the store fails, and put that aside; what fails at once is raised."""
    any_yet = False
    try:
        for job in jobs:
            any_yet = True
            yield job
    except StoreUnavailable as error:
        if not any_yet:
            raise
        error.unchanged = False
        failures.append(error)


def _telling(jobs: Iterator[Job], told: Callable[[Job], str] | None, app: App) -> Iterator[Job]:
    for job in jobs:
        if told is not None:
            app.out.say(told(job))
        yield job


def _nothing(verb: Verb, app: App) -> int:
    app.out.say(f"no job to {verb.name}")
    tell(iter(()), None, app)
    return 0


def _would(queue: Queue, id: str, verb: Verb) -> Job:
    job = queue.get(id)
    if job.state not in verb.states:
        raise Conflict(f'job "{id}" is {job.state}')
    return job


def _agreed(verb: Verb, chosen: Chosen) -> bool:
    """Ask whoever sits at the terminal.

    Raises:
        InvalidInput: nobody does.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(f"this would {verb.name} {_counted(chosen)}", "--yes does it, --dry-run -q lists them")
    sys.stdout.flush()
    sys.stderr.write(safe(f"{verb.name} {_counted(chosen)}? [y/N] "))
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _counted(chosen: Chosen) -> str:
    """Return how many jobs there are, and in which states."""
    in_states = {state: len(seqs) for state, seqs in chosen.items() if seqs}
    if len(in_states) == 1:
        ((state, n),) = in_states.items()
        return _jobs(n, state)
    shares = ", ".join(f"{n:,} {state}" for state, n in in_states.items())
    return f"{_jobs(sum(in_states.values()))} ({shares})"


def _jobs(n: int, state: str = "") -> str:
    return f"{n:,} {state}{' ' if state else ''}{'job' if n == 1 else 'jobs'}"

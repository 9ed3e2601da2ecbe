"""Owns the options of `enqueue` by which one command line adds several jobs: --array, --each-line, --file, batches.

Must not know the store. Imported only when one of them is given.
"""

from __future__ import annotations

from functools import partial
from itertools import count

from queuectl.arrays import parse_array
from queuectl.cli.joboptions import FIELDS, requested_job
from queuectl.errors import InvalidInput
from queuectl.ids import IdMaker
from queuectl.job import NO_FLOW, Role
from queuectl.quoting import quoted
from queuectl.request import JobRequest, check_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable, Iterator
    from io import BufferedReader

    from queuectl.cli.app import App

PLACE = "{}"
"""What stands for a line in a command."""

LONGEST_LINE = 100 << 10
"""Bytes; no argument of a command may be longer."""


def requested_jobs(args: Namespace, app: App) -> tuple[Iterable[JobRequest], list[JobRequest]]:
    """Return the jobs that a command line asks for, and those that are to run when their batch has ended.

    The first are read as they are asked for, which may raise what reading their file raises.

    Raises:
        InvalidInput: options exclude each other, or break a rule.
    """
    sources = [name for name in ("file", "array", "each_line") if getattr(args, name) is not None]
    if len(sources) > 1:
        first, second = (f"--{name.replace('_', '-')}" for name in sources[:2])
        raise InvalidInput(f"{first} and {second} exclude each other")
    batch: str | None = args.batch
    jobs: Iterable[JobRequest]
    match sources:
        case ["file"]:
            jobs = _of_file(args, app)
        case ["array"]:
            name, jobs = _of_array(args, app)
            batch = batch or name
        case ["each_line"]:
            jobs = _of_lines(args, app)
        case _ if args.words or app.argv is not None or args.command is not None:
            jobs = (requested_job(args, app.argv, "enqueue"),)
        case _:
            jobs = ()
    after = _callbacks(args, batch)
    if not sources and not jobs and not after:
        raise InvalidInput("no command", "for example: queuectl enqueue --batch night -- echo hi")
    return (jobs if batch is None else _in_batch(jobs, batch)), after


def _callbacks(args: Namespace, batch: str | None) -> list[JobRequest]:
    """Return the jobs that run when a batch has ended."""
    given = {role: getattr(args, role) for role in Role if getattr(args, role) is not None}
    if given and batch is None:
        raise InvalidInput(f"--{next(iter(given))} is for a batch of jobs", "name it: --batch NAME")
    queue = "default" if args.queue is None else args.queue
    return [
        check_request(
            JobRequest(command=command, queue=queue, cwd=args.cwd, flow=NO_FLOW._replace(batch=batch, batch_role=role))
        )
        for role, command in given.items()
    ]


def _in_batch(jobs: Iterable[JobRequest], batch: str) -> Iterator[JobRequest]:
    for request in jobs:
        if request.flow.batch not in (None, batch):
            raise InvalidInput(
                f"a job of batch {quoted(str(request.flow.batch))} cannot be one of {quoted(batch)}, too"
            )
        yield check_request(request._replace(flow=request.flow._replace(batch=batch)))


def _of_array(args: Namespace, app: App) -> tuple[str, Iterator[JobRequest]]:
    array = parse_array(args.array)
    one = requested_job(args, app.argv, "enqueue")
    name = one.id or IdMaker().new()
    flow = one.flow
    if array.at_once is not None:
        if flow.key is not None:
            raise InvalidInput("--key and % exclude each other: both say what runs at once")
        flow = flow._replace(key=f"array:{name}", key_limit=array.at_once)
    return name, (
        check_request(one._replace(id=f"{name}.{index}", flow=flow._replace(array_index=index)))
        for index in array.indexes
    )


def _of_lines(args: Namespace, app: App) -> Iterator[JobRequest]:
    return _read(args.each_line, partial(_each_line, requested_job(args, app.argv, "enqueue")))


def _each_line(one: JobRequest, stream: BufferedReader) -> Iterator[JobRequest]:
    ids = (None if one.id is None else f"{one.id}.{number}" for number in count(1))
    for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE + 1), b""), 1):
        if len(line) > LONGEST_LINE:
            raise InvalidInput(f"line {number} is longer than 100 KiB")
        try:
            text = line.decode().removesuffix("\n")
        except UnicodeDecodeError:
            raise InvalidInput(f"line {number} is not valid UTF-8") from None
        if not text.strip():
            continue
        try:
            yield check_request(_with_line(one, text)._replace(id=next(ids)))
        except InvalidInput as error:
            raise InvalidInput(f"line {number}: {error.message}", error.hint) from None


def _with_line(request: JobRequest, line: str) -> JobRequest:
    """Put a line where {} stands, else at the end: into a shell command as one word, quoted as the shell needs it."""
    if request.argv is not None:
        if any(PLACE in word for word in request.argv):
            return request._replace(argv=tuple(word.replace(PLACE, line) for word in request.argv))
        return request._replace(argv=(*request.argv, line))
    from shlex import quote  # noqa: PLC0415  1 ms

    command = request.command or ""
    return request._replace(command=(command if PLACE in command else f"{command} {PLACE}").replace(PLACE, quote(line)))


def _of_file(args: Namespace, app: App) -> Iterator[JobRequest]:
    if args.words or app.argv is not None:
        raise InvalidInput("--file and a job on the command line exclude each other")
    if given := [name for name in FIELDS if getattr(args, name) is not None]:
        raise InvalidInput(f"--file and --{given[0].replace('_', '-')} exclude each other", "say it in the file")
    from queuectl.jobjson import read_jobs  # noqa: PLC0415  1 ms, not for a single job

    return _read(args.file, read_jobs)


def _read(path: str, read: Callable[[BufferedReader], Iterator[JobRequest]]) -> Iterator[JobRequest]:
    """Open a file, or standard input, and yield what is in it."""
    try:
        stream = open(0 if path == "-" else path, "rb", closefd=path != "-")  # noqa: SIM115  before anything is made
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None
    return _each_of(stream, path, read)


def _each_of(
    stream: BufferedReader, path: str, read: Callable[[BufferedReader], Iterator[JobRequest]]
) -> Iterator[JobRequest]:
    with stream:
        try:
            yield from read(stream)
        except OSError as error:
            raise InvalidInput(f"cannot read {path}: {error.strerror}") from None

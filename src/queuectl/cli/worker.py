"""`queuectl worker`: start workers, stop them, list them."""

from __future__ import annotations

import os
import time

from queuectl import roster
from queuectl.cli.parser import one_of
from queuectl.cli.workertable import print_workers, seen_workers, worker_fields
from queuectl.errors import Conflict, InvalidInput, PartlyDone, StoreUnavailable
from queuectl.paths import open_private
from queuectl.quoting import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser
    from queuectl.store.base import Registered

MOST = 64
"""Workers that one supervisor keeps."""

SAY_AFTER = 15.0
"""Seconds after which it is said that workers cannot claim yet: one connection too few, and the wait has no end."""

FILES = 256
"""Limit of open files (RLIMIT_NOFILE) that workers need; that of a shell is usually 1,024."""


def configure_start(parser: Parser) -> None:
    """Describe the command line of `worker start`."""
    parser.describe(
        "[--count N] [--queue Q,...] [--drain] [options]",
        "Start workers, beside those that run. They go on in the background; this returns when they can claim.",
        "queuectl worker start\nqueuectl worker start --count 3\nqueuectl worker start --foreground --drain\n"
        "queuectl worker start --queue urgent,default        urgent first\n"
        "queuectl worker start --queue mail:3,reports:1      three turns to one",
    )
    parser.options.add_argument("--count", metavar="N", help=f"how many, 1 to {MOST} [default: 1]")
    parser.options.add_argument(
        "--queue",
        metavar="QUEUE,...",
        help="serve these alone, the first first, or by turns: a:3,b:1 [default: all, by priority]",
    )
    parser.options.add_argument(
        "--foreground", action="store_true", help="stay, and log to stderr (systemd, containers)"
    )
    parser.options.add_argument("--drain", action="store_true", help="end when nothing runs, is ready or backs off")
    parser.options.add_argument(
        "--log-format", metavar="F", type=one_of("format", ("text", "json")), help="text or json [default: text]"
    )


def run_start(args: Namespace, app: App) -> int:
    """Start a supervisor with its workers."""
    from queuectl.cli import supervise  # noqa: PLC0415  only this verb starts processes
    from queuectl.config import parse_integer  # noqa: PLC0415
    from queuectl.serving import parse_served  # noqa: PLC0415

    if "QUEUECTL_RUN" in app.environ:
        raise Conflict("a job cannot start workers: they would be ended with it", "start them outside of the queue")
    try:
        count = parse_integer("1" if args.count is None else args.count, 1, MOST)
    except InvalidInput as error:
        raise InvalidInput(f"--count: {error.message}") from None
    served = None if args.queue is None else parse_served(args.queue)
    _check_open_files()
    app.home.create()
    queue = app.queue()
    queue.settings()  # a store or a setting that cannot be used is reported here, not in a log
    if (closed := queue.why_closed()) is not None:
        raise closed
    after_stop = queue.last_stop()
    app.close()
    words = supervise.command_line(
        app.home.path,
        count=count,
        drain=args.drain,
        after_stop=after_stop,
        queues=None if served is None else str(served),
        foreground=args.foreground,
        log_format=args.log_format or "text",
    )
    environ = {name: value for name, value in app.environ.items() if name not in supervise.ENVIRONMENT_OF_A_JOB}
    if app.url is not None:
        environ["QUEUECTL_STORE"] = app.url  # not among the words of a process, which everybody can read
    roster.forget_failures(app.home)
    if args.foreground:
        os.execve(words[0], words, environ)  # noqa: S606  no shell is wanted
    _start_detached(words, environ, app)
    workers = seen_workers(app.home)
    if app.out.json:
        app.out.value({"running": len(workers), "started": count, "workers": [worker_fields(w) for w in workers]})
    elif not app.out.quiet:
        plural = "worker runs" if len(workers) == 1 else "workers run"
        app.out.line(f"{len(workers)} {plural} ({count} started)")
    return 0


def _check_open_files() -> None:
    """Refuse a limit under which no job could start: each gets the lock of its worker as descriptor 198."""
    import resource  # noqa: PLC0415

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit < FILES:
        raise StoreUnavailable(
            f"workers need a limit of {FILES} open files, and it is {limit}", f"raise it first: ulimit -n {FILES}"
        )


def _start_detached(words: list[str], environ: dict[str, str], app: App) -> None:
    import select  # noqa: PLC0415  with the next
    import subprocess  # noqa: PLC0415  15 ms, only this verb starts a process

    from queuectl.cli import supervise  # noqa: PLC0415
    from queuectl.events import PoolerFound  # noqa: PLC0415

    log = open_private(app.home.worker_log, os.O_WRONLY | os.O_APPEND)
    supervisor = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True, env=environ
    )
    os.close(log)
    assert supervisor.stdout is not None  # noqa: S101  it is a pipe
    if not select.select([supervisor.stdout], [], [], SAY_AFTER)[0]:
        app.out.say(f"not all workers can claim yet, still waiting; why is in {app.home.worker_log}")
    word = supervisor.stdout.readline()
    if not word:
        raise StoreUnavailable("the workers could not start", f"see {app.home.worker_log}")
    if word == supervise.DEAF:
        found = PoolerFound()
        app.out.say(f"the store is reached through a pooler: {found.meaning}")
        app.out.say(f"  {found.advice}")
    supervisor.returncode = 0  # it lives on; nobody here waits for it


def configure_stop(parser: Parser) -> None:
    """Describe the command line of `worker stop`."""
    parser.describe(
        "[--timeout D] [--now] [--host H]",
        "Stop all workers of this home. Running jobs finish first; no new ones are claimed.",
        "queuectl worker stop\nqueuectl worker stop --timeout 30s\nqueuectl worker stop --now",
    )
    parser.options.add_argument("--host", metavar="H", help="instead stop those of another machine (PostgreSQL)")
    parser.options.add_argument("--timeout", metavar="D", help="wait so long, then leave them draining and exit 1")
    parser.options.add_argument("--now", action="store_true", help="end the running jobs and give them back")


def run_stop(args: Namespace, app: App) -> int:
    """Stop the workers of this home, or of another machine."""
    if "QUEUECTL_RUN" in app.environ and args.timeout is None and not args.now:
        raise Conflict("a job cannot wait for its own worker to stop", "give it an end: worker stop --timeout D")
    deadline = None
    if args.timeout is not None:
        from queuectl.durations import parse_duration  # noqa: PLC0415

        deadline = time.monotonic() + parse_duration(args.timeout)
    if args.host is not None:
        return _stop_host(args.host, app, deadline, now=bool(args.now))
    from queuectl.worker.stopping import stop  # noqa: PLC0415  only this verb stops workers

    try:
        stopped = stop(app.home, app.out.say, deadline, now=bool(args.now))
    except PartlyDone as error:
        raise PartlyDone(
            error.message,
            f"the workers go on and end with their jobs; to end the jobs: {app.call('worker stop --now')}",
        ) from None
    if app.out.json:
        app.out.value({"stopped": stopped})
    elif stopped:
        app.out.say(f"{stopped} {'worker' if stopped == 1 else 'workers'} stopped")
    else:
        app.out.say("no worker is running")
    return 0


def _stop_host(host: str, app: App, deadline: float | None, *, now: bool) -> int:
    """Ask the workers of a machine to stop, through the store, and wait until none of them is left.

    Raises:
        PartlyDone: some still run at the deadline, or fell silent, so that nobody knows.
    """
    from queuectl.cli.follow import pause  # noqa: PLC0415  only for other machines

    if not host.strip() or not host.isprintable():
        raise InvalidInput(
            f"--host: no machine is called {quoted(host)}", f"those there are: {app.call('worker list')}"
        )
    queue = app.existing_queue()
    looked_at = time.monotonic()
    registered = queue.workers()
    if registered is None:
        raise InvalidInput("--host is for a store that machines share", "without it the workers of this home stop")
    left = {worker.identity.worker: worker for worker in registered if worker.identity.host == host}
    asked = len(left)
    number = queue.request_stop(host, now=now)
    leases: dict[str, float] = {}
    while left:
        leases |= {id: looked_at + worker.lease_left for id, worker in left.items()}
        if not pause(deadline):
            jobs = [worker.job for worker in left.values() if worker.job is not None]
            raise PartlyDone(
                f"still running on {host}: {', '.join(jobs) or 'workers without a job'}",
                f"to end the jobs: {app.call('worker stop --now --host')} {host}",
            )
        looked_at = time.monotonic()
        concerned = (worker for worker in queue.workers() or () if worker.after_stop < number)
        left = {worker.identity.worker: worker for worker in concerned if worker.identity.host == host}
        # Who is off the list before its lease can be over has left; who is off it later may only be cut off.
        looked_until = time.monotonic()
        leases = {id: end for id, end in leases.items() if id in left or end <= looked_until}
    if leases:
        silent = "1 worker was" if len(leases) == 1 else f"{len(leases)} workers were"
        raise PartlyDone(
            f"{silent} not heard of on {host} until the lease ran out",
            "if only the connection is cut, nothing more is claimed there, and they end when it is back",
        )
    if app.out.json:
        app.out.value({"stopped": asked})
    elif asked:
        app.out.say(f"{asked} {'worker' if asked == 1 else 'workers'} stopped on {host}")
    else:
        app.out.say(f"no worker is known on {host}; one that is cut off stops when it is back")
    return 0


def configure_list(parser: Parser) -> None:
    """Describe the command line of `worker list`."""
    parser.describe(
        "",
        "List the workers of this home, on PostgreSQL those of all machines, and what they run.",
        "queuectl worker list\nqueuectl worker list --json",
    )


def run_list(_args: Namespace, app: App) -> int:
    """List the workers.

    Raises:
        StoreUnavailable: the store of several machines cannot be used; the workers of this home are shown all the same.
    """
    registered: Sequence[Registered] = ()
    broken = None
    if app.url is not None:
        try:
            queue = app.reading_queue()
            registered = (queue.workers() or ()) if queue else ()
        except StoreUnavailable as error:
            broken = error
    workers = seen_workers(app.home, registered)
    if app.out.json:
        app.out.values(worker_fields(worker) for worker in workers)
    elif app.out.quiet:
        for worker in workers:
            app.out.line(worker.id)
    elif workers:
        print_workers(app, workers)
    else:
        app.out.say("no worker is running")
    if broken is not None:
        raise broken
    return 0

"""Owns the table of commands: what is called how, and which module carries it out.

Parsing, help, completion and the documentation all read it, so a command is added in this file and in its module.
A module has `configure(parser)` and `run(args, app) -> int`; a module of several commands (`dlq list`) has the pair
for each: `configure_list`, `run_list`. Only the module of the command that is called is imported.
"""

from __future__ import annotations

from queuectl.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from queuectl.cli.app import App
    from queuectl.cli.parser import Parser


class Command(Record):
    """One command of the program."""

    name: str
    """One word, or two: a group and its command."""
    section: str
    """Heading in the list of commands; a command without one is not shown."""
    help: str
    """One line."""
    module: str
    """In this package."""
    job_code: bool = False
    """Whether the exit code is that of a job; then 125 says that queuectl itself failed."""
    one_change: bool = False
    """Whether it changes the queue in one step, and nothing when that fails: then it says so."""


COMMANDS = (
    Command(
        "enqueue", "Jobs", "add a job: a shell command, a program with arguments, JSON", "enqueue", one_change=True
    ),
    Command("run", "Jobs", "add a job, show its output, exit with its code", "run", job_code=True),
    Command("list", "Jobs", "list jobs", "list"),
    Command("show", "Jobs", "show everything about a job", "show"),
    Command("logs", "Jobs", "print the output of a job", "logs"),
    Command("wait", "Jobs", "wait until jobs have ended, exit with their code", "wait", job_code=True),
    Command("cancel", "Jobs", "take jobs off the queue, end running ones", "cancel", one_change=True),
    Command("pause", "Jobs", "keep jobs from starting, stop running ones", "pause", one_change=True),
    Command("resume", "Jobs", "let paused jobs go on, or start", "resume", one_change=True),
    Command("signal", "Jobs", "send a signal to a running job", "signal", one_change=True),
    Command("retry", "Jobs", "let finished jobs run again, failed ones run now", "retry", one_change=True),
    Command("clear", "Jobs", "forget every job that is not running", "clear"),
    Command("worker start", "Workers", "start workers in the background", "worker"),
    Command("worker stop", "Workers", "stop the workers; running jobs finish", "worker"),
    Command("worker list", "Workers", "list the workers and what they run", "worker"),
    Command("queue list", "Queues", "list the queues, their limits and pauses", "queue"),
    Command("queue show", "Queues", "show what is set for a queue, and what is in it", "queue"),
    Command("queue set", "Queues", "limit what runs at once, or starts in a time", "queue", one_change=True),
    Command("queue pause", "Queues", "let no job of a queue start", "queue", one_change=True),
    Command("queue resume", "Queues", "end the pause of a queue", "queue", one_change=True),
    Command("queue rm", "Queues", "forget what is set for a queue", "queue", one_change=True),
    Command(
        "schedule add", "Schedules", "let a command become a job at times, as cron does", "schedule", one_change=True
    ),
    Command("schedule list", "Schedules", "list the schedules and when each ticks next", "schedules"),
    Command("schedule show", "Schedules", "show everything about a schedule", "schedules"),
    Command("schedule next", "Schedules", "show when a schedule ticks next", "schedules"),
    Command("schedule run", "Schedules", "make a job of a schedule now", "schedule", one_change=True),
    Command("schedule pause", "Schedules", "let schedules tick no more", "schedule", one_change=True),
    Command("schedule resume", "Schedules", "let schedules tick again", "schedule", one_change=True),
    Command("schedule rm", "Schedules", "forget schedules; their jobs stay", "schedule", one_change=True),
    Command("schedule import", "Schedules", "make schedules of a crontab", "crontab", one_change=True),
    Command("batch list", "Batches", "list the batches and how far they are", "batch"),
    Command("batch show", "Batches", "show how far a batch is, and what waits for its end", "batch"),
    Command("batch wait", "Batches", "wait until the jobs of a batch have ended", "batch", job_code=True),
    Command("batch cancel", "Batches", "cancel the jobs of a batch", "batch", one_change=True),
    Command("dlq list", "Dead letters", "list jobs that have no retries left", "dlq"),
    Command("dlq retry", "Dead letters", "let dead jobs run again", "dlq", one_change=True),
    Command("status", "Observe", "one screen: counts, workers, last failures", "status"),
    Command("metrics", "Observe", "counts by state and durations", "metrics"),
    Command("config set", "Settings", "change a setting for jobs to come", "config", one_change=True),
    Command("config get", "Settings", "print a setting", "config"),
    Command("config list", "Settings", "list the settings and where each comes from", "config"),
    Command("migrate-store", "Settings", "move the whole queue to another store", "migrate_store"),
    Command("completions", "Settings", "print the completion script of a shell", "completions"),
    Command("_complete", "", "print what may come next", "complete"),
    Command("help", "Settings", "show help on a command or a topic", "help"),
)

BY_NAME = {command.name: command for command in COMMANDS}
GROUPS = frozenset(name.split()[0] for name in BY_NAME if " " in name)
"""First words of the commands that have two."""


def load(command: Command) -> tuple[Callable[[Parser], None], Callable[[Namespace, App], int]]:
    """Import a command's module and return its `configure` and `run`."""
    # Not importlib: it would have to be imported itself, and -X importtime does not see what it imports.
    module = __import__(f"queuectl.cli.{command.module}", fromlist=("run",))
    verb = command.name.partition(" ")[2]
    suffix = f"_{verb}" if verb else ""
    return getattr(module, f"configure{suffix}"), getattr(module, f"run{suffix}")

"""Owns the long help texts that belong to no single command."""

from __future__ import annotations

from queuectl import config

EXIT_CODES = """\
Exit codes

  0    done (also: nothing to show, no job that was selected, a job that is cancelled already)
  1    several jobs were named and some could not be acted on: each is named on stderr;
       or the question whether to go on was answered with no;
       or the result could not be written
  2    bad input or usage; nothing was changed
  3    not found
  4    the job is in another state than the request needs, or its id is taken
  5    the store or the home cannot be used: locked, full, read-only, damaged, newer, not yours
  130  interrupted with Ctrl-C

run and wait exit with the code of the job; of several, with the highest:

  0-255  the job's own code
  124    timed out: the last attempt, or wait --timeout (stderr says which)
  125    queuectl failed, or the job was cancelled, never ran, or lost its worker too often
  126    the program of the job is not executable
  127    the program of the job is not found
  128+N  the job was ended by signal N
  130    Ctrl-C in run: the job goes on
"""

FORMATTING = """\
Formatting

Data goes to stdout, messages and errors to stderr.

  -o table   for people: no boxes, cut to the width of the terminal, whole in a pipe (default)
  -o json    one JSON value, an array where there may be several; --json is the same
  -o jsonl   one JSON value a line
  -q         ids only, one a line, and no messages; also together with --json

On a terminal no column but the last takes more than half of the width, and figures that do not fit
side by side are written one a line. In a pipe nothing is cut.

TRY 2/4 in a list of jobs: two of at most four tries are used, counting the one that runs now. A run that
a stop gave back, or that lost its worker, uses none; show tells every attempt.

Times in JSON are RFC 3339 in UTC, durations are whole milliseconds where the name ends in _ms.
With --json an error is one JSON line on stderr: {"error": {"code", "message", "hint"}}.

Colour is used on a terminal, unless NO_COLOR is set or TERM is dumb; --color always|never decides.
COLUMNS is the width of the terminal where it is set.
Characters that could move the cursor or hide text are shown as escapes, such as \\x1b.
"""

ENVIRONMENT = """\
Environment

queuectl reads:

  QUEUECTL_HOME       directory of the queue; --home wins. Without both:
                      $XDG_DATA_HOME/queuectl, or ~/.local/share/queuectl
  QUEUECTL_STORE      another store; --store wins
{settings}
  NO_COLOR, TERM, COLUMNS   see: queuectl help formatting
  QUEUECTL_DEBUG=1    shows where an internal error comes from

A job has the environment of its worker, not of the shell that enqueued it, except that

  1. PATH, VIRTUAL_ENV, LANG, LC_* and TZ are those of the shell that enqueued it
     (unset there, unset in the job);
  2. --env NAME=VALUE adds variables; they are kept in the store;
  3. --secret-env NAME takes a variable from the worker at the start of each attempt; never stored;
  4. QUEUECTL_JOB_ID, QUEUECTL_ATTEMPT, QUEUECTL_QUEUE and QUEUECTL_HOME are set, and where there are any
     QUEUECTL_BATCH, QUEUECTL_ARRAY_INDEX, QUEUECTL_SCHEDULE and QUEUECTL_TICK.

It runs in the directory (--cwd) and with the umask of the shell that enqueued it, in a session of its own,
with /dev/null as its input (--stdin FILE). What it leaves running when it ends is killed.
"""

TIME = """\
Time

Durations    30, 30s, 5m, 1h30m, 2d       a number alone is seconds
Moments      2026-12-01T10:00:00Z         RFC 3339
             2026-12-01T10:00             without a zone: this machine's; the answer says what was understood
             +10m                         from when the store takes the job in, by its clock

A job whose moment has passed runs at once. Moments are stored and shown in JSON as UTC.
"""

SELECTING = """\
Selecting jobs

cancel, retry, dlq retry, wait and list take ids; or - for ids from standard input, one a line;
or options that say which jobs are meant. All that are given have to apply:

  --queue mail,sms       in one of these queues
  --state failed,dead    in one of these states; scheduled: pending, with a time in the future
  --tag run=5            with this tag; repeated: with all of them
  --batch night          of this batch
  --command-like TEXT    with TEXT somewhere in the command, as it was written: capitals count, and
                         * stands for any text. Of a job without a shell: in its words, a blank
                         between each two
  --older-than 7d        enqueued longer ago (AGE in queuectl list)
  --all                  every job

What is selected is what there is when the command begins. Jobs on which the command cannot act are
passed over: cancel --all leaves what has ended alone.

On a terminal a person is asked first, with the number of jobs; elsewhere --yes is needed. Ids need
neither. --dry-run changes nothing, and says how many jobs it would be; with -q or --json, which.
Many jobs are changed 2,000 at a time; when that is interrupted, call it again for the rest.
"""


def _settings() -> str:
    shown = [f"  QUEUECTL_{name.upper():<26} {key.help}" for name, key in config.KEYS.items()]
    return "\n".join(("\n  Each of these overrides the setting of the same name (queuectl config list):\n", *shown, ""))


TEXTS = {
    "exit-codes": EXIT_CODES,
    "formatting": FORMATTING,
    "environment": ENVIRONMENT.format(settings=_settings()),
    "time": TIME,
    "selecting": SELECTING,
}

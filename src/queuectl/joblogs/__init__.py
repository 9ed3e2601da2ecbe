"""Owns what commands print: one log for each attempt, written by its worker, readable and followable at any time.

`<logs>/jobs/<seq // 1000>/<seq>.<attempt>.log` is the head of a log, in lines of the container runtime
interface (`cri.py`); what comes after the head is in segments (`files.py`), of which the newest are kept.
Must not know the store, the state of a job or how anything is shown.
"""

from queuectl.joblogs.carrying import LogDirectory
from queuectl.joblogs.cri import Line
from queuectl.joblogs.files import (
    attempts_logged,
    delete,
    head_path,
    jobs_logged,
    link,
    size,
    unlink_elsewhere,
)
from queuectl.joblogs.parts import KEPT, Joiner, end_left, end_of, parts
from queuectl.joblogs.reader import BOTH, DROPPED, Follower, last_error, read
from queuectl.joblogs.writer import LogWriter

__all__ = [
    "BOTH",
    "DROPPED",
    "KEPT",
    "Follower",
    "Joiner",
    "Line",
    "LogDirectory",
    "LogWriter",
    "attempts_logged",
    "delete",
    "end_left",
    "end_of",
    "head_path",
    "jobs_logged",
    "last_error",
    "link",
    "parts",
    "read",
    "size",
    "unlink_elsewhere",
]

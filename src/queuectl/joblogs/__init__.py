"""Owns what commands print: one log for each attempt, written by its worker, readable and followable at any time.

`<logs>/jobs/<seq // 1000>/<seq>.<attempt>.log` is the head of a log, in lines of the container runtime
interface (`cri.py`); what comes after the head is in segments (`files.py`), of which the newest are kept.
Must not know the store, the state of a job or how anything is shown.
"""

from queuectl.joblogs.cri import Line
from queuectl.joblogs.files import attempts_logged, delete, size
from queuectl.joblogs.reader import BOTH, DROPPED, Follower, last_error, read
from queuectl.joblogs.writer import LogWriter

__all__ = [
    "BOTH",
    "DROPPED",
    "Follower",
    "Line",
    "LogWriter",
    "attempts_logged",
    "delete",
    "last_error",
    "read",
    "size",
]

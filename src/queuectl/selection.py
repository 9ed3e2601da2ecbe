"""Owns `Selection`, the jobs that a request is about when they are not named one by one, and the rules that it keeps.

Must not know the store, which finds them, nor how a selection is written on the command line.
"""

from __future__ import annotations

from queuectl.errors import InvalidInput
from queuectl.job import State
from queuectl.record import Record
from queuectl.request import check_marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEDULED = "scheduled"
"""Selects pending jobs of the future: a word for selections, not a state."""

WORDS = (*State, SCHEDULED)
"""What may be selected as a state."""

ANYTHING = "*"
"""What stands for any text in `Selection.command_like`."""

LONGEST_LIKE = 1000
"""Characters of a piece of a command: what is compared with many stars in it takes long."""


class Selection(Record):
    """Jobs to which all applies that is said here; what is left out applies to every job."""

    queues: tuple[str, ...] = ()
    """In one of these."""
    states: frozenset[State] = frozenset()
    """In one of these."""
    scheduled: bool = False
    """Of the pending jobs only those of the future."""
    tags: Mapping[str, str] = {}
    """With all of these."""
    batch: str | None = None
    """Of this batch; what runs at its end is not."""
    command_like: str | None = None
    """With this in the command, or in the words of the program joined by blanks; a star there stands for any text."""
    older_than: float | None = None
    """Enqueued more seconds ago than this."""
    paused: bool = False
    """Only those that are paused."""

    def takes(self, state: State) -> bool:
        """Return whether it is about jobs in a state."""
        return not self.states or state in self.states

    @property
    def only_states(self) -> bool:
        """Whether nothing but states is said."""
        return self._replace(states=frozenset(), scheduled=False) == EVERYTHING


EVERYTHING = Selection()


def check_selection(selection: Selection) -> Selection:
    """Return a selection that may find something.

    Raises:
        InvalidInput: it names what no job can have.
    """
    check_marks(selection.queues, selection.tags, selection.batch)
    like = selection.command_like
    if like is not None and not (0 < len(like) <= LONGEST_LIKE and _is_text(like)):
        raise InvalidInput(f"a piece of a command has 1 to {LONGEST_LIKE} characters, no NUL, and is valid UTF-8")
    return selection


def _is_text(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False

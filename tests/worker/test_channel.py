"""What a worker and its supervisor tell each other, however long one of them does not listen."""

from __future__ import annotations

import os
import socket
from math import inf

from queuectl.worker.channel import BEAT, READY, Deadline, heard, say


def test_a_lease_that_was_renewed_is_known_when_nothing_more_fits_into_the_channel() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    lease = Deadline()
    assert lease.get() == inf

    pid = os.fork()  # noqa: TID251  as a supervisor does
    if pid == 0:
        for moment in range(2000):  # a supervisor that was stopped for half an hour
            say(theirs, BEAT)
            lease.set(float(moment))
        os._exit(0)
    os.waitpid(pid, 0)

    assert lease.get() == 1999.0
    ours.close()
    theirs.close()


def test_words_that_have_come_are_heard_and_an_end_is_told() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    assert heard(ours) == b""

    say(theirs, BEAT)
    say(theirs, READY)

    assert heard(ours) == BEAT + READY
    theirs.close()
    assert heard(ours) is None
    ours.close()

"""A command that does everything to outlive its job. It runs by itself: `python -S nasty.py FILE [bare]`.

Each of its processes adds a line to FILE, its pid and start time, and sleeps: the command itself, and a child in its
group, which ignore TERM, INT and HUP; and a daemon in a session of its own that was forked twice and has closed every
descriptor, the worker's lock as well. With `bare` there is a second such daemon that has an empty environment, so that
nothing but its ancestors tells whose it is.
"""

import os
import signal
import sys
import time


def tell() -> None:
    with open("/proc/self/stat", encoding="ascii") as stat:
        started = stat.read().rpartition(")")[2].split()[19]
    descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{os.getpid()} {started}\n".encode())
    os.close(descriptor)


def sleep() -> None:
    tell()
    while True:
        time.sleep(3600)  # noqa: TID251  it is a job


def daemon(*, bare: bool) -> None:
    child = os.fork()  # noqa: TID251
    if child:
        os.waitpid(child, 0)
        return
    os.setsid()
    if os.fork():  # noqa: TID251
        os._exit(0)
    os.closerange(0, 4096)
    if bare:
        os.execve(sys.executable, [sys.executable, "-S", __file__, sys.argv[1], "sleep"], {})  # noqa: S606
    sleep()


if sys.argv[-1] == "sleep":
    sleep()
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
daemon(bare=False)
if sys.argv[-1] == "bare":
    daemon(bare=True)
if os.fork() == 0:  # noqa: TID251
    sleep()
sleep()

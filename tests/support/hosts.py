"""Several hosts before one server, on this machine, and a network between that drops what it is told to drop.

Where that is permitted, a host is a network namespace with a name of its own and a cable to the server: what is sent
over a cut cable is lost without a word. Elsewhere it is this machine behind a proxy that keeps everything to itself.
Knows nothing of queuectl.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urlsplit

import pytest

from tests.support.postgres import DEADLINE, Server, binaries
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["namespaces", "proxies"]

NAMESPACES = Path("/run/netns")  # where ip(8) keeps the names

FIRST = IPv4Address("198.18.0.0")
"""Of a network that is set apart for measurements (RFC 2544): nobody's."""

BLOCKS, BLOCK = 1 << 13, 8
"""Each process takes a block of addresses: the server's and those of hosts."""

NOBODY = "02:00:00:00:00:00"
"""The address of no interface."""

ENTER = 'echo "$0" >/proc/sys/kernel/hostname && exec "$@"'
"""Takes the name of the host, in a namespace for it, and runs the rest there."""


class Host(Protocol):
    """A machine, as its programs see it."""

    name: str
    prefix: tuple[str, ...]
    """Words before a command that is to run there."""

    def url(self, database: str) -> str:
        """Return the URL of a database by which it is reached from there."""

    def cut(self) -> None:
        """Lose everything that is sent from or to there from now on; connections stay open, and no end is told."""

    @property
    def is_missing_answers(self) -> bool:
        """Whether something was sent since the cut that has not arrived."""

    def heal(self) -> None:
        """Let the network be as it was before the cut."""


class NamespaceHost:
    """A network namespace, joined to this one by a cable."""

    def __init__(self, number: int, server: Server, address: IPv4Address) -> None:
        """Be the host at the end of a cable to a server at that address."""
        self._server = server
        self._name = _name(number)
        self.name = f"host-{number}"
        enter = ("nsenter", f"--net={NAMESPACES / self._name}", "unshare", "--uts")
        self.prefix: tuple[str, ...] = (*enter, "sh", "-c", ENTER, self.name)
        self._ours, self._theirs = str(address), str(address + number)

    def url(self, database: str) -> str:
        """See `Host.url`."""
        return self._server.url(database, password=True)

    def cut(self) -> None:
        """See `Host.cut`. Both ends send to an interface that is not there, which no kernel hears of."""
        _ip("neighbour", "replace", self._theirs, "lladdr", NOBODY, "nud", "permanent", "dev", self._name)
        self._ip("neighbour", "replace", self._ours, "lladdr", NOBODY, "nud", "permanent", "dev", "eth0")

    @property
    def is_missing_answers(self) -> bool:
        """See `Host.is_missing_answers`."""
        table = subprocess.run(
            [*self.prefix, "cat", "/proc/self/net/tcp"],
            stdout=subprocess.PIPE,
            encoding="ascii",
            timeout=DEADLINE,
            check=True,
        ).stdout
        return any(int(line.split()[6], 16) for line in table.splitlines()[1:])  # retransmits: proc(5)

    def heal(self) -> None:
        """See `Host.heal`."""
        _ip("neighbour", "delete", self._theirs, "dev", self._name)
        self._ip("neighbour", "delete", self._ours, "dev", "eth0")

    def _ip(self, *words: str) -> None:
        _ip("-n", self._name, *words)


class ProxiedHost:
    """This machine, whose programs reach the server by a proxy."""

    prefix: tuple[str, ...] = ()

    def __init__(self, server: Server, proxy: Proxy) -> None:
        """Be a host behind a proxy that runs."""
        self.name = os.uname().nodename
        self._server = server
        self._proxy = proxy

    def url(self, database: str) -> str:
        """See `Host.url`."""
        url = urlsplit(self._server.url(database, password=True))
        return url._replace(netloc=f"{url.netloc.rpartition(':')[0]}:{self._proxy.port}").geturl()

    def cut(self) -> None:
        """See `Host.cut`."""
        self._proxy.hold()

    @property
    def is_missing_answers(self) -> bool:
        """See `Host.is_missing_answers`."""
        return self._proxy.held > 0

    def heal(self) -> None:
        """See `Host.heal`. What was kept arrives then, late."""
        self._proxy.let_go()


@cache
def best() -> Kind:
    """Return what this machine permits."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nsenter", "unshare"))):
        return "proxies"
    try:
        with _namespaces(1):
            _join(1, _address())
            named = ["unshare", "--uts", "sh", "-c", ENTER, "x", "true"]
            subprocess.run(named, timeout=DEADLINE, check=True, capture_output=True)
    except subprocess.CalledProcessError:
        return "proxies"
    return "namespaces"


@pytest.fixture(params=["namespaces", "proxies"])
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of network that this machine permits."""
    chosen: Kind = request.param
    if chosen == "namespaces" and best() != chosen:
        pytest.skip("no network namespaces are permitted here")
    return chosen


@contextmanager
def network(hosts: int, kind: Kind) -> Iterator[tuple[Server, list[Host]]]:
    """Make so many hosts and a server that keeps its word, of the newest version; all are gone at the end."""
    programs = max(binaries().items())[1]
    with ExitStack() as made:
        if kind == "proxies":
            server = made.enter_context(Server(programs, tcp=True))
            proxies = [made.enter_context(Proxy(server.port)) for _ in range(hosts)]
            yield server, [ProxiedHost(server, proxy) for proxy in proxies]
        else:
            address = _address()
            numbers = range(1, hosts + 1)
            made.enter_context(_namespaces(hosts))
            for number in numbers:
                _join(number, address)
            server = made.enter_context(Server(programs, tcp=True, address=str(address)))
            yield server, [NamespaceHost(number, server, address) for number in numbers]


@contextmanager
def _namespaces(count: int) -> Iterator[None]:
    """Make namespaces; at their end, nothing that runs in them is left. Those of runs that were killed go first."""
    for left in _left():
        _remove(left)
    names = [_name(number) for number in range(1, count + 1)]
    try:
        for name in names:
            _ip("netns", "add", name)
        yield
    finally:
        for name in names:
            _remove(name)


def _name(number: int) -> str:
    """Return the name of a namespace, and of our end of its cable."""
    return f"qctl{os.getpid()}-{number}"


def _address() -> IPv4Address:
    """Return the address of a server of this process; those of its hosts follow."""
    return FIRST + os.getpid() % BLOCKS * BLOCK + 1


def _join(number: int, address: IPv4Address) -> None:
    """Lay a cable to a namespace, and give its ends this address and one beside it."""
    name = _name(number)
    ours, theirs = str(address), str(address + number)
    _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
    _ip("address", "add", ours, "peer", theirs, "dev", name)
    _ip("link", "set", name, "up")
    _ip("-n", name, "address", "add", theirs, "peer", ours, "dev", "eth0")
    _ip("-n", name, "link", "set", "eth0", "up")


def _left() -> list[str]:
    try:
        names = os.listdir(NAMESPACES)
    except FileNotFoundError:
        return []
    owned = ((name, re.fullmatch(r"qctl(\d+)-\d+", name)) for name in names)
    return [name for name, owner in owned if owner and not Path("/proc", owner[1]).exists()]


def _remove(name: str) -> None:
    """Kill all that runs in a namespace, and forget it and its cable, each of which need not be there."""
    with suppress(subprocess.CalledProcessError):
        _ip("link", "delete", name)  # at once, while the namespace may take its time
    with suppress(subprocess.CalledProcessError):
        while pids := _ip("netns", "pids", name).split():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        _ip("netns", "delete", name)


def _ip(*words: str) -> str:
    return subprocess.run(
        ["ip", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE,
        check=True,
    ).stdout

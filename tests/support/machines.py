"""Machines with workers before one server, with a network between that can be cut, and an operator beside them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tests.support.hosts import network
from tests.support.processes import RealQueue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.hosts import Host, Kind


class Machine(NamedTuple):
    """A home on a host."""

    host: Host
    queue: RealQueue


class Scene(NamedTuple):
    """Two machines, and an operator that no cut concerns."""

    one: Machine
    two: Machine
    operator: RealQueue


@contextmanager
def scene(directory: Path, kind: Kind, *, lease: str = "4s", options: str = "") -> Iterator[Scene]:
    """Make two machines, with further parameters in their URL. Workers of the first one, which may be cut off, have
    leases of this length; those of the other have some that a busy machine renews in time.
    """
    with network(2, kind) as (server, hosts):
        queues = [RealQueue(directory, "operator", server.create_database("q"))]
        try:
            for home, host, length in zip(("one", "two"), hosts, (lease, "20s"), strict=True):
                url = f"{host.url('q')}{options}"
                queues.append(RealQueue(directory, home, url, QUEUECTL_LEASE=length))
                queues[-1].prefix = host.prefix
            operator, *machines = queues
            operator.do("list")
            one, two = (Machine(host, queue) for host, queue in zip(hosts, machines, strict=True))
            yield Scene(one, two, operator)
        finally:
            for queue in queues:
                queue.close()

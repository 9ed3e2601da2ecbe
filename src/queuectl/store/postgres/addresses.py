"""Owns how the time for a new connection is shared by the addresses that its hosts have.

psycopg tries one after the other and gives each the whole time. A worker that waited so for many silent ones would be
taken for one that hangs.
"""

from __future__ import annotations

import socket
from itertools import chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LONGEST, SHORTEST = 5, 2
"""Seconds for one address; libpq makes two of one."""


def spread(parameters: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Return the parameters of a connection with all addresses, and of so many seconds a share for each.

    A `connect_timeout` that is among them stays.
    """
    found = dict(parameters)
    if "host" in found and "hostaddr" not in found:
        addresses = [_addresses(host) for host in found["host"].split(",")]
        for name in ("host", "port"):
            values = found[name].split(",") if name in found else []
            if len(values) == len(addresses):  # otherwise one port for all
                each = ([value] * len(of_host) for value, of_host in zip(values, addresses, strict=True))
                found[name] = ",".join(chain(*each))
        found["hostaddr"] = ",".join(chain(*addresses))
    tried = found.get("hostaddr", found.get("host", "")).count(",") + 1
    return {"connect_timeout": max(SHORTEST, min(LONGEST, int(seconds / tried))), **found}


def _addresses(host: str) -> list[str]:
    """Return the addresses of a host, one without a name for a socket, or when they are not known: psycopg says why."""
    if not host or host.startswith("/"):
        return [""]
    try:
        return [str(address[0]) for *_, address in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except OSError:
        return [""]

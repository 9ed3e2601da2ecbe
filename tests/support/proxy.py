"""A network that fails when it is told to: a proxy for TCP that cuts a connection at a message of its choice."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable

Lost = Literal["message", "answer"]
"""What a cut keeps from its receiver: the message, or, after the server has acted upon it, the answer."""


class Cut(NamedTuple):
    """Which message is the last of its connection."""

    at: bytes
    """What the message of the client holds; small enough to be read at once."""
    lost: Lost
    then: Callable[[], object]
    """What happens before the client notices."""


class Proxy:
    """Takes connections on a port of its own and hands everything on, until something is to be cut."""

    def __init__(self, port: int) -> None:
        """Stand before the server on a port of this machine."""
        self._server = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._cut: Cut | None = None
        self.cuts = 0
        """How many connections were cut so far."""
        self._passes = threading.Event()
        self._passes.set()
        self.held = 0
        """How many messages and connections wait to be handed on."""
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._passes.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._open:
            end.close()

    def cut(self, at: bytes, lost: Lost = "answer", then: Callable[[], object] = lambda: None) -> None:
        """Cut one connection, at the next message that holds this."""
        self._cut = Cut(at, lost, then)

    def hold(self) -> None:
        """Hand nothing on from now on, and tell nobody."""
        self._passes.clear()

    def let_go(self) -> None:
        """Hand everything on again; what has come meanwhile, first."""
        self._passes.set()

    def _pass(self) -> None:
        if not self._passes.is_set():
            self.held += 1
            self._passes.wait()
            self.held -= 1

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=run, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                self._pass()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                cut = threading.Event()
                self._start(self._to_server, client, server, cut)
                self._start(self._to_client, client, server, cut)

    def _to_server(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while message := client.recv(1 << 16):
                self._pass()
                now = self._cut
                if now is not None and now.at in message:
                    self._cut = None
                    cut.set()
                    if now.lost == "answer":
                        server.sendall(message)
                        server.recv(1, socket.MSG_PEEK)
                    _hang_up(server)
                    now.then()
                    self.cuts += 1
                    break
                server.sendall(message)
        _hang_up(client, server)

    def _to_client(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while server.recv(1, socket.MSG_PEEK) and not cut.is_set():
                self._pass()
                client.sendall(server.recv(1 << 16))
            if cut.is_set():
                return
        _hang_up(client, server)


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

"""Where members come in: connections are accepted and kept only until it is known whose they are.

Who has not shown a certificate of ours may cost a little and keep nothing: handshakes are few at a time, the oldest of
them makes room, and addresses at which no member lives are rationed.
"""

from __future__ import annotations

import functools
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Protocol

from alived.adapters.loop import Loop, now_ns
from alived.adapters.peers import listening_sockets
from alived.adapters.tls_identity import why
from alived.adapters.tls_stream import TlsStream, tune
from alived.base import NS_PER_MS
from alived.raft.ration import Ration

MAX_HANDSHAKES = 16
BACKLOG = 64
STRANGER_INTERVAL_NS = 100 * NS_PER_MS
"""In the long run one connection of a stranger in this time, ..."""
STRANGERS_AT_ONCE = 8
"""... and so many at once: a handshake costs a millisecond"""


class Host(Protocol):
    """Who is behind the door."""

    @property
    def server_context(self) -> ssl.SSLContext: ...

    def lives_at(self, address: str) -> bool:
        """Whether a member does."""

    def entered(self, stream: TlsStream, certificate: Mapping[str, Any], address: str) -> None:
        """With a certificate of ours; whose it is, and what the stream is for, is the host's business now."""

    def turned_away(self, address: str, reason: str, detail: str) -> None:
        """reason: "rationed", "handshake"."""


class Door:
    """Listens from now on."""

    def __init__(self, loop: Loop, address: str, port: int, host: Host) -> None:
        """Raises PeersError."""
        self._loop, self._host = loop, host
        self._handshakes: dict[TlsStream, str] = {}
        """The oldest first, with their addresses"""
        self._strangers = Ration(STRANGER_INTERVAL_NS, STRANGERS_AT_ONCE)
        self._sockets = list(listening_sockets(socket.SOCK_STREAM, address, port).values())
        for sock in self._sockets:
            sock.listen(BACKLOG)
            loop.add_reader(sock.fileno(), functools.partial(self._accept, sock))

    def close(self) -> None:
        for sock in self._sockets:
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets = []
        self.turn_all_out()

    def turn_all_out(self) -> None:
        """Who is still in the handshake."""
        for stream in self._handshakes:
            stream.close()
        self._handshakes = {}

    def _accept(self, listening: socket.socket) -> None:
        """One connection; the loop calls again if there are more, after all else."""
        try:
            sock, (address, *_) = listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # it has changed its mind
        if not self._host.lives_at(address) and not self._strangers.take(now_ns()):
            sock.close()
            self._host.turned_away(address, "rationed", "too many connections from where no member lives")
            return
        if len(self._handshakes) >= MAX_HANDSHAKES:
            oldest = next(iter(self._handshakes))
            oldest.close()
            self._leave(oldest, "too many connections at once")
        try:
            sock.setblocking(False)
            tune(sock)
            stream = TlsStream(self._loop, sock, self._host.server_context, server_side=True)
        except OSError as error:
            sock.close()
            self._host.turned_away(address, "handshake", why(error))
            return
        self._handshakes[stream] = address
        stream.opened = functools.partial(self._opened, stream)
        stream.failed = functools.partial(self._leave, stream)
        stream.turn()

    def _opened(self, stream: TlsStream, certificate: Mapping[str, Any]) -> None:
        self._host.entered(stream, certificate, self._handshakes.pop(stream))

    def _leave(self, stream: TlsStream, reason: str) -> None:
        self._host.turned_away(self._handshakes.pop(stream), "handshake", reason)

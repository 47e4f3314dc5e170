"""The way to one peer by TLS: connects, checks who answers, and connects again when it breaks."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Protocol

from alived.adapters.loop import Loop, Timer, now_ns
from alived.adapters.peers import SocketAddress
from alived.adapters.tls_identity import names, said, why
from alived.adapters.tls_stream import HANDSHAKE_LIMIT_NS, TlsStream, tune
from alived.base import NS_PER_MS

FIRST_RETRY_NS = 20 * NS_PER_MS
LAST_RETRY_NS = 500 * NS_PER_MS
"""Each wait is twice the one before, up to this"""


class Owner(Protocol):
    """What a link asks and tells."""

    @property
    def client_context(self) -> ssl.SSLContext: ...

    def linked(self, name: str, certificate: Mapping[str, Any]) -> None:
        """The peer is who it should be."""

    def unreachable(self, name: str, reason: str) -> None:
        """There is no connection."""

    def unlinked(self, name: str, reason: str) -> None:
        """There was a connection."""

    def dropped(self) -> None:
        """A frame was not sent."""


class Link:
    """Frames to one member. Only the newest waits for a connection: older ones say how things were."""

    def __init__(
        self, loop: Loop, owner: Owner, name: str, to: SocketAddress, source: SocketAddress | None, preface: bytes
    ) -> None:
        """source: where to come from; None: anywhere. preface: what a connection begins with."""
        self.name, self.to = name, to
        self._loop, self._owner = loop, owner
        self._source, self._preface = source, preface
        self._waiting: bytes | None = None
        self._dialing: socket.socket | None = None
        self._stream: TlsStream | None = None
        self._timer: Timer | None = None
        self._retry_ns = FIRST_RETRY_NS
        self._opened_ns: int | None = None
        self._dial()

    @property
    def is_open(self) -> bool:
        return self._stream is not None and self._stream.is_open

    def send(self, frame: bytes) -> None:
        if self._stream is not None and self._stream.is_open:
            self._stream.send(frame)
            return
        if self._waiting is not None:
            self._owner.dropped()
        self._waiting = frame

    def hurry(self) -> None:
        """The peer lives: do not wait for the next attempt."""
        if self._dialing is None and self._stream is None:
            self._retry_ns = FIRST_RETRY_NS
            self._dial()

    def close(self) -> None:
        self._stop_timer()
        self._stop_dialing()
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    # -- connecting

    def _dial(self) -> None:
        self._stop_timer()
        sock = socket.socket(self.to.family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self._dialing = sock
        try:
            tune(sock)
            if self._source is not None:
                sock.bind(self._source.address)
            code = sock.connect_ex(self.to.address)
        except OSError as error:
            code = error.errno or errno.EIO
        if code not in (0, errno.EINPROGRESS):
            self._not_dialed(os.strerror(code))
            return
        self._loop.add_writer(sock.fileno(), self._dialed)
        self._timer = self._loop.call_later(HANDSHAKE_LIMIT_NS, lambda: self._not_dialed("no answer"))

    def _dialed(self) -> None:
        sock = self._dialing
        assert sock is not None, "called back while it connects"
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._not_dialed(os.strerror(code))
            return
        self._stop_timer()
        self._loop.remove_writer(sock.fileno())
        self._dialing = None
        try:
            stream = TlsStream(self._loop, sock, self._owner.client_context, server_side=False)
        except OSError as error:
            sock.close()
            self._broken(why(error))
            return
        self._stream = stream
        stream.opened, stream.received, stream.failed = self._opened, self._received, self._broken
        stream.overflowed = self._owner.dropped
        stream.turn()

    def _opened(self, certificate: Mapping[str, Any]) -> None:
        assert self._stream is not None
        if self.name not in names(certificate):
            self._broken(f"its certificate is for {said(names(certificate))}")
            return
        self._opened_ns = now_ns()
        self._owner.linked(self.name, certificate)
        self._stream.send(self._preface)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.send(waiting)

    def _received(self, _data: bytes) -> None:
        """A member answers on a connection of its own."""
        self._broken("it speaks on a connection on which it is to listen")

    def _not_dialed(self, reason: str) -> None:
        self._owner.unreachable(self.name, reason)
        self._retry()

    def _broken(self, reason: str) -> None:
        self._owner.unlinked(self.name, reason)
        self._retry()

    def _retry(self) -> None:
        """A connection that has lasted is worth an attempt at once; a peer that refuses us each time is not."""
        self.close()
        if self._opened_ns is not None and now_ns() - self._opened_ns >= LAST_RETRY_NS:
            self._retry_ns = FIRST_RETRY_NS
        self._opened_ns = None
        self._timer = self._loop.call_later(self._retry_ns, self._dial)
        self._retry_ns = min(2 * self._retry_ns, LAST_RETRY_NS)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_dialing(self) -> None:
        if self._dialing is not None:
            self._loop.remove_writer(self._dialing.fileno())
            self._dialing.close()
            self._dialing = None

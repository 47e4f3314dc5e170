"""One TLS connection on the loop: handshake, what arrives, and a short queue of what is to be sent."""

from __future__ import annotations

import functools
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from alived.adapters.loop import Loop
from alived.adapters.peers import mark_urgent
from alived.adapters.tls_identity import why
from alived.base import NS_PER_MS

MAX_QUEUED = 64
"""Frames that wait for a peer who does not read; then the oldest goes: only the newest say how things are"""
HANDSHAKE_LIMIT_NS = 1000 * NS_PER_MS
SILENCE_LIMIT_MS = 2000
"""A connection on which nothing sent is acknowledged for so long is given up: a new one begins without its backlog"""
KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES = 5, 2, 3
TCP_THIN_LINEAR_TIMEOUTS = 16
_READ_BYTES = 1 << 16
READS_A_TURN = 16


def tune(sock: socket.socket) -> None:
    """For few and urgent bytes to a peer who may vanish without a word."""
    tcp = socket.IPPROTO_TCP
    sock.setsockopt(tcp, socket.TCP_NODELAY, 1)
    sock.setsockopt(tcp, TCP_THIN_LINEAR_TIMEOUTS, 1)
    sock.setsockopt(tcp, socket.TCP_USER_TIMEOUT, SILENCE_LIMIT_MS)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(tcp, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    sock.setsockopt(tcp, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
    sock.setsockopt(tcp, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    mark_urgent(sock)


class TlsStream:
    """A connected socket that belongs to it from now on. Its owner sets what is called back:

    opened(certificate)  the handshake is done, and the peer's certificate is one of ours
    received(data)       what the peer has sent
    failed(why)          once: the handshake failed or the connection ended; it is closed already
    """

    def __init__(self, loop: Loop, sock: socket.socket, context: ssl.SSLContext, *, server_side: bool) -> None:
        self._loop = loop
        self._socket = context.wrap_socket(sock, server_side=server_side, do_handshake_on_connect=False)
        self.opened: Callable[[Mapping[str, Any]], None]
        self.received: Callable[[bytes], None]
        self.failed: Callable[[str], None]
        self.overflowed: Callable[[], None] = _nothing
        """A frame was dropped from the queue"""
        self._open = self._closed = self._writing = False
        self._frames: deque[bytes] = deque()
        self._limit = loop.call_later(HANDSHAKE_LIMIT_NS, lambda: self._fail("no answer to the handshake"))
        loop.add_reader(self._socket.fileno(), self.turn)

    @property
    def is_open(self) -> bool:
        return self._open and not self._closed

    def send(self, frame: bytes) -> None:
        """Now, or when the peer reads again."""
        assert self.is_open
        if len(self._frames) >= MAX_QUEUED:
            del self._frames[1]  # the first may be half written
            self.overflowed()
        self._frames.append(frame)
        if not self._writing:
            self._guarded(self._flush)

    def turn(self, reads: int = READS_A_TURN) -> None:
        """Goes on as far as possible without a wait, except that it reads no more than so many times."""
        if not self._open:
            self._guarded(self._handshake)
        if self._open:
            self._guarded(functools.partial(self._read, reads))
            self._guarded(self._flush)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._limit.cancel()
            self._loop.remove_reader(self._socket.fileno())
            self._want_to_write(False)
            self._socket.close()

    def _guarded(self, act: Callable[[], None]) -> None:
        if self._closed:
            return
        try:
            act()
        except ssl.SSLWantReadError:
            if not self._open:
                self._want_to_write(False)
        except ssl.SSLWantWriteError:
            self._want_to_write(True)
        except OSError as error:
            self._fail(why(error))

    def _handshake(self) -> None:
        self._socket.do_handshake()
        self._limit.cancel()
        self._open = True
        certificate = self._socket.getpeercert()
        assert certificate, "the context demands one"
        self.opened(certificate)

    def _read(self, reads: int) -> None:
        """TLS takes one record after another from the kernel, so what is left for later is there and wakes the loop."""
        for _ in range(reads):
            data = self._socket.recv(_READ_BYTES)
            if not data:
                self._fail("it closed the connection")
                return
            self.received(data)
            if self._closed:
                return

    def _flush(self) -> None:
        while self._frames:
            self._socket.send(self._frames[0])
            self._frames.popleft()
        self._want_to_write(False)

    def _want_to_write(self, wanted: bool) -> None:
        if wanted != self._writing:
            self._writing = wanted
            if wanted:
                self._loop.add_writer(self._socket.fileno(), self.turn)
            else:
                self._loop.remove_writer(self._socket.fileno())

    def _fail(self, reason: str) -> None:
        if not self._closed:
            self.close()
            self.failed(reason)


def _nothing() -> None:
    """Nobody wants to know."""

"""Probes over TCP, with TLS or without.

How a connection ends. A check that has said nothing resets it, and the kernel is asked before not to acknowledge the
server's SYN until there is something to say (as haproxy does for its checks): the server sees SYN and RST, accepts
nothing, logs nothing and counts no aborted connection, and no TIME_WAIT is left here, of which 1000 checks a second
would make 60 000. A check that failed resets, too, so that a server stops sending what nobody reads. Only after a
conversation that went well the connection is closed in order, because last words may still be on their way; unless
`bind_port` is set: its next check must not find its own TIME_WAIT.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable

from alived.adapters.probe import Probe, Undecided, seconds
from alived.adapters.probe_sockets import LINGER_NONE, LocalError, is_ours, open_socket, target, words
from alived.adapters.probe_tls import TlsConnection
from alived.adapters.tls_identity import why
from alived.health.dialogue import Verdict

READ_BYTES = 1 << 16
_IN_PROGRESS = (0, errno.EINPROGRESS)


class StreamProbe(Probe):
    __slots__ = ("_connected", "_spoke", "_tls", "_unsent")

    def _open(self, family: socket.AddressFamily, address: str) -> None:
        self._connected = self._spoke = False
        self._tls: TlsConnection | None = None
        self._unsent = b""
        inquiry = self.inquiry
        to = target(address, inquiry.port, inquiry.bind_if)
        sock = self._socket = open_socket(family, socket.SOCK_STREAM, inquiry)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        error = sock.connect_ex(to)
        if error in _IN_PROGRESS:
            self._loop.add_writer(sock.fileno(), self._on_connected)
        else:
            self._not_connected(error)

    def _not_connected(self, error: int) -> None:
        self._end(Undecided(words(error)) if is_ours(error) else Verdict(False, words(error)))

    def _on_connected(self) -> None:
        assert self._socket is not None
        if error := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._not_connected(error)
            return
        self._connected = True
        tls = self.inquiry.tls
        if tls is not None and tls.at_once:
            self._start_tls()
        else:
            self._take(self._dialogue.begun())
        if self._outcome is None:
            self._wait_for_answer()

    def _wait_for_answer(self) -> None:
        assert self._socket is not None
        self._loop.watch(self._socket.fileno(), self._on_readable, self._on_writable if self._unsent else None)
        if not self._spoke:
            # The server speaks first, so it must know that the connection is there.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    # -- what the server says --

    def _on_readable(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(words(error.errno or 0))
            return
        if self._tls is not None:
            self._guarded(self._hear_tls, data)
        elif data:
            self._take(self._dialogue.received(data))
        else:
            self._end(self._dialogue.ended())

    def _hear_tls(self, data: bytes) -> None:
        tls = self._tls
        assert tls is not None
        if data:
            tls.heard(data)
            if not tls.done:
                self._shake_hands(tls)
            self._hear_records(tls)
        elif not tls.done:
            self._end(Verdict(False, "the server closed the connection during the TLS handshake"))
        elif self.inquiry.tls and self.inquiry.tls.close_notify:
            self._end(self._dialogue.broken("TLS ended without close_notify"))
        else:
            self._end(self._dialogue.ended())

    def _hear_records(self, tls: TlsConnection) -> None:
        while tls.done and self._outcome is None:
            data = tls.read()
            if data is None:
                break
            if not data:
                self._end(self._dialogue.ended())
                return
            self._take(self._dialogue.received(data))
        self._flush_tls()

    # -- TLS --

    def _start_tls(self) -> None:
        assert self.inquiry.tls is not None, "a dialogue that starts TLS is asked with it"
        try:
            self._tls = TlsConnection(self.inquiry.tls, self.inquiry.address)
        except LocalError as error:
            self._end(Undecided(str(error)))
            return
        self._guarded(self._hello, b"")

    def _hello(self, _nothing: bytes) -> None:
        assert self._tls is not None
        self._shake_hands(self._tls)

    def _shake_hands(self, tls: TlsConnection) -> None:
        try:
            tls.shake_hands()
        except ssl.SSLError:
            self._flush_tls()  # the alert that says why
            raise
        self._flush_tls()
        if tls.done and self._outcome is None:
            self._expires_s = tls.expires_s
            at_once = self.inquiry.tls is not None and self.inquiry.tls.at_once
            self._take(self._dialogue.begun() if at_once else self._dialogue.secured())

    def _guarded(self, act: Callable[[bytes], None], data: bytes) -> None:
        """What TLS cannot stomach ends the probe."""
        try:
            act(data)
        except ssl.SSLError as error:
            self._lost(f"TLS: {why(error)}")

    # -- what we say --

    def _send(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.write(data)
            self._flush_tls()
        else:
            self._write(data)

    def _flush_tls(self) -> None:
        if self._tls is not None and self._socket is not None and (data := self._tls.to_send()):
            self._write(data)

    def _write(self, data: bytes) -> None:
        if self._socket is None:
            return
        self._spoke = True
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lost(words(error.errno or 0))
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._loop.add_writer(self._socket.fileno(), self._on_writable)

    def _on_writable(self) -> None:
        assert self._socket is not None
        data, self._unsent = self._unsent, b""
        self._write(data)
        if self._socket is not None and not self._unsent:
            self._loop.remove_writer(self._socket.fileno())

    # -- the end --

    def _lost(self, reason: str) -> None:
        if self._tls is not None and not self._tls.done:
            self._end(Verdict(False, reason))
        else:
            self._end(self._dialogue.broken(reason))

    def _too_late(self) -> Verdict:
        limit = seconds(self.inquiry.timeout_ns)
        if not self._connected:
            return Verdict(False, f"no connection within {limit}")
        if self._tls is not None and not self._tls.done:
            return Verdict(False, f"no end of the TLS handshake within {limit}")
        return self._dialogue.timed_out()

    def _close(self) -> None:
        sock = self._socket
        if sock is not None:
            well = isinstance(self._outcome, Verdict) and self._outcome.ok
            if well and self._tls is not None and self.inquiry.tls and self.inquiry.tls.close_notify:
                self._tls.say_goodbye()
                self._flush_tls()
            if self.inquiry.bind_port or not (well and self._spoke):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        Probe._close(self)

"""Probes by datagrams: UDP, and ICMP echoes through a ping socket."""

from __future__ import annotations

import itertools
import socket

from alived.adapters.probe import Probe
from alived.adapters.probe_sockets import LocalError, SocketRefused, open_socket, report_icmp_errors, target
from alived.wire.inet import checksum

DATAGRAM_BYTES = 1 << 16
READS_A_TURN = 16
_ECHO_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_ECHO_REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
_ICMP = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_identifiers = itertools.count(1)


class DatagramProbe(Probe):
    """UDP. An ICMP error of any kind breaks the dialogue."""

    __slots__ = ()

    def _open(self, family: socket.AddressFamily, address: str) -> None:
        to = target(address, self._port, self.inquiry.bind_if)
        sock = self._socket = self._open_socket(family)
        report_icmp_errors(sock, family)
        if error := sock.connect_ex(to):
            self._fail(error)
            return
        self._loop.add_reader(sock.fileno(), self._on_readable)
        self._take(self._dialogue.begun())

    @property
    def _port(self) -> int:
        return self.inquiry.port

    def _open_socket(self, family: socket.AddressFamily) -> socket.socket:
        return open_socket(family, socket.SOCK_DGRAM, self.inquiry)

    def _send(self, data: bytes) -> None:
        assert self._socket is not None
        try:
            self._socket.send(self._packed(data))
        except OSError as error:
            self._fail(error.errno or 0)

    def _on_readable(self) -> None:
        for _ in range(READS_A_TURN):
            if self._socket is None:
                return
            try:
                data = self._unpacked(self._socket.recv(DATAGRAM_BYTES))
            except BlockingIOError:
                return
            except OSError as error:
                self._fail(error.errno or 0)
                return
            if data is not None:
                self._take(self._dialogue.received(data))

    def _packed(self, data: bytes) -> bytes:
        return data

    def _unpacked(self, data: bytes) -> bytes | None:
        """None: not for us."""
        return data


class EchoProbe(DatagramProbe):
    """A ping socket: the kernel sets identifier and checksum, and gives us only what answers them. The dialogue speaks
    ICMP whatever the address: a name may turn out to be IPv6.

    Where groups may not open one (net.ipv4.ping_group_range) but we may open raw sockets, we do the same ourselves.
    """

    __slots__ = ("_family", "_identifier")

    @property
    def _port(self) -> int:
        return 0

    def _open_socket(self, family: socket.AddressFamily) -> socket.socket:
        self._family = family
        self._identifier = b""
        protocol = _ICMP[family]
        try:
            return open_socket(family, socket.SOCK_DGRAM, self.inquiry, protocol)
        except SocketRefused:
            self._identifier = (next(_identifiers) & 0xFFFF).to_bytes(2, "big")
        try:
            return open_socket(family, socket.SOCK_RAW, self.inquiry, protocol)
        except SocketRefused:
            raise LocalError(
                "no ping socket: net.ipv4.ping_group_range does not have our group, and CAP_NET_RAW is missing"
            ) from None

    def _packed(self, data: bytes) -> bytes:
        data = bytes((_ECHO_REQUEST[self._family],)) + data[1:]
        if not self._identifier:
            return data
        message = data[:2] + bytes(2) + self._identifier + data[6:]
        if self._family == socket.AF_INET:  # of ICMPv6 the kernel computes it
            message = message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
        return message

    def _unpacked(self, data: bytes) -> bytes | None:
        if self._identifier and self._family == socket.AF_INET:
            data = data[(data[0] & 0x0F) * 4 :]
        is_reply = data[:1] == bytes((_ECHO_REPLY[self._family],))
        if self._identifier and not (is_reply and data[4:6] == self._identifier):
            return None
        return bytes((_ECHO_REPLY[socket.AF_INET],)) + data[1:] if is_reply else data

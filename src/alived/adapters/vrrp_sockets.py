"""Sockets of IP protocol 112 (and 51, AH): advertisements out in batches, packets in.

Raw IP sockets rather than packet sockets, so that the operator's firewall, routes and unicast neighbours mean for
VRRP what they mean for everything else (ADR 0002). Bytes to send are prepared once: each queued advert is just its
64-byte `struct mmsghdr`, and one `sendmmsg` sends all that are due together.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
import struct
from collections.abc import Collection
from typing import NamedTuple

from alived.base import Family
from alived.wire.inet import address_text

VRRP_PROTOCOL = 112
AH_PROTOCOL = 51
AH_BYTES = 24
"""HMAC-MD5-96, the only one that VRRP knows"""
SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_ATTACH_FILTER, SO_DETACH_FILTER = 32, 33, 26, 27
IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT = 51, 52
IP_MULTICAST_ALL, IPV6_MULTICAST_ALL = 49, 29
IPV6_FREEBIND, IP_FREEBIND = 78, 15
RECEIVE_BUFFER_BYTES = 8 << 20
SEND_BUFFER_BYTES = 4 << 20
"""A device may hold the adverts of a thousand instances for a moment; each counts for nearly 1 KiB until it is out."""
PACKET_BYTES_MAX = 4096
_MMSGHDR = struct.Struct("@PIPNPNi0PI0P")
_libc = ctypes.CDLL(None, use_errno=True)
_ANCILLARY_BYTES = socket.CMSG_SPACE(4) + socket.CMSG_SPACE(20)
_INT = struct.Struct("@i")


class Prepared(NamedTuple):
    """A packet ready to be queued: its `mmsghdr`, and the buffers that this points into (alive as long as it is)."""

    header: bytes
    buffers: tuple[object, ...]


def _sockaddr(family: Family, address: str, scope: int) -> bytes:
    if family is Family.IPV4:
        return struct.pack("=HH4s8x", family, 0, socket.inet_pton(family, address))
    return struct.pack("=HHI16sI", family, 0, 0, socket.inet_pton(family, address), scope)


class Sender:
    """Sends prepared packets from one source address of one interface.

    IPv4 packets carry their own IP header (the source may be any address); IPv6 packets get theirs from the kernel
    with `source` and this hop limit. group: the multicast group that all packets go to, "" if each has a destination.
    """

    def __init__(
        self, family: Family, interface: str, index: int, *, source: str, group: str = "", hop_limit: int = 255
    ) -> None:
        self.interface = interface
        self.queue: list[Prepared] = []
        self.errors = 0
        self.last_error = ""
        self._family, self._index, self._group = family, index, group
        # IPPROTO_RAW on IPv4: we write the IP header, and the socket receives nothing that nobody would read.
        protocol = socket.IPPROTO_RAW if family is Family.IPV4 else VRRP_PROTOCOL
        self._socket = socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        try:
            self._set_up(interface, source, hop_limit)
        except BaseException:
            self._socket.close()
            raise

    def _set_up(self, interface: str, source: str, hop_limit: int) -> None:
        sock = self._socket
        sock.setblocking(False)
        with contextlib.suppress(PermissionError):  # a smaller buffer only matters to many instances
            sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER_BYTES)
        if interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        if self._family is Family.IPV4:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            if self._index:
                sock.setsockopt(
                    socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", bytes(4), bytes(4), self._index)
                )
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, hop_limit)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hop_limit)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0xC0)
            if self._index:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self._index)
            scope = self._index if source.startswith("fe80:") else 0
            sock.bind((source, 0, 0, scope))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # it only sends: nothing may pile up in it
        if self._group:  # saves the kernel a look at its routes for each packet
            sock.connect((self._group, 0) if self._family is Family.IPV4 else (self._group, 0, 0, self._index))

    def close(self) -> None:
        self._socket.close()

    def prepare(self, packet: bytes, destination: str) -> Prepared:
        """packet: IPv4 header and message, or the message alone for IPv6. destination: `group` or a unicast peer."""
        data = ctypes.create_string_buffer(packet, len(packet))
        vector = struct.pack("@PN", ctypes.addressof(data), len(packet))
        iovec = ctypes.create_string_buffer(vector, len(vector))
        if destination == self._group:
            return Prepared(_MMSGHDR.pack(0, 0, ctypes.addressof(iovec), 1, 0, 0, 0, 0), (data, iovec))
        name = _sockaddr(self._family, destination, self._index if destination.startswith(("ff", "fe80:")) else 0)
        address = ctypes.create_string_buffer(name, len(name))
        header = _MMSGHDR.pack(ctypes.addressof(address), len(name), ctypes.addressof(iovec), 1, 0, 0, 0, 0)
        return Prepared(header, (data, iovec, address))

    def flush(self) -> None:
        """Sends what is queued. A packet that the kernel refuses is counted and left out; the others go."""
        queue, self.queue = self.queue, []
        while queue:
            count = len(queue)
            headers = bytearray().join([packet.header for packet in queue])
            array = (ctypes.c_char * len(headers)).from_buffer(headers)
            sent = _libc.sendmmsg(self._socket.fileno(), array, count, 0)
            if sent == count:
                return
            if sent < 0:
                self._failed(ctypes.get_errno())
                sent = 1
            queue = queue[sent:]

    def rehearse(self) -> None:
        """Goes through `flush` without a packet (see daemon/engine/rehearsal.py)."""
        array = (ctypes.c_char * _MMSGHDR.size).from_buffer(bytearray(_MMSGHDR.size))
        _libc.sendmmsg(self._socket.fileno(), array, 0, 0)

    def _failed(self, code: int) -> None:
        self.errors += 1
        self.last_error = f"{errno.errorcode.get(code, code)}"


class Packet(NamedTuple):
    """An IPv6 packet as the kernel hands it over."""

    message: bytes
    source: str
    destination: str
    hop_limit: int


class Receiver:
    """Receives the packets of protocol 112 (or AH) of one family on one interface ("": on any)."""

    def __init__(self, family: Family, interface: str, protocol: int = VRRP_PROTOCOL) -> None:
        self.family = family
        self._protocol = protocol
        self.socket = socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        try:
            self._set_up(interface)
        except BaseException:
            self.socket.close()
            raise

    def _set_up(self, interface: str) -> None:
        sock = self.socket
        sock.setblocking(False)
        with contextlib.suppress(PermissionError):  # a smaller buffer only matters in a flood
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        if interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        if self.family is Family.IPV4:
            sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        self.socket.close()

    def join(self, group: str, index: int) -> None:
        """Joins a multicast group on an interface; once more does nothing."""
        packed = socket.inet_pton(self.family, group)
        try:
            if self.family is Family.IPV4:
                request = struct.pack("@4s4si", packed, bytes(4), index)
                self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
            else:
                request = struct.pack("@16si", packed, index)
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise

    def receive_ipv6(self) -> Packet:
        """One packet; raises BlockingIOError if there is none."""
        message, ancillary, _flags, sender = self.socket.recvmsg(PACKET_BYTES_MAX, _ANCILLARY_BYTES)
        hop_limit, destination = 0, bytes(16)
        for _level, kind, data in ancillary:
            if kind == IPV6_HOPLIMIT:
                hop_limit = _INT.unpack(data[:4])[0]
            elif kind == socket.IPV6_PKTINFO:
                destination = data[:16]
        return Packet(message, sender[0].partition("%")[0], address_text(destination), hop_limit)

    def attach_filter(self, virtual_router_ids: Collection[int], *, ttl_fixed: bool) -> None:
        """Lets the kernel drop packets of other VRIDs and, if ttl_fixed, of another TTL than 255 (IPv4)."""
        program = flood_filter(self.family, virtual_router_ids, ttl_fixed, self._protocol)
        buffer = ctypes.create_string_buffer(program, len(program))
        attached = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, attached)

    def detach_filter(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


def flood_filter(
    family: Family, virtual_router_ids: Collection[int], ttl_fixed: bool, protocol: int = VRRP_PROTOCOL
) -> bytes:
    """A classic BPF program (array of `struct sock_filter`). Raw IPv4 sockets see the IP header, IPv6 ones do not.
    With AH the VRRP message begins behind the authentication header."""
    vrid_offset = 1 + (AH_BYTES if protocol == AH_PROTOCOL else 0)
    lines: list[tuple[int, int, int, int]] = []
    if family is Family.IPV4:
        if ttl_fixed:
            lines += [(0x30, 0, 0, 8), (0x15, 1, 0, 255), (0x06, 0, 0, 0)]
        lines += [(0xB1, 0, 0, 0), (0x50, 0, 0, vrid_offset)]  # x := length of the IP header; a := that byte behind it
    else:
        lines += [(0x30, 0, 0, vrid_offset)]
    ids = sorted(virtual_router_ids)
    lines += [(0x15, len(ids) - number, 0, vrid) for number, vrid in enumerate(ids)]
    lines += [(0x06, 0, 0, 0), (0x06, 0, 0, PACKET_BYTES_MAX)]
    return b"".join(struct.pack("@HBBI", *line) for line in lines)

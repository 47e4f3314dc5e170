"""What the transports between members (`peer_udp`, `peer_tls`) share: addresses, complaints in the log, errors."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

from alived.adapters.loop import now_ns
from alived.base import NS_PER_S, AlivedError
from alived.raft.packets import Packet
from alived.wire.inet import INTERNETWORK_CONTROL

COMPLAINT_INTERVAL_NS = 60 * NS_PER_S
COMPLAINT_INTERVAL_MAX_NS = 24 * 60 * COMPLAINT_INTERVAL_NS
Arrived = Callable[[int, Packet, bool], None]
"""(number, packet, more): what a member has said; more: the next one follows at once"""
"""number of the member, what it said"""
Log = Callable[[str, str, str], None]
"""level, code, message"""


class PeersError(AlivedError):
    """The peers cannot be reached in the way that the configuration says; the text is for the operator."""


class SocketAddress(NamedTuple):
    family: socket.AddressFamily
    address: tuple[Any, ...]
    """As the calls of `socket` want it"""


def socket_address(address: str, port: int) -> SocketAddress:
    """Of a numeric address, perhaps with a scope (fe80::1%eth0). Raises ValueError; OSError: no such interface."""
    plain, _, scope = address.partition("%")
    if ipaddress.ip_address(plain).version == 4:
        return SocketAddress(socket.AF_INET, (plain, port))
    return SocketAddress(socket.AF_INET6, (plain, port, 0, socket.if_nametoindex(scope) if scope else 0))


def canonical(address: str) -> str:
    """As the kernel writes it, without a scope: to compare where somebody comes from with where a member lives."""
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return address


def listening_sockets(kind: socket.SocketKind, address: str, port: int) -> dict[int, socket.socket]:
    """Bound, by family: on one address, or ("") on all of this machine, without IPv6 where there is none. They do not
    block. Raises PeersError."""
    sockets: dict[int, socket.socket] = {}
    for family, to in [socket_address(one, port) for one in ([address] if address else ["0.0.0.0", "::"])]:
        try:
            sockets[family] = _bound(kind, family, to)
        except OSError as error:
            if not address and family == socket.AF_INET6 and error.errno == errno.EAFNOSUPPORT:
                continue
            for sock in sockets.values():
                sock.close()
            protocol = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
            raise PeersError(f"cannot listen on {protocol} {to[0]} port {port}: {error.strerror}") from error
    return sockets


def mark_urgent(sock: socket.socket) -> None:
    """As control traffic, for routers and switches that look at it."""
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, INTERNETWORK_CONTROL)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, INTERNETWORK_CONTROL)


def _bound(kind: socket.SocketKind, family: socket.AddressFamily, to: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    try:
        mark_urgent(sock)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(to)
    except BaseException:
        sock.close()
        raise
    return sock


class Complaints:
    """Lines for the log about what others do. The same complaint about the same one is made at once, and while its
    reason lasts again after a minute, two, four and so on: at most once a day in the end.

    Codes and names come from alived and its configuration, so what is kept is bounded.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._made: dict[tuple[str, str], _Complaint] = {}

    def make(self, code: str, about: str, message: str) -> None:
        """about: the name of a member, "" for strangers."""
        now = now_ns()
        made = self._made.get((code, about))
        if made is None or now - made.cause_ns > made.interval_ns:
            made = self._made[code, about] = _Complaint(now)
        made.cause_ns = now
        if now >= made.next_ns:
            made.next_ns = now + made.interval_ns
            made.interval_ns = min(2 * made.interval_ns, COMPLAINT_INTERVAL_MAX_NS)
            self._log("warning", code, message)


class _Complaint:
    __slots__ = ("cause_ns", "interval_ns", "next_ns")

    def __init__(self, now_ns: int) -> None:
        self.next_ns = self.cause_ns = now_ns
        self.interval_ns = COMPLAINT_INTERVAL_NS

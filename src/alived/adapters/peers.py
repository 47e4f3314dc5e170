"""What the transports between members (`peer_udp`, `peer_tls`) share: addresses, complaints in the log, errors."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

from alived.adapters.loop import now_ns
from alived.base import NS_PER_S, AlivedError
from alived.raft.packets import Packet

COMPLAINT_INTERVAL_NS = 60 * NS_PER_S
Arrived = Callable[[int, Packet], None]
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


class Complaints:
    """Lines for the log about what others do: each complaint about somebody at most once a minute, whatever he sends.

    Codes and names come from alived and its configuration, so what is kept is bounded.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._made_ns: dict[tuple[str, str], int] = {}

    def make(self, code: str, about: str, message: str) -> None:
        """about: the name of a member, "" for strangers."""
        now = now_ns()
        made_ns = self._made_ns.get((code, about))
        if made_ns is None or now - made_ns >= COMPLAINT_INTERVAL_NS:
            self._made_ns[code, about] = now
            self._log("warning", code, message)

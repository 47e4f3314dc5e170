"""Asks neighbours on a link whether they are there: ARP for IPv4, neighbour solicitations for IPv6.

Our own question and not the kernel's neighbour table: that believes in a neighbour for half a minute after its death.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
from collections.abc import Callable, Collection

from alived.adapters.loop import Loop
from alived.adapters.neighbours import ETH_P_ARP, ETH_P_IPV6, ClaimListener
from alived.base import DecodeError, Family
from alived.wire import neighbour
from alived.wire.inet import BROADCAST_MAC, multicast_mac, pack_address, solicited_node
from alived.wire.neighbour import ARP_REPLY, Arp, NeighbourAdvertisement, NeighbourSolicitation

SIOCGIFADDR, SIOCGIFHWADDR = 0x8915, 0x8927
_IFREQ = struct.Struct("16s24s")
_IF_INET6 = "/proc/net/if_inet6"
LINK_LOCAL_SCOPE = "20"


class NeighbourAsker:
    """On one interface, for targets of one family. heard(address, MAC) is called for each sign of life."""

    def __init__(
        self, loop: Loop, interface: str, family: Family, targets: Collection[str], heard: Callable[[str, str], None]
    ) -> None:
        """Raises OSError if there is no such interface, or it has no address to ask from."""
        self._loop, self._heard, self._family = loop, heard, family
        self._interface = interface
        self._by_address = {pack_address(target): target for target in targets}
        ethertype = ETH_P_ARP if family is Family.IPV4 else ETH_P_IPV6
        self._mac, self._source = _own(interface, family)
        self._listener = ClaimListener(interface, ethertype, self._by_address)
        self._sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        try:
            self._sender.bind((interface, 0))
            self._sender.setblocking(False)
            loop.add_reader(self._listener.fileno(), self._read)
        except OSError:
            self._listener.close()
            self._sender.close()
            raise

    def close(self) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()
        self._sender.close()

    def knows(self, target: str) -> bool:
        return pack_address(target) in self._by_address

    def ask(self, target: str) -> None:
        """Raises OSError if nothing can be sent now."""
        self._sender.send(self._question(pack_address(target)))

    def _question(self, target: bytes) -> bytes:
        if self._family is Family.IPV4:
            return neighbour.arp_request(self._mac, self._source, target)
        group = solicited_node(target)
        return neighbour.encode(
            NeighbourSolicitation(
                target=target,
                source=self._source,
                destination=group,
                link_layer=self._mac,
                frame_source=self._mac,
                frame_destination=multicast_mac(group),
            )
        )

    def _read(self) -> None:
        while frame := self._listener.read():
            with contextlib.suppress(DecodeError):
                self._take(neighbour.decode(frame))

    def _take(self, packet: neighbour.Neighbour) -> None:
        match packet:
            case Arp(sender=address, sender_mac=mac, operation=operation):
                alive = operation == ARP_REPLY or packet.frame_destination == BROADCAST_MAC
            case NeighbourAdvertisement(target=address, frame_source=mac):
                alive = True
            case _:
                return
        if alive and mac != self._mac and address in self._by_address:
            self._heard(self._by_address[address], mac.hex(":"))


def _own(interface: str, family: Family) -> tuple[bytes, bytes]:
    """MAC and source address: of IPv4 the first one (0.0.0.0, as in a probe, if there is none), of IPv6 link-local."""
    request = _IFREQ.pack(interface.encode(), b"")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        mac = fcntl.ioctl(sock, SIOCGIFHWADDR, request)[18:24]
        if family is Family.IPV4:
            try:
                return mac, fcntl.ioctl(sock, SIOCGIFADDR, request)[20:24]
            except OSError:
                return mac, bytes(4)
    with open(_IF_INET6) as file:
        for line in file:
            address, _, _, scope, _, name = line.split()
            if name == interface and scope == LINK_LOCAL_SCOPE:
                return mac, bytes.fromhex(address)
    raise OSError(f"{interface} has no link-local address to ask from")

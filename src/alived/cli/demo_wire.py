"""The eyes of a client: asks for addresses by ARP, ND and ping, and tells what it sees, with the kernel's timestamps.

Nothing of alived's own decoding is used here: what judges a fail-over must not share its mistakes. Questions by ARP
and ND carry a sender of their own, so that the answers never enter the client's neighbour table: its pings go where
the gratuitous ARPs of the routers sent them, like those of a real client.
"""

from __future__ import annotations

import contextlib
import enum
import ipaddress
import select
import socket
import struct
import time

import msgspec

from alived.adapters.netns import inside, mac_of

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 3, 0x0800, 0x0806, 0x86DD
SO_TIMESTAMPNS = 35
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_IGNORE_OUTGOING, PACKET_MR_PROMISC = 263, 1, 23, 1
SOL_RAW, ICMP_FILTER, ICMP6_FILTER = 255, 1, 1
AH, VRRP, ICMP, ICMPV6 = 51, 112, 1, 58
PROBER = 200
"""Number of the sender of questions; no node has it."""


class Kind(enum.StrEnum):
    ADVERT = "advert"
    ANSWER = "answer"
    """To our question by ARP or ND."""
    ANNOUNCEMENT = "announcement"
    """Gratuitous ARP or unsolicited NA."""
    PING = "ping"
    """Echo reply."""


class Seen(msgspec.Struct, frozen=True):
    """A frame. time_ns: since the epoch, by the kernel. mac: who sent the frame. said_mac: the MAC inside an answer
    or announcement. address: what an answer, announcement or ping is about, or the source of an advert."""

    kind: Kind
    time_ns: int
    mac: str
    address: str
    said_mac: str = ""
    virtual_router_id: int = 0
    priority: int = -1
    version: int = 0


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def arp_request(address: str, mac: bytes, sender: str) -> bytes:
    head = b"\xff" * 6 + mac + struct.pack("!HHHBBH", ETH_P_ARP, 1, ETH_P_IP, 6, 4, 1)
    return head + mac + socket.inet_aton(sender) + bytes(6) + socket.inet_aton(address)


def neighbour_solicitation(address: str, mac: bytes, sender: str) -> bytes:
    """To the solicited-node group of the address (RFC 4861 section 4.3)."""
    target, source = (socket.inet_pton(socket.AF_INET6, a) for a in (address, sender))
    group = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")[:13] + target[13:]
    body = struct.pack("!BBHI", 135, 0, 0, 0) + target + b"\x01\x01" + mac
    pseudo = source + group + struct.pack("!II", len(body), ICMPV6)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), ICMPV6, 255) + source + group
    return b"\x33\x33" + group[12:] + mac + struct.pack("!H", ETH_P_IPV6) + header + body


def parse(frame: bytes, time_ns: int) -> Seen | None:
    """What a frame says, or None if it is nothing of ours."""
    ethertype = int.from_bytes(frame[12:14], "big")
    with contextlib.suppress(IndexError, struct.error, ValueError):  # a frame cut short says nothing
        if ethertype == ETH_P_ARP:
            return _parse_arp(frame, time_ns)
        if ethertype == ETH_P_IP:
            return _parse_ipv4(frame, time_ns)
        if ethertype == ETH_P_IPV6:
            return _parse_ipv6(frame, time_ns)
    return None


def _parse_arp(frame: bytes, time_ns: int) -> Seen | None:
    sender_mac, sender, target = frame[22:28], frame[28:32], frame[38:42]
    if sender == target:
        kind = Kind.ANNOUNCEMENT
    elif frame[21] == 2 and frame[0:6] != b"\xff" * 6:
        kind = Kind.ANSWER
    else:
        return None
    return Seen(kind, time_ns, frame[6:12].hex(":"), socket.inet_ntoa(sender), sender_mac.hex(":"))


def _parse_ipv4(frame: bytes, time_ns: int) -> Seen | None:
    protocol, mac, source = frame[23], frame[6:12].hex(":"), socket.inet_ntoa(frame[26:30])
    payload = frame[14 + 4 * (frame[14] & 15) :]
    if protocol == AH:
        protocol, payload = payload[0], payload[4 * (payload[1] + 2) :]
    if protocol == VRRP:
        return Seen(Kind.ADVERT, time_ns, mac, source, "", payload[1], payload[2], payload[0] >> 4)
    if protocol == ICMP and payload[0] == 0:
        return Seen(Kind.PING, time_ns, mac, source)
    return None


def _parse_ipv6(frame: bytes, time_ns: int) -> Seen | None:
    protocol, mac, payload = frame[20], frame[6:12].hex(":"), frame[54:]
    source = socket.inet_ntop(socket.AF_INET6, frame[22:38])
    if protocol == VRRP:
        return Seen(Kind.ADVERT, time_ns, mac, source, "", payload[1], payload[2], payload[0] >> 4)
    if protocol != ICMPV6:
        return None
    if payload[0] == 129:
        return Seen(Kind.PING, time_ns, mac, source)
    if payload[0] != 136:
        return None
    kind = Kind.ANSWER if payload[4] & 0x40 else Kind.ANNOUNCEMENT
    said = payload[26:32].hex(":") if payload[24:25] == b"\x02" else ""
    return Seen(kind, time_ns, mac, socket.inet_ntop(socket.AF_INET6, payload[8:24]), said)


class Wire:
    """A packet socket on an interface of a namespace."""

    def __init__(self, namespace: str, interface: str = "eth0", segment: int = 0, sender: str = "192.0.2.200") -> None:
        self._mac = mac_of(PROBER, segment)
        self._senders = {4: sender, 6: "fe80::ff:fe00:c800"}
        self._sequence = 0
        with inside(namespace):
            self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            index = socket.if_nametoindex(interface)
            self._icmp = {
                4: socket.socket(socket.AF_INET, socket.SOCK_RAW, ICMP),
                6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, ICMPV6),
            }
        self._packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._packets.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._packets.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        membership = struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b"")
        self._packets.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
        self._packets.bind((interface, ETH_P_ALL))
        self._packets.setblocking(False)
        # The packet socket reads the replies: these must not collect them.
        self._icmp[4].setsockopt(SOL_RAW, ICMP_FILTER, b"\xff" * 4)
        self._icmp[6].setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, b"\xff" * 32)
        for sock in self._icmp.values():
            sock.setblocking(False)

    def close(self) -> None:
        for sock in (self._packets, *self._icmp.values()):
            sock.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, frame: bytes) -> None:
        """Sends a frame as it is."""
        self._packets.send(frame)

    def ask(self, address: str) -> None:
        """Asks everybody who has this address."""
        version = ipaddress.ip_address(address).version
        build = arp_request if version == 4 else neighbour_solicitation
        self.send(build(address, self._mac, self._senders[version]))

    def ping(self, address: str) -> None:
        """Sends an echo request where the client's kernel thinks that the address is."""
        version = ipaddress.ip_address(address).version
        self._sequence = self._sequence + 1 & 0xFFFF
        head = struct.pack("!BBHHH", 8 if version == 4 else 128, 0, 0, 1, self._sequence)
        if version == 4:
            head = head[:2] + struct.pack("!H", checksum(head)) + head[4:]
        # No route or no neighbour for the moment is what a client of a dead router sees: the lack of a reply says it.
        with contextlib.suppress(OSError):
            self._icmp[version].sendto(head, (address, 0))

    def read(self, timeout: float = 0.0) -> list[Seen]:
        """What arrived, after waiting for at most `timeout` seconds for the first of it."""
        select.select([self._packets], [], [], timeout)
        found: list[Seen] = []
        while True:
            try:
                frame, control, _, _ = self._packets.recvmsg(256, 64)
            except BlockingIOError:
                return found
            seconds, nanoseconds = struct.unpack("ll", control[0][2][:16])
            if seen := parse(frame, seconds * 1_000_000_000 + nanoseconds):
                found.append(seen)

    def watch(self, seconds: float) -> list[Seen]:
        """All that arrives within the next seconds."""
        end = time.monotonic() + seconds
        found: list[Seen] = []
        while (left := end - time.monotonic()) > 0:
            found += self.read(min(left, 0.1))
        return found

"""The client: sends ARP requests and pings for VIPs and sniffs what comes back, fast, with kernel timestamps.

A classic BPF program lets only the frames that a measure looks at reach the sniffer, so that the others cost nothing.
ARP requests carry a sender of their own: their answers never enter the client's neighbour table, and its pings go
where the gratuitous ARPs of the routers sent them.
"""

from __future__ import annotations

import contextlib
import ctypes
import enum
import selectors
import socket
import struct
import time
from collections.abc import Collection, Sequence
from typing import NamedTuple

from alived.adapters.netns import inside, mac_of
from alived.cli.demo_wire import (
    ETH_P_ALL,
    ICMP_FILTER,
    PACKET_ADD_MEMBERSHIP,
    PACKET_IGNORE_OUTGOING,
    PACKET_MR_PROMISC,
    PROBER,
    SO_TIMESTAMPNS,
    SOL_PACKET,
    SOL_RAW,
    arp_request,
    checksum,
)

SO_ATTACH_FILTER, SO_RCVBUFFORCE, PACKET_STATISTICS = 26, 33, 6
RECEIVE_BUFFER = 128 << 20


class Kind(enum.StrEnum):
    ADVERT = "advert"
    REPLY = "reply"
    GARP = "garp"
    PING = "ping"
    STOP = "stop"
    """An advert of priority 0, which the filter passes with the others"""


class Event(NamedTuple):
    """A frame. router: number of the sender, from its MAC. what: (segment, VRID) of an advert, else the address."""

    kind: Kind
    time_ns: int
    router: int
    what: tuple[int, int] | bytes


def packet_filter(kinds: Collection[Kind]) -> bytes:
    """A BPF program that passes only these kinds of frame."""
    yes, no = (6, 0, 0, 0x40000), (6, 0, 0, 0)
    code = [
        (0x28, 0, 0, 12),  # ethertype
        (0x15, 0, 6, 0x0806),
        (0x20, 0, 0, 28),  # ARP: are sender and target the same?
        (0x07, 0, 0, 0),
        (0x20, 0, 0, 38),
        (0x1D, 0, 1, 0),
        yes if Kind.GARP in kinds else no,
        yes if Kind.REPLY in kinds else no,
        (0x15, 0, 5, 0x0800),
        (0x30, 0, 0, 23),  # IP protocol
        (0x15, 0, 1, 112),
        yes if Kind.ADVERT in kinds else no,
        (0x15, 0, 1, 1),
        yes if Kind.PING in kinds else no,
        no,
    ]
    return b"".join(struct.pack("HBBI", *step) for step in code)


class Client:
    """Sockets in a namespace, one for each segment. prober: the address that asks on a segment."""

    def __init__(
        self,
        namespace: str,
        segments: Sequence[int],
        prober: Sequence[str],
        kinds: Collection[Kind] = (Kind.ADVERT, Kind.REPLY),
    ) -> None:
        self._selector = selectors.DefaultSelector()
        self._prober = prober
        self._sequence = 0
        self._packet: list[socket.socket] = []
        with inside(namespace):
            for segment in segments:
                sock = self._open(segment, packet_filter(kinds))
                self._packet.append(sock)
                self._selector.register(sock, selectors.EVENT_READ, segment)
            self._icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._icmp.setsockopt(SOL_RAW, ICMP_FILTER, b"\xff" * 4)  # the packet socket reads the replies
        self._icmp.setblocking(False)
        self.lost()

    @staticmethod
    def _open(segment: int, program: bytes) -> socket.socket:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        code = ctypes.create_string_buffer(program)
        sock.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
        )
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        index = socket.if_nametoindex(f"eth{segment}")
        sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b""))
        sock.bind((f"eth{segment}", ETH_P_ALL))
        sock.setblocking(False)
        return sock

    def close(self) -> None:
        for sock in (*self._packet, self._icmp):
            sock.close()
        self._selector.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def lost(self) -> int:
        """Frames that the sniffer had no room for since the last call: anything but 0 spoils the numbers."""
        answers = (sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8) for sock in self._packet)
        return sum(struct.unpack("II", answer)[1] for answer in answers)

    def question(self, vip: str, segment: int, to: bytes = b"\xff" * 6) -> tuple[socket.socket, bytes]:
        """(socket, frame) that asks by ARP for a VIP, everybody or one MAC."""
        frame = arp_request(vip, mac_of(PROBER, segment), self._prober[segment])
        return self._packet[segment], to + frame[6:]

    def ping(self, vip: str) -> None:
        self._sequence = self._sequence + 1 & 0xFFFF
        head = struct.pack("!BBHHH", 8, 0, 0, 1, self._sequence)
        with contextlib.suppress(OSError):  # no route to it for the moment: the lack of a reply says it
            self._icmp.sendto(head[:2] + struct.pack("!H", checksum(head)) + head[4:], (vip, 0))

    def events(self, timeout: float = 0.0) -> list[Event]:
        """Frames that have arrived, after waiting for at most `timeout` seconds for the first."""
        found: list[Event] = []
        for key, _ in self._selector.select(timeout):
            receive, segment = key.fileobj.recvmsg, key.data  # type: ignore[union-attr]
            for _ in range(2000):
                try:
                    frame, control, _, _ = receive(128, 32)
                except BlockingIOError:
                    break
                seconds, nanoseconds = struct.unpack("ll", control[0][2])
                event = read(frame, seconds * 1_000_000_000 + nanoseconds, segment)
                if event is not None:
                    found.append(event)
        return found

    def watch(self, seconds: float) -> list[Event]:
        """All frames of the next seconds."""
        end = time.monotonic() + seconds
        found: list[Event] = []
        while (left := end - time.monotonic()) > 0:
            found += self.events(min(left, 0.1))
        return found


def read(frame: bytes, time_ns: int, segment: int) -> Event | None:
    """What a frame says. Not `demo_wire.parse`: this one runs thousands of times a second beside what it measures."""
    router = frame[10]
    if frame[12:14] == b"\x08\x06":
        if frame[28:32] == frame[38:42]:
            return Event(Kind.GARP, time_ns, router, frame[28:32])
        answer_to_us = frame[21] == 2 and frame[36] == PROBER
        return Event(Kind.REPLY, time_ns, router, frame[28:32]) if answer_to_us else None
    if frame[23] == 112:
        vrrp = 14 + 4 * (frame[14] & 15)
        kind = Kind.ADVERT if frame[vrrp + 2] else Kind.STOP
        return Event(kind, time_ns, router, (segment, frame[vrrp + 1]))
    return Event(Kind.PING, time_ns, router, frame[26:30]) if frame[34] == 0 else None

"""One socket that receives adverts, and the packets known by their bytes.

A master sends the same bytes again and again. What they mean was worked out once; after that a packet costs a look
into a dictionary (0.2 us instead of 3.2 us for parsing and checksum). Only the IP header's identification and checksum
change, so the key begins at the source address; the TTL is compared apart.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import NamedTuple, Protocol

from alived.adapters.loop import now_ns
from alived.adapters.vrrp_sockets import AH_PROTOCOL, Receiver
from alived.base import NS_PER_S, DecodeError, Family
from alived.daemon.engine.virtual_router import Feed, VirtualRouter
from alived.vrrp.authentication import ah_decode
from alived.vrrp.events import AdvertisementReceived
from alived.vrrp.receive import Dispatcher, check
from alived.wire.inet import decode_ipv4

BATCH = 256
"""Packets of one socket before timers and others get their turn."""
KNOWN_MAX = 4096
"""Adverts known by their bytes: a segment has at most 255 routers a family; the rest is room for what changes."""
FLOOD_PER_S = 2000
"""Refused packets a second after which the kernel refuses foreign ones for us."""
FLOOD_FILTER_NS = 10 * NS_PER_S
PACKET_BYTES_MAX = 4096


class PortKey(NamedTuple):
    interface: str
    if_index: int
    family: Family
    protocol: int


class Known(NamedTuple):
    """What a packet of these bytes means."""

    router: VirtualRouter
    event: AdvertisementReceived
    ttl: int


class Owner(Protocol):
    """What a port tells its `Ports`."""

    errors: collections.Counter[str]
    feed: Feed
    changed: Callable[[VirtualRouter], None]

    def flush(self) -> None: ...

    def rejected(self, interface: str, source: str, reason: str, detail: str, now: int) -> None: ...


class Port:
    """Receives for the instances of one interface ("": any) and family, over VRRP's own protocol or AH."""

    def __init__(self, key: PortKey, owner: Owner) -> None:
        self.key = key
        self.receiver = Receiver(key.family, key.interface, key.protocol)
        self.routers: dict[str, VirtualRouter] = {}
        self._owner = owner
        self._dispatcher: Dispatcher | None = None
        self._known: dict[bytes | tuple[str, str, bytes], Known] = {}
        self._trusted: set[bytes | str] = set()
        """Senders of adverts that were accepted: looked at even in a flood."""
        self._refused = 0
        self._refused_since_ns = 0
        self._flooded = False
        self._filtered_until_ns = 0

    @property
    def read(self) -> Callable[[], None]:
        """Drains the socket. (Not an attribute: an object that refers to itself would stay for ever in a process
        without garbage collection.)"""
        return self._read_ipv4 if self.key.family is Family.IPV4 else self._read_ipv6

    def add(self, router: VirtualRouter) -> None:
        self.routers[router.name] = router
        self._changed()

    def remove(self, router: VirtualRouter) -> None:
        self.routers.pop(router.name, None)
        self._changed()

    def _changed(self) -> None:
        self._dispatcher = None
        self._known.clear()
        self._stop_filter()

    # -- hot: once for each advert of everybody --

    def _read_ipv4(self) -> None:
        receive, known, owner, now = self.receiver.socket.recv, self._known, self._owner, now_ns()
        for _ in range(BATCH):
            try:
                packet = receive(PACKET_BYTES_MAX)
            except BlockingIOError:
                break
            hit = known.get(packet[12:])
            if hit is None or hit[2] != packet[8]:
                if not self._flooded or self._may_be_looked_at(packet[12:16], now):
                    self._unknown_ipv4(packet, now)
                continue
            router = hit[0]
            effects = router.core.step(hit[1], now)
            if effects:
                router.entry.apply(effects, now)
            deadline = router.core.deadline_ns
            if deadline is not None and deadline < router.entry.armed_ns:
                owner.changed(router)
        owner.flush()
        if self._filtered_until_ns and now > self._filtered_until_ns:
            self._stop_filter()

    def _read_ipv6(self) -> None:
        known, owner, now = self._known, self._owner, now_ns()
        for _ in range(BATCH):
            try:
                packet = self.receiver.receive_ipv6()
            except BlockingIOError:
                break
            key = (packet.source, packet.destination, packet.message)
            hit = known.get(key)
            if hit is not None and hit.ttl == packet.hop_limit:
                owner.feed(hit.router, hit.event, now)
            elif not self._flooded or self._may_be_looked_at(packet.source, now):
                self._take(key, packet.message, packet.source, packet.destination, packet.hop_limit, now)
        owner.flush()
        if self._filtered_until_ns and now > self._filtered_until_ns:
            self._stop_filter()

    # -- a packet seen for the first time --

    def _unknown_ipv4(self, packet: bytes, now: int) -> None:
        source = "an unreadable sender"
        try:
            header = decode_ipv4(packet)
            source = header.source
            message = packet[header.header_length : header.total_length]
            if self.key.protocol == AH_PROTOCOL:
                self._take_ah(packet, header.source, header.destination, header.ttl, now)
                return
        except DecodeError as error:
            self._refuse(source, error, now)
            return
        self._take(packet[12:], message, header.source, header.destination, header.ttl, now)

    def _take(
        self, key: bytes | tuple[str, str, bytes], message: bytes, source: str, destination: str, ttl: int, now: int
    ) -> None:
        try:
            router = self._find(message, source, destination)
            events = check(
                router.vrrp,
                source=source,
                destination=destination,
                ttl=ttl,
                message=message,
                own_address=router.primary_address,
            )
        except DecodeError as error:
            self._refuse(source, error, now)
            return
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
            self._trusted.clear()
        self._known[key] = Known(router, events[0], ttl)
        self._trusted.add(key[:4] if isinstance(key, bytes) else source)
        for event in events:
            self._owner.feed(router, event, now)

    def _take_ah(self, packet: bytes, source: str, destination: str, ttl: int, now: int) -> None:
        """Behind an authentication header every packet has its own number: none is known by its bytes."""
        bare = ah_decode(packet, key=None)
        router = self._find(bare.message, source, destination)
        events = check(
            router.vrrp,
            source=source,
            destination=destination,
            ttl=ttl,
            message=bare.message,
            own_address=router.primary_address,
            ah_packet=packet,
            ah_sequence=router.ah_sequence,
        )
        router.ah_sequence = bare.sequence
        self._trusted.add(packet[12:16])
        for event in events:
            self._owner.feed(router, event, now)

    def _find(self, message: bytes, source: str, destination: str) -> VirtualRouter:
        if self._dispatcher is None:
            self._dispatcher = Dispatcher(router.vrrp for router in self.routers.values())
        return self.routers[self._dispatcher.find(message, source, destination).name]

    # -- refused --

    def _refuse(self, source: str, error: DecodeError, now: int) -> None:
        self._owner.rejected(self.key.interface, source, error.reason, error.detail, now)
        if now - self._refused_since_ns > NS_PER_S:
            self._refused_since_ns, self._refused = now, 0
        self._refused += 1
        if self._refused > FLOOD_PER_S:
            self._flooded = True
            if not self._filtered_until_ns:
                self._start_filter(now)

    def _may_be_looked_at(self, source: bytes | str, now: int) -> bool:
        """In a flood, what strangers send is dropped unread for the rest of the second; those who have sent a good
        advert before are heard. A stranger's first advert may come late, but no flood takes the CPU."""
        if now - self._refused_since_ns > NS_PER_S:
            self._flooded = False
            return True
        if source in self._trusted:
            return True
        self._owner.errors["flood"] += 1
        return False

    def _start_filter(self, now: int) -> None:
        """In a flood the kernel drops, uncounted, what cannot be for us: another VRID, or a wrong TTL where only 255
        is right. What is left costs 2 us a packet."""
        configs = [router.vrrp for router in self.routers.values()]
        ttl_fixed = not any(config.unicast for config in configs)
        self.receiver.attach_filter({c.virtual_router_id for c in configs}, ttl_fixed=ttl_fixed)
        self._filtered_until_ns = now + FLOOD_FILTER_NS
        self._owner.rejected(
            self.key.interface,
            "many",
            "flood",
            f"more than {FLOOD_PER_S} refused packets a second; for {FLOOD_FILTER_NS // NS_PER_S} s the kernel drops "
            "those with foreign VRIDs or wrong TTLs, uncounted",
            now,
        )

    def _stop_filter(self) -> None:
        if self._filtered_until_ns:
            self._filtered_until_ns = 0
            self.receiver.detach_filter()

"""The other routers of a VRID as we hear them: when, with which priority, how many adverts are missing."""

from __future__ import annotations

from collections.abc import Iterator

from alived.base import NS_PER_CS, NS_PER_MS
from alived.vrrp.events import AdvertisementReceived, PeerSnapshot
from alived.wire.inet import pack_address

PEERS_MAX = 32
"""Routers remembered for each instance. More than that on one VRID are forged; the one silent longest is forgotten."""

STEADY_INTERVALS = 4
"""A silence of more intervals than this is not loss: the router was not MASTER (any BACKUP would have taken over)."""


def address_rank(address: str) -> bytes:
    """The order of addresses in a tie: unsigned, network byte order (RFC 9568 section 6.4.3). "" ranks lowest."""
    return pack_address(address) if address else b""


class Peer:
    """One router. The instance counts an advert like the last one with two stores (`last_heard_ns`, `adverts`);
    what is missing is computed when somebody asks, from the length of the *stretch*: the time since the router began
    to advertise steadily."""

    __slots__ = (
        "_best_priority",
        "_missed_before",
        "_stretch_adverts",
        "_stretch_ns",
        "address",
        "adverts",
        "interval_cs",
        "last_heard_ns",
        "priority",
        "rank",
    )

    def __init__(self, advert: AdvertisementReceived, now_ns: int) -> None:
        self.address = advert.source
        self.rank = address_rank(advert.source)
        self.priority = self._best_priority = advert.priority
        self.interval_cs = advert.interval_cs
        self.last_heard_ns = now_ns
        self.adverts = 1
        self._missed_before = 0
        self._stretch_ns = now_ns
        self._stretch_adverts = 1

    def hear(self, advert: AdvertisementReceived, now_ns: int) -> None:
        silence_ns = now_ns - self.last_heard_ns
        stopped = 0 in (self.priority, advert.priority) or silence_ns > STEADY_INTERVALS * self._interval_ns
        if stopped or advert.interval_cs != self.interval_cs:
            self._missed_before = self.missed
            self._stretch_ns = now_ns
            self._stretch_adverts = self.adverts + 1
        self._best_priority = advert.priority if stopped else max(self._best_priority, advert.priority)
        self.adverts += 1
        self.last_heard_ns = now_ns
        self.priority = advert.priority
        self.interval_cs = advert.interval_cs

    @property
    def fell_from(self) -> int | None:
        """The best priority that it had since it is MASTER, if its present one is lower: a tracker of it failed, or its
        operator lowered it. None: it is as good as ever."""
        return self._best_priority if self.priority < self._best_priority else None

    @property
    def missed(self) -> int:
        """Adverts that were due by the sender's interval and did not come (one out of turn can hide one)."""
        stretch_ns = self.last_heard_ns - self._stretch_ns
        due = (stretch_ns + self._interval_ns // 2) // self._interval_ns
        return self._missed_before + max(0, due - (self.adverts - self._stretch_adverts))

    @property
    def _interval_ns(self) -> int:
        return max(self.interval_cs, 1) * NS_PER_CS

    def snapshot(self) -> PeerSnapshot:
        return PeerSnapshot(
            address=self.address,
            priority=self.priority,
            interval_cs=self.interval_cs,
            last_heard_ns=self.last_heard_ns,
            adverts=self.adverts,
            missed=self.missed,
        )

    def evidence(self, now_ns: int) -> str:
        age_ms = (now_ns - self.last_heard_ns) / NS_PER_MS
        return (
            f"{self.address}: priority {self.priority}, interval {self.interval_cs * 10} ms, last heard"
            f" {age_ms:.1f} ms ago, {self.adverts} adverts, {self.missed} missed"
        )


class Peers:
    """The routers heard since the start, at most PEERS_MAX."""

    __slots__ = ("_by_address",)

    def __init__(self) -> None:
        self._by_address: dict[str, Peer] = {}

    def hear(self, advert: AdvertisementReceived, now_ns: int) -> Peer:
        """The router that sent this advert, its record brought up to date."""
        peer = self._by_address.get(advert.source)
        if peer is not None:
            peer.hear(advert, now_ns)
            return peer
        if len(self._by_address) >= PEERS_MAX:
            silent_longest = min(self._by_address.values(), key=lambda known: known.last_heard_ns)
            del self._by_address[silent_longest.address]
        peer = self._by_address[advert.source] = Peer(advert, now_ns)
        return peer

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._by_address.values())

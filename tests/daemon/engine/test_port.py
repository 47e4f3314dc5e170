"""What a port makes of packets: known by their bytes, checked, refused, or drowned in a flood."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Collection
from typing import Any

import msgspec
import pytest

from alived.adapters.vrrp_sockets import AH_PROTOCOL, VRRP_PROTOCOL, Packet
from alived.base import NS_PER_S, Family
from alived.daemon.engine import port as port_module
from alived.daemon.engine.port import BATCH, FLOOD_FILTER_NS, FLOOD_PER_S, KNOWN_MAX, Port, PortKey
from alived.daemon.engine.virtual_router import VirtualRouter
from alived.daemon.shared.deadlines import NEVER_NS, Entry
from alived.vrrp.authentication import ah_encode
from alived.vrrp.config import AuthType, State
from alived.vrrp.events import AdvertisementReceived, PrimaryAddressChanged, Reconfigured, Startup
from alived.vrrp.packet import AUTH_AH, Advertisement, encode
from alived.vrrp.tracking import Tracking
from alived.wire.inet import ipv4_header
from tests.daemon.engine.engine_play import instance

OWN, PEER, STRANGER = "192.0.2.1", "192.0.2.2", "192.0.2.9"
GROUP, GROUP6 = "224.0.0.18", "ff02::12"
VIP = "192.0.2.100"


class FakeReceiver:
    """A socket whose packets the test puts in."""

    def __init__(self, family: Family, interface: str, protocol: int) -> None:
        self.socket = self
        self.packets: collections.deque[Any] = collections.deque()
        self.filters: list[tuple[frozenset[int], bool] | None] = []

    def recv(self, _size: int) -> Any:
        if not self.packets:
            raise BlockingIOError
        return self.packets.popleft()

    def receive_ipv6(self) -> Any:
        return self.recv(0)

    def attach_filter(self, virtual_router_ids: Collection[int], *, ttl_fixed: bool) -> None:
        self.filters.append((frozenset(virtual_router_ids), ttl_fixed))

    def detach_filter(self) -> None:
        self.filters.append(None)


class World:
    """A port, and its owner."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, family: Family, protocol: int) -> None:
        self.now = 10 * NS_PER_S
        self.parsed = 0
        monkeypatch.setattr(port_module, "Receiver", FakeReceiver)
        monkeypatch.setattr(port_module, "now_ns", lambda: self.now)
        real_check = port_module.check

        def counting_check(*args: Any, **options: Any) -> Any:
            self.parsed += 1
            return real_check(*args, **options)

        monkeypatch.setattr(port_module, "check", counting_check)
        self.errors: collections.Counter[str] = collections.Counter()
        self.flushed = 0
        self.earlier: list[str] = []
        self.port = Port(PortKey("eth0", 2, family, protocol), self)  # type: ignore[arg-type]
        self.receiver: Any = self.port.receiver

    def feed(self, router: VirtualRouter, event: Any, now: int, /) -> None:
        if effects := router.core.step(event, now):
            router.entry.apply(effects, now)

    def changed(self, router: VirtualRouter) -> None:
        self.earlier.append(router.name)

    def flush(self) -> None:
        self.flushed += 1

    def rejected(self, interface: str, source: str, reason: str, detail: str, now: int) -> None:
        assert (interface, now) == ("eth0", self.now)
        self.errors[reason] += 1

    def add(self, name: str = "A", vrid: int = 51, *, address: str = VIP, **fields: object) -> VirtualRouter:
        """A BACKUP behind this port."""
        config = instance(name, vrid, address, **({"priority": 100} | fields))
        router = VirtualRouter(config, Tracking(config.vrrp.priority), ())
        router.entry = Entry(router.core, lambda effects, now: None)
        router.primary_address = "fe80::1" if config.vrrp.family is Family.IPV6 else OWN
        router.core.step(PrimaryAddressChanged(router.primary_address), self.now)
        router.core.step(Startup(), self.now)
        router.entry.armed_ns = router.core.deadline_ns or NEVER_NS
        self.port.add(router)
        return router

    def hear(self, *packets: Any) -> None:
        self.receiver.packets.extend(packets)
        self.port.read()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch, Family.IPV4, VRRP_PROTOCOL)


def message(priority: int, vrid: int, source: str, destination: str, vips: tuple[str, ...], **fields: Any) -> bytes:
    known = {"version": 3, "interval_cs": 10} | fields
    said = Advertisement(virtual_router_id=vrid, priority=priority, addresses=vips, **known)
    return encode(said, source=source, destination=destination)


def advert(
    priority: int = 200,
    vrid: int = 51,
    source: str = PEER,
    *,
    ttl: int = 255,
    number: int = 7,
    vips: tuple[str, ...] = (VIP,),
) -> bytes:
    data = message(priority, vrid, source, GROUP, vips)
    return ipv4_header(source, GROUP, len(data), VRRP_PROTOCOL, ttl=ttl, identification=number) + data


def heard(router: VirtualRouter) -> int:
    return router.core.snapshot().adverts_received


# -- known by their bytes --


def test_the_same_advert_is_parsed_once_whatever_its_identification(world: World) -> None:
    router = world.add()
    for number in range(1, 6):
        world.now += NS_PER_S
        world.hear(advert(number=number))
    assert (heard(router), world.parsed) == (5, 1)
    assert router.core.snapshot().master == PEER
    assert router.core.snapshot().peers[0].last_heard_ns == world.now
    assert world.errors == {}


def test_another_ttl_is_another_packet(world: World) -> None:
    router = world.add()
    world.hear(advert(), advert(ttl=254), advert())
    assert heard(router) == 2
    assert world.errors == {"ip-ttl-error": 1}


def test_another_octet_is_another_packet(world: World) -> None:
    router = world.add()
    good = advert()
    world.hear(good)
    for position in range(12, len(good)):
        world.hear(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
    assert heard(router) == 1
    assert sum(world.errors.values()) == len(good) - 12


def test_what_was_known_is_looked_at_again_after_a_reload(world: World) -> None:
    router = world.add()
    world.hear(advert())
    changed = msgspec.structs.replace(router.config, vrrp=msgspec.structs.replace(router.vrrp, strict_mode=True))
    changed = msgspec.structs.replace(changed, vrrp=msgspec.structs.replace(changed.vrrp, addresses=("192.0.2.101",)))
    router.reconfigure(changed, Tracking(changed.vrrp.priority), ())
    router.core.step(Reconfigured(changed.vrrp), world.now)
    world.port.add(router)
    world.hear(advert())
    assert heard(router) == 1
    assert world.errors == {"address-list-error": 1}


def test_what_was_known_of_a_removed_instance_is_nobodys(world: World) -> None:
    router, other = world.add(), world.add("B", 52)
    world.hear(advert())
    world.port.remove(router)
    world.hear(advert())
    assert (heard(router), heard(other)) == (1, 0)
    assert world.errors == {"vrid-error": 1}


def test_the_memory_for_known_packets_is_bounded(world: World) -> None:
    world.add(skip_check_adv_addr=True)
    sources = (f"10.{a}.{b}.1" for a, b in itertools.product(range(256), range(256)))
    for source in itertools.islice(sources, KNOWN_MAX + 10):
        world.hear(advert(source=source))
    assert len(world.port._known) == 10


def test_each_instance_hears_its_own(world: World) -> None:
    a, b = world.add(), world.add("B", 52, address="192.0.2.101")
    world.hear(advert(), advert(vrid=52, vips=("192.0.2.101",)), advert(vrid=53))
    assert (heard(a), heard(b)) == (1, 1)
    assert world.errors == {"vrid-error": 1}


def test_an_earlier_deadline_is_told_on_the_fast_path(world: World) -> None:
    """Priority 0: Skew_Time instead of Master_Down_Interval. The second time the packet is known."""
    router = world.add()
    world.hear(advert(0))
    world.hear(advert(200))
    router.entry.armed_ns = NEVER_NS
    world.earlier.clear()
    world.hear(advert(0))
    assert world.earlier == ["A"]


def test_a_read_ends_after_a_batch_so_that_timers_get_their_turn(world: World) -> None:
    router = world.add()
    world.hear(*[advert()] * (BATCH + 1))
    assert heard(router) == BATCH
    assert world.flushed == 1
    world.hear()
    assert heard(router) == BATCH + 1


def test_what_the_master_answers_is_sent_at_once(world: World) -> None:
    router = world.add()
    assert router.core.deadline_ns is not None
    world.hear(advert(1))
    assert world.flushed == 1


# -- refused --


def test_an_advert_from_our_own_address_is_refused(world: World) -> None:
    router = world.add()
    world.hear(advert(source=OWN))
    assert (heard(router), world.errors) == (0, {"own-address": 1})


@pytest.mark.parametrize("length", [20, 21, 24, 27])
def test_what_is_cut_off_is_refused_and_hurts_nobody(world: World, length: int) -> None:
    world.add()
    world.hear(advert()[:length])
    assert sum(world.errors.values()) == 1


def test_nonsense_of_any_length_is_refused(world: World) -> None:
    world.add()
    for length in range(20, 64):
        world.hear(bytes([0x45]) + bytes(length - 1), bytes(length), b"\xff" * length)
    assert sum(world.errors.values()) == 3 * 44


# -- IPv6 --


def test_ipv6_adverts_are_known_by_their_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, Family.IPV6, VRRP_PROTOCOL)
    router = world.add(address="2001:db8::100", family=Family.IPV6)
    data = message(200, 51, "fe80::2", GROUP6, ("2001:db8::100",))
    for _ in range(3):
        world.hear(Packet(data, "fe80::2", GROUP6, 255))
    assert (heard(router), world.parsed) == (3, 1)
    world.hear(
        Packet(data, "fe80::2", GROUP6, 254), Packet(data, "fe80::3", GROUP6, 255), Packet(data, "fe80::2", "::", 255)
    )
    assert heard(router) == 3
    assert sum(world.errors.values()) == 3


# -- AH --


SECRET = b"secret"


def authenticated(sequence: int, key: bytes = SECRET, priority: int = 200) -> bytes:
    data = message(priority, 51, PEER, GROUP, (VIP,), version=2, interval_cs=100, auth_type=AUTH_AH)
    return ah_encode(data, source=PEER, destination=GROUP, sequence=sequence, key=key)


@pytest.fixture
def ah(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(monkeypatch, Family.IPV4, AH_PROTOCOL)
    world.add(version=2, advert_interval_cs=100, auth_type=AuthType.AH, auth_pass="secret")
    return world


def test_a_replayed_packet_is_refused(ah: World) -> None:
    router = ah.port.routers["A"]
    ah.hear(authenticated(5), authenticated(5), authenticated(4), authenticated(6))
    assert (heard(router), router.ah_sequence) == (2, 6)
    assert ah.errors == {"authentication-error": 2}


def test_a_forged_sequence_does_not_shut_the_true_sender_out(ah: World) -> None:
    router = ah.port.routers["A"]
    ah.hear(authenticated(4_000_000_000, key=b"wrong"), authenticated(5))
    assert (heard(router), router.ah_sequence) == (1, 5)


def test_behind_the_header_nothing_hurts(ah: World) -> None:
    whole = authenticated(5)
    for length in range(20, len(whole)):
        ah.hear(whole[:2] + length.to_bytes(2, "big") + whole[4:length])
    ah.hear(bytes(20), whole[:20])
    assert sum(ah.errors.values()) == len(whole) - 20 + 2
    assert heard(ah.port.routers["A"]) == 0


def test_in_a_flood_a_peer_with_a_header_is_heard(ah: World) -> None:
    ah.hear(authenticated(1))
    for _ in range(FLOOD_PER_S // BATCH + 2):
        ah.hear(*[authenticated(1)] * BATCH)
    assert ah.receiver.filters == [(frozenset({51}), True)]
    before = heard(ah.port.routers["A"])
    ah.hear(authenticated(2))
    assert heard(ah.port.routers["A"]) == before + 1


# -- floods --


def flood(world: World, count: int) -> None:
    rubbish = advert(vrid=99, source=STRANGER)
    while count > 0:
        world.hear(*[rubbish] * min(BATCH, count))
        count -= BATCH


def test_a_flood_brings_the_filter_for_a_while(world: World) -> None:
    world.add()
    world.add("B", 52)
    flood(world, FLOOD_PER_S)
    assert world.receiver.filters == []
    flood(world, 1)
    assert world.receiver.filters == [(frozenset({51, 52}), True)]
    assert world.errors["flood"] == 1
    flood(world, 2 * FLOOD_PER_S)
    assert len(world.receiver.filters) == 1
    world.now += FLOOD_FILTER_NS + 1
    world.hear(advert())
    assert world.receiver.filters[-1] is None


def test_the_same_number_in_more_than_a_second_is_no_flood(world: World) -> None:
    world.add()
    for _ in range(4):
        flood(world, FLOOD_PER_S // 2)
        world.now += NS_PER_S // 2 + 1
    assert world.receiver.filters == []


def test_with_unicast_peers_the_ttl_is_not_ours_to_judge(world: World) -> None:
    world.add(unicast=True)
    flood(world, FLOOD_PER_S + 1)
    assert world.receiver.filters == [(frozenset({51}), False)]


def test_in_a_flood_those_we_know_are_heard_and_strangers_wait(world: World) -> None:
    router = world.add()
    world.hear(advert())
    flood(world, FLOOD_PER_S + 1)
    world.hear(advert(), advert(150), advert(150, source=STRANGER))
    assert heard(router) == 3, "also what the known one has not said before"
    assert world.errors["flood"] == 2
    world.now += NS_PER_S + 1
    world.hear(advert(150, source=STRANGER))
    assert heard(router) == 4


def test_a_reload_in_a_flood_does_not_make_a_stranger_of_a_peer(world: World) -> None:
    router = world.add()
    world.hear(advert())
    flood(world, FLOOD_PER_S + 1)
    world.port.add(router)
    world.hear(advert())
    assert heard(router) == 2


def test_another_instance_gets_another_filter(world: World) -> None:
    world.add()
    flood(world, FLOOD_PER_S + 1)
    other = world.add("B", 52)
    assert world.receiver.filters[-1] is None
    world.now += NS_PER_S + 1
    world.hear(advert(vrid=52))
    assert heard(other) == 1


def test_an_instance_that_does_not_run_hears_and_does_nothing(world: World) -> None:
    config = instance("C", 53, VIP)
    router = VirtualRouter(config, Tracking(config.vrrp.priority), ())
    router.entry = Entry(router.core, lambda effects, now: pytest.fail("it has nothing to say"))
    world.port.add(router)
    world.hear(advert(vrid=53), advert(vrid=53))
    assert router.core.state is State.INIT


def test_events_of_known_packets_are_adverts(world: World) -> None:
    world.add()
    world.hear(advert())
    assert [type(known.event) for known in world.port._known.values()] == [AdvertisementReceived]

"""Who else claims our addresses, and on which interfaces we listen for it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable

import msgspec
import pytest

from alived.adapters.neighbours import ETH_P_ARP, ETH_P_IPV6
from alived.daemon.engine import claims as module
from alived.daemon.engine.claims import BATCH, Claims
from alived.daemon.engine.links import Links
from alived.wire.inet import address_text, pack_address
from alived.wire.neighbour import arp_request, gratuitous_arp, unsolicited_na
from tests.daemon.engine.engine_play import address
from tests.daemon.engine.test_links import MAC, OTHER_MAC, link

VIP, VIP6 = "192.0.2.100", "2001:db8::100"


class FakeListener:
    def __init__(self, world: World, interface: str, ethertype: int, addresses: Iterable[bytes]) -> None:
        if world.refuse:
            raise OSError(errno.ENODEV, "No such device")
        self.number = world.next_number = world.next_number + 1
        self.key = (interface, ethertype, frozenset(map(address_text, addresses)))
        self.frames: list[bytes] = []
        self.world = world
        world.listeners.append(self)

    def fileno(self) -> int:
        return self.number

    def close(self) -> None:
        self.world.listeners.remove(self)

    def read(self) -> bytes | None:
        return self.frames.pop(0) if self.frames else None


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.next_number = 0
        self.refuse = False
        self.listeners: list[FakeListener] = []
        self.readers: dict[int, Callable[[], None]] = {}
        self.heard: list[tuple[str, str, str]] = []
        self.links = Links()
        self.links.update_link(link(2, "eth0"))
        monkeypatch.setattr(module, "ClaimListener", lambda *arguments: FakeListener(self, *arguments))
        self.claims = Claims(self, self.links, lambda *claim: self.heard.append(claim))  # type: ignore[arg-type]

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        self.readers[fd] = callback

    def remove_reader(self, fd: int) -> None:
        del self.readers[fd]

    def watch(self, *vips: str, interface: str = "eth0") -> None:
        self.claims.watch([address(vip, interface) for vip in vips])
        assert set(self.readers) == {listener.number for listener in self.listeners}

    @property
    def keys(self) -> set[tuple[str, int, frozenset[str]]]:
        return {listener.key for listener in self.listeners}

    def say(self, *frames: bytes) -> list[tuple[str, str, str]]:
        listener = self.listeners[0]
        listener.frames += frames
        self.readers[listener.number]()
        found, self.heard = self.heard, []
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_one_listener_for_each_family(world: World) -> None:
    world.watch(VIP, VIP6)
    assert world.keys == {("eth0", ETH_P_ARP, frozenset({VIP})), ("eth0", ETH_P_IPV6, frozenset({VIP6}))}


def test_watching_the_same_again_keeps_the_sockets(world: World) -> None:
    world.watch(VIP)
    before = list(world.listeners)
    world.watch(VIP)
    assert world.listeners == before


def test_other_addresses_are_listened_for_instead(world: World) -> None:
    world.watch(VIP)
    world.watch(VIP, "192.0.2.101")
    assert world.keys == {("eth0", ETH_P_ARP, frozenset({VIP, "192.0.2.101"}))}
    world.watch()
    assert world.keys == set()


def test_an_interface_that_is_down_gone_or_new(world: World) -> None:
    world.watch(VIP)
    world.links.update_link(link(2, "eth0", up=False))
    world.watch(VIP)
    assert world.listeners == []
    world.links.update_link(link(2, "eth0"))
    world.watch(VIP)
    first = world.listeners[0]
    world.links.update_link(msgspec.structs.replace(link(2, "eth0"), deleted=True))
    world.links.update_link(link(3, "eth0"))
    world.watch(VIP)
    assert len(world.listeners) == 1
    assert world.listeners[0] is not first


def test_a_socket_that_cannot_be_had_is_tried_again(world: World) -> None:
    world.refuse = True
    world.watch(VIP)
    assert world.listeners == []
    world.refuse = False
    world.watch(VIP)
    assert len(world.listeners) == 1


def test_a_claim_of_somebody_else_is_told_with_his_mac(world: World) -> None:
    world.watch(VIP)
    assert world.say(gratuitous_arp(OTHER_MAC, pack_address(VIP))) == [("eth0", VIP, OTHER_MAC.hex(":"))]
    question = arp_request(OTHER_MAC, pack_address(VIP), pack_address("192.0.2.7"))
    assert world.say(question) == [("eth0", VIP, OTHER_MAC.hex(":"))], "who asks in its name claims it too"


def test_our_own_macs_claim_nothing(world: World) -> None:
    world.watch(VIP)
    assert world.say(gratuitous_arp(MAC, pack_address(VIP))) == []


def test_a_neighbour_advertisement_is_a_claim(world: World) -> None:
    world.watch(VIP6)
    six = pack_address(VIP6)
    said = unsolicited_na(OTHER_MAC, six, six, False)
    assert world.say(said) == [("eth0", VIP6, OTHER_MAC.hex(":"))]


def test_nonsense_and_other_things_are_passed_over(world: World) -> None:
    world.watch(VIP)
    good = gratuitous_arp(OTHER_MAC, pack_address(VIP))
    assert len(world.say(b"", good[:20], bytes(60), good)) == 1


def test_a_flood_of_claims_leaves_room_for_others(world: World) -> None:
    world.watch(VIP)
    frames = [gratuitous_arp(OTHER_MAC, pack_address(VIP))] * (BATCH + 5)
    assert len(world.say(*frames)) == BATCH
    assert len(world.say()) == 5

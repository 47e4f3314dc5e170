"""The machine as the engine sees it: in the order of the kernel, and right again after a loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from alived.daemon.engine import machine as module
from alived.daemon.engine.machine import BATCH, Machine
from alived.wire import rtnetlink
from alived.wire.rtnetlink import Address, Link
from tests.daemon.engine.test_links import address, gone, link

ETH0, ETH1 = link(2, "eth0"), link(3, "eth1")
A0, B0, A1 = address(2, "192.0.2.1"), address(2, "192.0.2.100", 32), address(3, "192.0.3.1")
Message = Link | Address


class World:
    """Kernel, monitor and listener. `log` is what the listener was told, with the state of links at that moment."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.there: list[Message] = [ETH0, ETH1, A0, A1]
        self.waiting: list[list[Message] | None] = []
        self.log: list[str] = []
        self.busy = False
        self.reader: Callable[[], None] | None = None
        monkeypatch.setattr(module, "Monitor", lambda: self)
        loop: Any = self
        requests: Any = self
        self.machine = Machine(loop, requests, changed=self._changed, postponed=lambda: self.busy)
        self.machine.start()

    def fileno(self) -> int:
        return 7

    def close(self) -> None:
        self.log.append("closed")

    def add_reader(self, fd: int, callback: Callable[[], None]) -> None:
        self.reader = callback

    def remove_reader(self, fd: int) -> None:
        self.reader = None

    def read(self) -> list[Message] | None:
        return self.waiting.pop(0) if self.waiting else []

    def dump(self, message_type: int, family: int = 0) -> list[Message]:
        wanted = Link if message_type == rtnetlink.RTM_GETLINK else Address
        return [message for message in self.there if isinstance(message, wanted)]

    def link(self, name: str) -> Link | None:
        return next((one for one in self.there if isinstance(one, Link) and one.name == name), None)

    def _changed(self, names: set[str], addresses: Sequence[Address]) -> None:
        links = self.machine.links
        self.log += [f"{name} {links.trouble(name) or 'fine'}" for name in sorted(names)]
        for one in addresses:
            text = ".".join(map(str, one.local))
            self.log.append(f"{'-' if one.deleted else '+'}{text} on {links.name(one.index) or '?'}")

    def hear(self, *messages: Message | None) -> list[str]:
        self.waiting += [None if message is None else [message] for message in messages]
        return self.read_now()

    def read_now(self) -> list[str]:
        assert self.reader
        self.reader()
        found, self.log = self.log, []
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_what_is_there_at_the_start_is_known_and_not_told(world: World) -> None:
    assert world.log == []
    assert world.machine.links.get("eth1") == ETH1
    assert world.machine.links.has_address("192.0.2.1")


def test_what_comes_and_goes_is_told(world: World) -> None:
    assert world.hear(B0) == ["+192.0.2.100 on eth0"]
    assert world.hear(gone(B0)) == ["-192.0.2.100 on eth0"]
    assert world.hear(link(2, "eth0", up=False)) == ["eth0 eth0 is down"]


def test_links_and_addresses_are_told_in_the_order_of_the_kernel(world: World) -> None:
    """An address that goes after its link went down was not stolen; one that goes with its link has still a name."""
    down, deleted = link(2, "eth0", up=False), msgspec.structs.replace(ETH0, deleted=True)
    assert world.hear(B0, down, gone(B0), gone(A0), deleted) == [
        "+192.0.2.100 on eth0",
        "eth0 eth0 is down",
        "-192.0.2.100 on eth0",
        "-192.0.2.1 on eth0",
        "eth0 there is no interface eth0",
    ]


def test_a_quick_flap_is_told_as_two_changes(world: World) -> None:
    assert world.hear(link(2, "eth0", running=False), ETH0) == [
        "eth0 eth0 has no carrier (cable, switch port or peer)",
        "eth0 fine",
    ]


def test_while_addresses_are_being_bound_nothing_is_read(world: World) -> None:
    world.busy = True
    assert world.hear(B0) == []
    world.busy = False
    assert world.read_now() == ["+192.0.2.100 on eth0"]


def test_a_read_ends_after_a_batch(world: World) -> None:
    assert len(world.hear(*[A0] * (BATCH + 3))) == BATCH
    assert len(world.read_now()) == 3


def test_after_a_loss_the_difference_is_told_in_the_order_of_the_kernel(world: World) -> None:
    world.hear(B0)
    world.there = [link(4, "eth1"), link(2, "eth0", running=False), A0, address(4, "192.0.3.9")]
    assert world.hear(None) == [
        "eth1 eth1 is down",
        "-192.0.3.1 on eth1",
        "eth1 there is no interface eth1",
        "eth1 fine",
        "eth0 eth0 has no carrier (cable, switch port or peer)",
        "-192.0.2.100 on eth0",
        "+192.0.2.1 on eth0",
        "+192.0.3.9 on eth1",
    ]
    assert world.machine.links.name(3) == ""


def test_what_was_heard_before_the_loss_is_older_than_the_dump(world: World) -> None:
    world.there = [ETH0, ETH1, A0, A1]
    lines = world.hear(link(2, "eth0", up=False), None)
    assert "eth0 eth0 is down" not in lines
    assert world.machine.links.usable("eth0") is True


def test_after_a_loss_of_nothing_everything_is_said_to_be_as_it_is(world: World) -> None:
    assert world.hear(None) == ["eth0 fine", "eth1 fine", "+192.0.2.1 on eth0", "+192.0.3.1 on eth1"]


def test_a_refresh_sees_one_link_at_once_and_tells_nobody(world: World) -> None:
    world.there += [link(9, "vrrp.51"), link(10, "vrrp.52")]
    assert world.machine.refresh("vrrp.51") == world.machine.links.get("vrrp.51") == link(9, "vrrp.51")
    assert world.machine.links.get("vrrp.52") is None
    assert world.machine.refresh("vrrp.53") is None
    assert world.log == []


def test_catching_up_hears_everything_at_once(world: World) -> None:
    world.busy = True
    world.waiting = [[B0]] * BATCH + [[gone(B0)]]
    world.machine.catch_up()
    assert world.log == ["+192.0.2.100 on eth0"] * BATCH + ["-192.0.2.100 on eth0"]


def test_catching_up_after_a_loss_asks(world: World) -> None:
    world.there = [ETH0, A0]
    world.waiting = [None]
    world.machine.catch_up()
    assert "-192.0.3.1 on eth1" in world.log


def test_close_ends_listening(world: World) -> None:
    world.machine.close()
    assert world.reader is None
    assert world.log == ["closed"]

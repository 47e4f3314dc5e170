"""What is asked of the kernel and said to the neighbours, and in which order."""

from __future__ import annotations

import collections
import contextlib
import errno
from collections.abc import Callable, Iterator, Sequence

import pytest

from alived.adapters.loop import Callback
from alived.base import NS_PER_MS
from alived.daemon.engine import address_work as module
from alived.daemon.engine.address_work import SLICE_ADDRESSES, AddressWork
from alived.daemon.engine.links import Links
from alived.vip.config import VipGroup, VirtualAddress
from alived.vip.events import AddAddresses, ProbeAddresses, RemoveAddresses, SendGratuitous
from alived.wire import neighbour, rtnetlink
from alived.wire.inet import address_text
from alived.wire.rtnetlink import Link
from tests.daemon.engine.engine_play import address
from tests.daemon.engine.test_links import address as linked

MAC = bytes((2, 0, 0, 0, 0, 1))


def link(index: int, name: str, **fields: object) -> Link:
    known = {"flags": 0, "up": True, "running": True, "mac": MAC, "parent_index": 0, "kind": "", "mtu": 1500}
    return Link(index=index, name=name, **(known | fields))  # type: ignore[arg-type]


class World:
    """Kernel, renewer, sockets and loop in one log."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.batches: list[int] = []
        self.refuse: dict[str, int] = {}
        self.failed: list[tuple[str, str, str]] = []
        self.absent: list[tuple[str, str]] = []
        self.when_failed: Callable[[str], None] | None = None
        self.work: list[Callback] = []
        self.now = 0
        self.open: list[str] = []
        self.send_error: OSError | None = None
        self.links = Links()
        self.links.update_link(link(2, "eth0"))
        self.address_work = AddressWork(self, self, self.links, self._failed, self._absent)  # type: ignore[arg-type]

    # Loop
    def add_work(self, slice_of_work: Callback) -> None:
        self.work.append(slice_of_work)

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            if self.work:
                self.work.pop(0)()

    def finish(self) -> None:
        while self.work:
            self.turn()

    # Requests
    def transact(self, messages: Sequence[bytes]) -> dict[int, int]:
        self.batches.append(len(messages))
        errors = {}
        for number, message in enumerate(messages):
            kind = "add" if int.from_bytes(message[4:6], "little") == rtnetlink.RTM_NEWADDR else "del"
            text = address_text(message[28:32])
            self.log.append(f"{kind} {text}")
            if error := self.refuse.get(text):
                errors[number] = error
        return errors

    # Renewer
    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        yield

    def renew(self, group: str, messages: Sequence[bytes]) -> None:
        self.log.append(f"renew {group} {len(messages)}")

    def forget(self, group: str) -> None:
        self.log.append(f"forget {group}")

    # FrameSender
    def frame(self, interface: str, frame: bytes) -> None:
        if self.send_error:
            raise self.send_error
        heard = neighbour.decode(frame)
        if isinstance(heard, neighbour.Arp):
            self.log.append(f"{'probe' if heard.probe else 'garp'} {address_text(heard.target)}")
        elif isinstance(heard, neighbour.NeighbourAdvertisement):
            self.log.append(f"na {address_text(heard.target)} from {address_text(heard.source)}")

    def _absent(self, group: str, va: VirtualAddress) -> None:
        self.absent.append((group, va.address))

    def _failed(self, group: str, va: VirtualAddress, reason: str) -> None:
        self.failed.append((group, va.address, reason))
        if self.when_failed:
            self.when_failed(group)

    def said(self) -> list[str]:
        found, self.log = self.log, []
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    worlds: list[World] = []

    class FakeFrameSender:
        def __init__(self, interface: str) -> None:
            self.interface = interface
            worlds[0].open.append(interface)

        def send(self, frame: bytes) -> None:
            worlds[0].frame(self.interface, frame)

        def close(self) -> None:
            worlds[0].open.remove(self.interface)

    monkeypatch.setattr(module, "Renewer", lambda: worlds[0])
    monkeypatch.setattr(module, "FrameSender", FakeFrameSender)
    monkeypatch.setattr(module, "now_ns", lambda: worlds[0].now)
    world = World.__new__(World)
    worlds.append(world)
    World.__init__(world)
    return world


def vip(number: int, interface: str = "eth0") -> VirtualAddress:
    return address(f"192.0.{2 + number // 250}.{number % 250 + 1}", interface)


A, B, C, D = (address(f"192.0.2.{number}") for number in (100, 101, 102, 103))


def claim(world: World, *vips: VirtualAddress, group: str = "G") -> None:
    """As a holder does: bind and announce the same tuple."""
    world.address_work.add(AddAddresses(group, vips, 3))
    world.address_work.announce(SendGratuitous(group, vips))
    world.address_work.announce(SendGratuitous(group, vips, 1))


def release(world: World, *vips: VirtualAddress, group: str = "G") -> None:
    world.address_work.remove(RemoveAddresses(group, vips))


# -- order --


def test_bound_then_announced_then_repeated(world: World) -> None:
    claim(world, A, B)
    assert world.said() == [], "nothing before the loop says so: the advert goes first"
    world.finish()
    announced = ["garp 192.0.2.100", "garp 192.0.2.101"]
    assert world.said() == ["add 192.0.2.100", "add 192.0.2.101", *announced, *announced]


def test_what_is_urgent_goes_before_repeats_and_probes_of_anybody(world: World) -> None:
    world.address_work.announce(SendGratuitous("G", (A,), 1))
    world.address_work.probe(ProbeAddresses("G", (A,)))
    claim(world, B, group="H")
    world.finish()
    urgent, patient = ["add 192.0.2.101", "garp 192.0.2.101"], ["garp 192.0.2.100", "probe 192.0.2.100"]
    assert world.said() == [*urgent, *patient, "garp 192.0.2.101"]


def test_addresses_of_many_instances_are_one_batch(world: World) -> None:
    for number in range(10):
        claim(world, vip(number), group=f"G{number}")
    world.turn()
    assert len(world.batches) < 10
    assert len([line for line in world.said() if line.startswith("add")]) == 10


def test_a_first_announcement_of_other_addresses_is_urgent_too(world: World) -> None:
    world.address_work.add(AddAddresses("G", (A,), 3))
    world.address_work.announce(SendGratuitous("G", (B,)))
    world.address_work.announce(SendGratuitous("H", (C,), 1))
    world.finish()
    assert world.said() == ["add 192.0.2.100", "garp 192.0.2.101", "garp 192.0.2.102"]


# -- slices --


def slowly(world: World, turns: int) -> None:
    """As many turns of a machine on which each look at the clock takes a millisecond."""
    now = iter(range(0, 10**12, NS_PER_MS))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(module, "now_ns", lambda: next(now))
        world.turn(turns)


def test_a_slice_ends_with_its_millisecond(world: World) -> None:
    claim(world, *(vip(number) for number in range(400)))
    slowly(world, 1)
    assert world.address_work.busy
    assert len(world.batches) == 1
    world.finish()
    assert not world.address_work.busy
    assert sum(world.batches) == 400


def test_what_is_bound_is_announced_once_and_before_all_is_bound(world: World) -> None:
    vips = tuple(vip(number) for number in range(3000))
    world.address_work.add(AddAddresses("G", vips, 3))
    world.address_work.announce(SendGratuitous("G", vips))
    slowly(world, 100_000)
    lines = world.said()
    at = {line: number for number, line in enumerate(lines)}
    assert len(lines) == len(at) == 6000
    assert all(at[f"add {va.address}"] < at[f"garp {va.address}"] for va in vips)
    assert min(at[f"garp {va.address}"] for va in vips) < max(at[f"add {va.address}"] for va in vips)


def test_when_idle_waits_for_what_is_urgent_and_for_nothing_else(world: World) -> None:
    calls: list[str] = []
    release(world, A)
    world.address_work.announce(SendGratuitous("H", (B,), 1))
    world.address_work.when_idle(lambda: calls.append("idle"))
    assert calls == []
    world.finish()
    assert calls == ["idle"]


def test_when_idle_with_nothing_to_do_calls_back_in_the_loop(world: World) -> None:
    calls: list[str] = []
    world.address_work.when_idle(lambda: calls.append("idle"))
    assert calls == []
    world.finish()
    assert calls == ["idle"]


# -- removal --


def test_a_removal_forgets_what_would_bind_or_announce_it(world: World) -> None:
    claim(world, A, B)
    release(world, A, B)
    world.finish()
    assert world.said() == ["forget G", "del 192.0.2.100", "del 192.0.2.101"]


def test_a_removal_forgets_nothing_else(world: World) -> None:
    """A reload takes one address of a group away while the others are on their way."""
    claim(world, A, B)
    claim(world, C, group="H")
    release(world, A)
    world.finish()
    lines = world.said()
    assert lines[:2] == ["forget G", "del 192.0.2.100"]
    assert {"add 192.0.2.101", "add 192.0.2.102", "garp 192.0.2.101", "garp 192.0.2.102"} <= set(lines)
    assert not {"add 192.0.2.100", "garp 192.0.2.100"} & set(lines)


def test_two_removals_of_one_group_are_both_carried_out(world: World) -> None:
    release(world, A)
    release(world, B)
    world.finish()
    assert {"del 192.0.2.100", "del 192.0.2.101"} <= set(world.said())


def test_a_removal_between_two_slices(world: World) -> None:
    vips = tuple(vip(number) for number in range(400))
    claim(world, *vips)
    slowly(world, 3)
    world.said()
    release(world, *vips)
    world.finish()
    lines = world.said()
    assert sum(line.startswith("del") for line in lines) == 400
    assert not any(line.startswith(("add", "garp")) for line in lines)


def test_a_thousand_groups_that_let_go_at_once_do_not_look_at_each_others_jobs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    leave_out = module.Job.leave_out

    class Watched(collections.deque[module.Job]):
        def __iter__(self) -> Iterator[module.Job]:
            looks.append("at the whole queue")
            return super().__iter__()

        def remove(self, job: module.Job) -> None:
            looks.append("for a place in the queue")
            super().remove(job)

    monkeypatch.setattr(module.Job, "leave_out", lambda job, going: (looks.append(job.group), leave_out(job, going)))
    world.address_work._urgent, world.address_work._repeats = Watched(), Watched()
    for number in range(1000):
        claim(world, vip(number), group=f"G{number}")
    for number in range(1000):
        release(world, vip(number), group=f"G{number}")
    assert collections.Counter(looks) == {f"G{number}": 2 for number in range(1000)}
    world.finish()
    assert not any(line.startswith(("add", "garp")) for line in world.said())
    assert world.address_work._waiting == {}


def test_taken_and_given_and_taken_again_ends_bound(world: World) -> None:
    claim(world, A)
    release(world, A)
    claim(world, A)
    world.finish()
    assert [line for line in world.said() if line.startswith(("add", "del"))] == ["del 192.0.2.100", "add 192.0.2.100"]


def test_nothing_to_remove_is_nothing_to_do(world: World) -> None:
    release(world)
    assert not world.address_work.busy
    world.finish()
    assert world.said() == ["forget G"]


# -- refusals --


def test_what_the_kernel_refuses_is_told_and_not_announced(world: World) -> None:
    world.refuse["192.0.2.101"] = errno.EACCES
    claim(world, A, B, C)
    world.turn()
    assert world.failed == [("G", "192.0.2.101", "Permission denied (13)")]
    assert "garp 192.0.2.101" not in world.said()[:5]


def test_a_missing_interface_is_told_and_other_groups_lose_nothing(world: World) -> None:
    """Who is told gives the group up at once, which changes the queue that is being worked through."""
    lost = address("192.0.2.200", "eth9")
    world.when_failed = lambda group: release(world, lost, group=group)
    claim(world, lost, group="L")
    claim(world, A)
    claim(world, B, group="H")
    world.finish()
    assert world.failed == [("L", "192.0.2.200", "there is no interface eth9")]
    assert {"add 192.0.2.100", "add 192.0.2.101", "garp 192.0.2.100", "garp 192.0.2.101"} <= set(world.said())


def test_a_refusal_that_releases_the_group_leaves_nothing_of_it_queued(world: World) -> None:
    vips = tuple(vip(number) for number in range(400))
    world.refuse[vips[3].address] = errno.ENOBUFS

    def give_up(group: str) -> None:
        world.refuse.clear()
        release(world, *vips, group=group)

    world.when_failed = give_up
    claim(world, *vips)
    world.finish()
    lines = world.said()
    assert sum(line.startswith("add") for line in lines) == world.batches[0] < 400
    assert sum(line.startswith("del") for line in lines) == 400


@pytest.mark.parametrize(("code", "told"), [(errno.EADDRNOTAVAIL, False), (errno.ENODEV, False), (errno.EPERM, True)])
def test_what_is_gone_already_is_no_failed_removal(world: World, code: int, told: bool) -> None:
    world.refuse["192.0.2.100"] = code
    release(world, A)
    world.finish()
    assert bool(world.failed) is told
    assert world.absent == ([] if told else [("G", "192.0.2.100")])


def test_to_remove_from_a_missing_interface_is_done(world: World) -> None:
    release(world, address("192.0.2.200", "eth9"))
    world.finish()
    assert (world.failed, world.batches, world.address_work.busy) == ([], [], False)
    assert world.absent == [("G", "192.0.2.200")]


# -- renewals --


def test_renewals_go_to_the_renewer_without_what_has_no_interface(world: World) -> None:
    world.address_work.add(AddAddresses("G", (A, B, address("192.0.2.200", "eth9")), 3, renewal=True))
    assert world.said() == ["renew G 2"]
    assert not world.address_work.busy


# -- frames --


@pytest.mark.parametrize(
    "fields",
    [{"running": False}, {"flags": 0x08}, {"flags": 0x80}, {"mac": b""}],
    ids=["no carrier", "loopback", "no ARP", "no MAC"],
)
def test_nobody_hears_an_announcement_there(world: World, fields: dict[str, object]) -> None:
    world.links.update_link(link(2, "eth0", **fields))
    claim(world, A)
    world.address_work.probe(ProbeAddresses("G", (A,)))
    world.finish()
    assert world.said() == ["add 192.0.2.100"]


def test_an_interface_that_was_made_again_gets_another_socket_and_none_is_left(world: World) -> None:
    for index in range(2, 50):
        world.links.update_link(link(index, "eth0"))
        claim(world, A)
        world.finish()
    assert world.open == ["eth0"]


@pytest.mark.parametrize(
    ("code", "left"), [(errno.ENETDOWN, []), (errno.ENXIO, []), (errno.ENOBUFS, ["eth0"]), (errno.EAGAIN, ["eth0"])]
)
def test_a_frame_that_cannot_be_sent_hurts_nobody(world: World, code: int, left: list[str]) -> None:
    world.send_error = OSError(code, "no")
    claim(world, A, B)
    world.finish()
    assert world.open == left
    assert world.failed == []
    world.send_error = None
    world.said()
    claim(world, A)
    world.finish()
    assert "garp 192.0.2.100" in world.said()


def test_ipv6_announcements_come_from_the_link_local_address(world: World) -> None:
    six = address("2001:db8::100")
    world.address_work.announce(SendGratuitous("G", (six,)))
    world.finish()
    world.links.update_address(linked(2, "fe80::1", 64, scope=253))
    world.address_work.announce(SendGratuitous("G", (six,)))
    world.address_work.probe(ProbeAddresses("G", (six,)))
    world.finish()
    assert world.said() == ["na 2001:db8::100 from 2001:db8::100", "na 2001:db8::100 from fe80::1"]


# -- prepared --


def test_requests_are_built_ahead_in_slices_and_touch_nothing(world: World) -> None:
    before = module._request.cache_info().currsize
    vips = tuple(vip(1000 + number) for number in range(SLICE_ADDRESSES + 1))
    world.address_work.prepare(VipGroup(name="G", addresses=vips, lifetime_s=7))
    world.address_work.prepare(VipGroup(name="H", addresses=(address("192.0.2.200", "eth9"),), lifetime_s=7))
    assert len(world.work) == 1
    world.turn()
    assert len(world.work) == 1
    world.finish()
    assert module._request.cache_info().currsize == before + SLICE_ADDRESSES + 1
    assert world.said() == []

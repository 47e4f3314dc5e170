"""The engine on a kernel: what it binds, announces, notices and gives back."""

from __future__ import annotations

import collections
import os
import pathlib
import socket

import msgspec
import pytest

from alived.adapters.netlink import Requests
from alived.base import NS_PER_MS
from alived.config.model import Config, Instance
from alived.daemon.shared.messages import KernelSettings, Transition
from alived.health.trackers_config import LinkDelay
from alived.vip.config import VanishPolicy
from alived.vrrp.config import AuthType, State, TrackedInterface, UnicastPeer, Vmac, VrrpSyncGroup
from alived.vrrp.packet import Advertisement, encode
from alived.wire.inet import ipv4_header, pack_address
from alived.wire.neighbour import gratuitous_arp
from alived.wire.rtnetlink import RTM_GETADDR, RTM_GETLINK, Address, Link
from tests.daemon.engine.engine_play import INTERVAL_CS, Play, address, config, instance, playing
from tests.segment import (
    OTHER_ADDRESS,
    OTHER_MAC,
    OWN_ADDRESS,
    Segment,
    addresses_of,
    drain,
    heard_until,
    ip,
    open_files,
)

pytestmark = pytest.mark.lab

VIP, OTHER_VIP, THIRD_VIP = "192.0.2.100", "192.0.2.101", "192.0.2.102"
A, B, C = instance("A", 51, VIP), instance("B", 52, OTHER_VIP), instance("C", 53, THIRD_VIP)


def change(known: Instance, **fields: object) -> Instance:
    return msgspec.structs.replace(known, vrrp=msgspec.structs.replace(known.vrrp, **fields))


def advert(priority: int, vrid: int = 51, vips: tuple[str, ...] = (VIP,)) -> bytes:
    """A packet of the neighbour to the group."""
    said = Advertisement(version=3, virtual_router_id=vrid, priority=priority, interval_cs=INTERVAL_CS, addresses=vips)
    message = encode(said, source=OTHER_ADDRESS, destination="224.0.0.18")
    return ipv4_header(OTHER_ADDRESS, "224.0.0.18", len(message), 112) + message


class Speaker:
    """The neighbour's voice in the election."""

    def __init__(self, segment: Segment) -> None:
        self._sock = segment.other_raw()
        self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(OTHER_ADDRESS))

    def say(self, priority: int, vrid: int = 51) -> None:
        self._sock.sendto(advert(priority, vrid), ("224.0.0.18", 0))


def adverts_in(frames: list[bytes]) -> list[tuple[int, int]]:
    """(VRID, priority) of the IPv4 adverts in these frames."""
    return [(frame[35], frame[36]) for frame in frames if frame[12:14] == b"\x08\x00" and frame[23] == 112]


def claims_in(frames: list[bytes]) -> list[str]:
    """Addresses of the gratuitous ARPs in these frames."""
    return [
        socket.inet_ntoa(frame[28:32])
        for frame in frames
        if frame[12:14] == b"\x08\x06" and frame[28:32] == frame[38:42]
    ]


# -- start, takeover, stop --


def test_an_owner_says_it_binds_it_and_announces_it_in_this_order(segment: Segment) -> None:
    heard = segment.other_frames()
    with playing(A) as play:
        play.until_bound(f"{VIP}/32")
        frames: list[bytes] = []
        play.until(lambda: bool(frames.extend(drain(heard)) or claims_in(frames)), "a gratuitous ARP")
        kinds = [frame[12:14] for frame in frames if adverts_in([frame]) or claims_in([frame])]
        assert adverts_in(frames)[0] == (51, 255)
        assert kinds[0] == b"\x08\x00"
        assert set(claims_in(frames)) == {VIP}


def test_the_snapshot_says_what_is(segment: Segment) -> None:
    with playing(A, change(B, priority=100, startup_delay_ns=10**12)) as play:
        play.until_bound(f"{VIP}/32")
        play.until(lambda: bool(play.snapshot().vips[0].present), "the kernel has confirmed it")
        shown = play.snapshot()
        assert [(one.name, one.state) for one in shown.instances] == [("A", State.MASTER), ("B", State.BACKUP)]
        assert shown.instances[0].primary_address == OWN_ADDRESS
        assert shown.vips[0].present == (f"{VIP}/32 dev eth0",)
        assert shown.vips[1].wanted == ()
        assert shown.scheduling == "normal (vrrp_rt_priority 0)"


def test_silence_makes_a_master_of_a_backup(segment: Segment) -> None:
    speaker = Speaker(segment)
    with playing(change(A, priority=100)) as play:
        speaker.say(200)
        play.until(lambda: play.show("A").master == OTHER_ADDRESS, "the neighbour is the master")
        assert f"{VIP}/32" not in addresses_of("eth0")
        play.until_state("A", State.MASTER)
        play.until_bound(f"{VIP}/32")
        move = play.of(Transition)[-1]
        assert (move.old, move.new, move.priority) == (State.BACKUP, State.MASTER, 100)
        assert OTHER_ADDRESS in move.reason + " ".join(move.evidence)


def test_a_better_router_gets_it_and_priority_0_gives_it_back(segment: Segment) -> None:
    speaker = Speaker(segment)
    with playing(change(A, priority=100)) as play:
        play.until_bound(f"{VIP}/32")
        speaker.say(200)
        play.until_gone(f"{VIP}/32")
        assert play.state("A") is State.BACKUP
        speaker.say(0)
        play.until_bound(f"{VIP}/32")


def test_stop_says_priority_0_and_leaves_nothing(segment: Segment) -> None:
    before = addresses_of("eth0")
    heard = segment.other_frames()
    with playing(A, B) as play:
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        drain(heard)
        play.stop()
        assert addresses_of("eth0") == before
        heard_until(heard, lambda frames: {(51, 0), (52, 0)} <= set(adverts_in(frames)))
        assert [move.stopping for move in play.of(Transition)][-2:] == [True, True]


def test_every_master_and_nobody_else_says_priority_0_once_and_before_anything_else(segment: Segment) -> None:
    speaker, heard = Speaker(segment), segment.other_frames()
    members = [change(B, sync_group="G", priority=100), change(C, sync_group="G", priority=100)]
    backup = change(A, priority=100)
    with playing(backup, *members, groups=[VrrpSyncGroup(name="G", members=("B", "C"))]) as play:
        speaker.say(200, vrid=51)
        play.until_bound(f"{OTHER_VIP}/32", f"{THIRD_VIP}/32")
        speaker.say(200, vrid=51)
        play.until(lambda: play.state("A") is State.BACKUP, "the neighbour is the master of A")
        drain(heard)
        play.stop()
        frames = heard_until(heard, lambda frames: (53, 0) in adverts_in(frames))
        assert [said for said in adverts_in(frames) if said[1] == 0] == [(52, 0), (53, 0)]
        assert play.moves("B")[-1] == play.moves("C")[-1] == (State.MASTER, State.INIT)


def test_a_claim_of_somebody_else_is_answered(segment: Segment) -> None:
    with playing(A) as play:
        play.until_bound(f"{VIP}/32")
        segment.other_frames().send(gratuitous_arp(OTHER_MAC, pack_address(VIP)))
        play.until(lambda: bool(play.notices("address-conflict")), "the conflict is noticed")
        assert OTHER_MAC.hex(":") in play.notices("address-conflict")[0]


# -- reload --


def test_nothing_changed_is_nothing_done(segment: Segment) -> None:
    with playing(A) as play:
        play.until_bound(f"{VIP}/32")
        assert play.reload(config(A)) == ()
        assert play.moves("A") == [(State.INIT, State.MASTER)]


def test_another_priority_in_place_keeps_the_master(segment: Segment) -> None:
    heard = segment.other_frames()
    with playing(change(A, priority=200)) as play:
        announced: list[bytes] = []
        play.until(lambda: bool(announced.extend(drain(heard)) or len(claims_in(announced)) == 5), "the whole burst")
        changes = play.reload(config(change(A, priority=150)))
        assert changes == ("instance A: priority 200 -> 150",)
        frames: list[bytes] = []
        play.until(lambda: bool(frames.extend(drain(heard)) or (51, 150) in adverts_in(frames)), "the new priority")
        assert play.moves("A") == [(State.INIT, State.BACKUP), (State.BACKUP, State.MASTER)]
        assert (51, 0) not in adverts_in(frames)
        assert not claims_in(frames)


def test_a_removed_instance_says_goodbye_and_its_address_goes(segment: Segment) -> None:
    heard = segment.other_frames()
    with playing(A, B) as play:
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        drain(heard)
        assert play.reload(config(B)) == ("instance A removed",)
        play.until_gone(f"{VIP}/32")
        heard_until(heard, lambda frames: (51, 0) in adverts_in(frames))
        assert f"{OTHER_VIP}/32" in addresses_of("eth0")
        assert [move.deleted for move in play.of(Transition) if move.name == "A"] == [False, True]


def test_another_virtual_router_id_starts_the_instance_anew(segment: Segment) -> None:
    with playing(A) as play:
        play.until_bound(f"{VIP}/32")
        changes = play.reload(config(change(A, virtual_router_id=61)))
        assert changes == ("instance A started anew: virtual_router_id 51 -> 61",)
        assert [new for _, new in play.moves("A")] == [State.MASTER, State.INIT, State.MASTER]
        assert not any(move.deleted for move in play.of(Transition))
        play.turn_for(0.1)
        play.until_bound(f"{VIP}/32")


@pytest.mark.parametrize("names", ["AB", "BA"], ids=["giver first", "taker first"])
@pytest.mark.parametrize("policy", list(VanishPolicy))
def test_an_address_moves_to_another_instance_in_one_reload_and_is_never_away(
    segment: Segment, names: str, policy: VanishPolicy
) -> None:
    before = {"A": instance("A", 51, VIP, THIRD_VIP, vanish=policy), "B": instance("B", 52, OTHER_VIP, vanish=policy)}
    after = {"A": instance("A", 51, VIP, vanish=policy), "B": instance("B", 52, OTHER_VIP, THIRD_VIP, vanish=policy)}
    with playing(*(before[name] for name in names)) as play:
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32", f"{THIRD_VIP}/32")
        play.until(lambda: len(play.snapshot().vips[0].present) + len(play.snapshot().vips[1].present) == 3, "told")
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as monitor:
            monitor.bind((0, 0x10))
            monitor.setblocking(False)
            play.reload(config(*(after[name] for name in names)))
            play.turn_for(2.5)  # longer than the holders wait for answers of the kernel
            kinds = [int.from_bytes(message[4:6], "little") for message in drain(monitor)]
        assert kinds.count(21) == 0, "RTM_DELADDR"
        assert f"{THIRD_VIP}/32" in addresses_of("eth0")
        present = {vips.group: vips.present for vips in play.snapshot().vips}
        assert present["A"] == (f"{VIP}/32 dev eth0",)
        assert set(present["B"]) == {f"{OTHER_VIP}/32 dev eth0", f"{THIRD_VIP}/32 dev eth0"}
        assert play.moves("A") == play.moves("B") == [(State.INIT, State.MASTER)]
        assert not play.notices("address-vanished")
        assert not play.notices("address-surplus")


def test_the_address_of_a_removed_instance_moves_to_one_that_stays(segment: Segment) -> None:
    with playing(A, B) as play:
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        play.reload(config(instance("B", 52, OTHER_VIP, VIP)))
        play.turn_for(0.3)
        assert {f"{VIP}/32", f"{OTHER_VIP}/32"} <= set(addresses_of("eth0"))
        assert not play.notices("address-vanished")


def test_a_weight_that_a_reload_takes_away_no_longer_counts(segment: Segment) -> None:
    weighted = change(A, priority=100, track_interfaces=(TrackedInterface("eth1", weight=20),))
    with playing(weighted) as play:
        assert play.show("A").priority == 120
        play.reload(config(change(A, priority=100)))
        assert play.show("A").priority == 100
        assert play.notices("priority-changed") == [
            "priority 100 -> 120: interface eth1 is up (weight +20)",
            "priority 120 -> 100: a reload changed what counts",
        ]


def test_a_link_that_weighs_is_in_the_log_and_a_reload_that_keeps_it_is_not(segment: Segment) -> None:
    links = (TrackedInterface("eth1", weight=-20), TrackedInterface("eth7", weight=-5))
    weighted = change(A, priority=100, track_interfaces=links)
    with playing(weighted) as play:
        segment.plug(False, 1)
        play.until(lambda: play.show("A").priority == 75, "the link is down")
        play.reload(config(change(weighted, nopreempt=True)))
        assert play.show("A").priority == 75
        assert play.notices("priority-changed") == [
            "priority 100 -> 95: interface eth7 is not there (weight -5)",
            "priority 95 -> 75: interface eth1 is down (weight -20)",
        ]
        shown = {link.name: link.usable for link in play.snapshot().links}
        assert shown == {"eth0": True, "eth1": False, "eth7": None}


def test_a_condition_that_becomes_a_weight_ends_the_fault(segment: Segment) -> None:
    ip("link set eth1 down")
    condition = change(A, track_interfaces=(TrackedInterface("eth1"),), priority=100)
    with playing(condition) as play:
        assert play.state("A") is State.FAULT
        play.reload(config(change(A, track_interfaces=(TrackedInterface("eth1", weight=-10),), priority=100)))
        assert play.state("A") is State.BACKUP
        assert play.show("A").priority == 90


def test_what_a_group_tracks_is_taken_over_by_a_reload(segment: Segment) -> None:
    ip("link set eth1 down")
    member = change(A, sync_group="G", priority=100)
    with playing(member, groups=[VrrpSyncGroup(name="G", members=("A",))]) as play:
        tracking = VrrpSyncGroup(name="G", members=("A",), track_interfaces=(TrackedInterface("eth1"),))
        assert play.reload(config(member, groups=[tracking])) == (
            "instance A: what sync group G tracks changed",
            "sync group G: track_interface + eth1",
        )
        assert play.state("A") is State.FAULT
        play.reload(config(member, groups=[VrrpSyncGroup(name="G", members=("A",))]))
        assert play.state("A") is not State.FAULT


def test_a_member_that_is_removed_or_leaves_its_group_does_not_disturb_it(segment: Segment) -> None:
    a, b = change(A, sync_group="G", priority=254), change(B, sync_group="G", priority=254)
    with playing(a, b, groups=[VrrpSyncGroup(name="G", members=("A", "B"))]) as play:
        play.until_state("A", State.MASTER)
        play.reload(config(b, groups=[VrrpSyncGroup(name="G", members=("B",))]))
        play.until_gone(f"{VIP}/32")
        assert play.state("B") is State.MASTER
        play.reload(config(change(b, sync_group="", virtual_router_id=62)))
        play.until_state("B", State.MASTER)


def test_reloads_leave_no_sockets_and_no_instances_behind(segment: Segment) -> None:
    with playing(A, B) as play:
        play.until_bound(f"{VIP}/32")
        play.turn_for(0.2)
        files = collections.Counter(open_files())
        for _ in range(20):
            play.reload(config(B))
            play.reload(config(A, B))
        play.until_bound(f"{VIP}/32")
        play.until(lambda: collections.Counter(open_files()) == files, f"the files of before: {files}")


# -- the machine --


def test_a_pulled_cable_is_a_fault_until_it_is_back(segment: Segment) -> None:
    with playing(A) as play:
        play.until_bound(f"{VIP}/32")
        segment.plug(False)
        play.until_state("A", State.FAULT)
        play.until_gone(f"{VIP}/32")
        assert play.show("A").faults == (("interface eth0", "interface eth0 is down"),)
        heard = segment.other_frames()
        segment.plug(True)
        play.until_state("A", State.MASTER)
        play.until_bound(f"{VIP}/32")
        frames: list[bytes] = []
        play.until(lambda: bool(frames.extend(drain(heard)) or claims_in(frames)), "it is announced again")


def test_an_interface_that_comes_back_down_is_still_a_fault(segment: Segment) -> None:
    """Its address is there before it is up: that alone is no reason to run."""
    with playing(A) as play:
        play.until_bound(f"{VIP}/32")
        segment.remove_interface()
        play.until_state("A", State.FAULT)
        with segment.other():
            pass
        ip("link add eth0 type veth peer name peer0", f"addr add {OWN_ADDRESS}/24 dev eth0")
        play.turn_for(0.2)
        assert play.state("A") is State.FAULT
        assert [new for _, new in play.moves("A")] == [State.MASTER, State.FAULT], "it did not come back for a moment"
        ip("link set peer0 up", "link set eth0 up")
        play.until_state("A", State.MASTER)
        play.until_bound(f"{VIP}/32")


def test_an_interface_that_is_deleted_and_made_again(segment: Segment) -> None:
    with playing(A) as play:
        play.until_bound(f"{VIP}/32")
        segment.remove_interface()
        play.until_state("A", State.FAULT)
        segment.restore_interface()
        play.until_state("A", State.MASTER)
        play.until_bound(f"{VIP}/32")


def test_an_interface_that_is_renamed_away_and_back(segment: Segment) -> None:
    with playing(A) as play:
        play.until_bound(f"{VIP}/32")
        ip("link set eth0 down", "link set eth0 name away")
        play.until(lambda: any("is not there" in why or "no interface" in why for _, why in play.show("A").faults), "")
        ip("link set away name eth0", "link set eth0 up")
        play.until_state("A", State.MASTER)
        play.until_bound(f"{VIP}/32")


def delayed(*instances: Instance, down_ms: int) -> Config:
    delay = LinkDelay(interface="eth0", down_ns=down_ms * NS_PER_MS)
    return msgspec.structs.replace(config(*instances), link_delays=(delay,))


def test_a_link_that_is_down_for_a_moment_only_is_no_fault(segment: Segment) -> None:
    play = Play(delayed(A, B, down_ms=3_600_000))
    try:
        play.until_state("A", State.MASTER)
        ip("link set eth0 down")
        play.turn_for(0.2)
        ip("link set eth0 up")
        play.turn_for(0.2)
        assert play.moves("A")[-1][1] is State.MASTER
        assert State.FAULT not in {new for _, new in play.moves("A")}
        ip("link set eth0 down")
        play.reload(delayed(A, B, down_ms=20))
        play.until_state("A", State.FAULT)
        play.until_state("B", State.FAULT)
        assert play.show("A").reason == "interface eth0 is down"
        ip("link set eth0 up")
        play.until_state("A", State.MASTER)
    finally:
        play.stop()
        play.loop.close()


def test_interfaces_that_flap_leak_no_sockets(segment: Segment) -> None:
    """Each time the interface has another index; 200 rounds of what is left of a socket would be seen."""
    ip("link add veth7 type veth peer name peer7", "link set peer7 up", "link set veth7 up")
    ip("addr add 198.51.100.1/24 dev veth7")
    with playing(instance("A", 51, "198.51.100.100", interface="veth7"), B) as play:
        play.until_bound("198.51.100.100/32", interface="veth7")
        play.turn_for(0.1)
        files = collections.Counter(open_files())
        for _ in range(100):
            ip(
                "link del veth7",
                "link add veth7 type veth peer name peer7",
                "link set peer7 up",
                "link set veth7 up",
                "addr add 198.51.100.1/24 dev veth7",
            )
            play.until_state("A", State.MASTER)
            ip("link set veth7 down", "link set veth7 up")
            play.turn_for(0.005)
        play.until_bound("198.51.100.100/32", interface="veth7")
        play.until(lambda: collections.Counter(open_files()) == files, f"the files of before: {files}")
        assert play.moves("B") == [(State.INIT, State.MASTER)]


def test_a_source_address_on_another_interface_is_tracked(segment: Segment) -> None:
    ip("addr add 203.0.113.7/32 dev lo")
    tracked = change(A, source_address="203.0.113.7", track_source_address=True)
    heard = segment.other_frames()
    with playing(tracked) as play:
        play.until_bound(f"{VIP}/32")
        drain(heard)
        ip("addr del 203.0.113.7/32 dev lo")
        play.until_state("A", State.FAULT)
        heard_until(heard, lambda frames: (51, 0) in adverts_in(frames))
        ip("addr add 203.0.113.7/32 dev lo")
        play.until_state("A", State.MASTER)


def test_our_adverts_do_not_come_from_the_virtual_address_of_another_instance(segment: Segment) -> None:
    with playing(A, B) as play:
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        ip(f"addr del {OWN_ADDRESS}/24 dev eth0", f"addr add {OWN_ADDRESS}/24 dev eth0")
        play.turn_for(0.2)
        addresses = lambda: {shown.primary_address for shown in play.snapshot().instances}  # noqa: E731
        play.until(lambda: addresses() == {OWN_ADDRESS}, "the own address is back")


def test_an_address_on_a_device_that_comes_up_later_is_announced_then(segment: Segment) -> None:
    ip("link set eth1 down")
    heard = segment.other_frames(interface="eth1")
    with playing(instance("A", 51, VIP, address("192.0.3.100", "eth1"))) as play:
        play.until_bound(f"{VIP}/32")
        ip("link set eth1 up")
        frames: list[bytes] = []
        play.until(lambda: bool(frames.extend(drain(heard)) or "192.0.3.100" in claims_in(frames)), "announced")
        assert "192.0.3.100/32" in addresses_of("eth1")


def test_a_missing_device_of_one_instance_costs_another_nothing(segment: Segment) -> None:
    lost = instance("L", 53, address("192.0.2.103", "eth9"))
    with playing(lost, A, B) as play:
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        play.until_state("L", State.FAULT)
        assert any("there is no interface eth9" in why for _, why in play.show("L").faults)
        assert play.moves("A") == play.moves("B") == [(State.INIT, State.MASTER)]


def test_what_the_monitor_loses_is_found_by_looking(segment: Segment) -> None:
    ip("link add veth7 type veth peer name peer7", "link set peer7 up", "link set veth7 up")
    ip("addr add 198.51.100.1/24 dev veth7")
    with playing(A, instance("C", 53, "198.51.100.100", interface="veth7")) as play:
        play.until_bound(f"{VIP}/32")
        play.until(lambda: bool(play.snapshot().vips[0].present), "the kernel has confirmed it")
        monitor = play.engine._wiring.holders.machine._monitor._socket
        monitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        ip(*[f"addr add 10.9.{n // 200}.{n % 200 + 1}/32 dev lo" for n in range(300)])
        ip(f"addr del {VIP}/32 dev eth0", "link del veth7")
        play.until_bound(f"{VIP}/32")
        play.until_state("C", State.FAULT)
        assert play.notices("address-vanished")


# -- virtual MACs and sync groups --


def sysctl(key: str) -> str:
    return pathlib.Path("/proc/sys/net", key).read_text().strip()


def test_a_virtual_mac_device_comes_and_goes_with_its_settings(segment: Segment) -> None:
    before = sysctl("ipv4/conf/eth0/arp_ignore"), sysctl("ipv4/conf/eth0/arp_filter")
    virtual = change(instance("A", 51, address(VIP, "vrrp.51")), vmac=Vmac(name="vrrp.51"))
    with playing(virtual) as play:
        play.until_bound(f"{VIP}/32", interface="vrrp.51")
        assert pathlib.Path("/sys/class/net").exists()
        assert sysctl("ipv4/conf/eth0/arp_ignore") == "1"
        assert sysctl("ipv4/conf/vrrp.51/accept_local") == "1"
        borrowed = dict(item for said in play.of(KernelSettings) for item in said.settings.items())
        assert borrowed["ipv4/conf/eth0/arp_ignore"] == (before[0], "1")
        play.stop()
        assert (sysctl("ipv4/conf/eth0/arp_ignore"), sysctl("ipv4/conf/eth0/arp_filter")) == before
        assert "vrrp.51" not in [name for _, name in socket.if_nameindex()]
        play.turn_for(0.2)
        assert "vrrp.51" not in [name for _, name in socket.if_nameindex()], "it is not made again"


def test_many_virtual_mac_devices_are_made_without_looking_at_all_links_for_each(
    segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read all links takes a time that grows with what has been made: hundreds of devices would take minutes."""
    dumps: list[int] = []
    dump = Requests.dump

    def counting_dump(self: Requests, message_type: int, family: int = 0) -> list[Link | Address]:
        dumps.append(message_type)
        return dump(self, message_type, family)

    monkeypatch.setattr(Requests, "dump", counting_dump)
    virtual = [
        change(instance(f"I{n}", n, address(f"192.0.2.{100 + n}", f"vrrp.{n}")), vmac=Vmac(name=f"vrrp.{n}"))
        for n in range(1, 9)
    ]
    with playing(*virtual) as play:
        for n in range(1, 9):
            play.until_bound(f"192.0.2.{100 + n}/32", interface=f"vrrp.{n}")
        assert dumps == [RTM_GETLINK, RTM_GETADDR]
        settings = [len(said.settings) for said in play.of(KernelSettings)]
        assert max(settings) == 1, "each change is told, not all changes each time"


def test_a_virtual_mac_device_that_somebody_deletes_is_made_again(segment: Segment) -> None:
    virtual = change(instance("A", 51, address(VIP, "vrrp.51")), vmac=Vmac(name="vrrp.51"))
    with playing(virtual) as play:
        play.until_bound(f"{VIP}/32", interface="vrrp.51")
        ip("link del vrrp.51")
        play.until_bound(f"{VIP}/32", interface="vrrp.51")
        play.until_state("A", State.MASTER)


def test_a_device_of_that_name_that_is_not_ours_is_left_alone(segment: Segment) -> None:
    ip("link add vrrp.51 type veth peer name peer7")
    virtual = change(instance("A", 51, address(VIP, "vrrp.51")), vmac=Vmac(name="vrrp.51"))
    with playing(virtual) as play:
        play.until_state("A", State.FAULT)
        assert "exists already" in dict(play.show("A").faults)["vmac"]
    assert "vrrp.51" in [name for _, name in socket.if_nameindex()]


def test_two_members_move_together(segment: Segment) -> None:
    speaker = Speaker(segment)
    members = [change(A, sync_group="G", priority=100), change(B, sync_group="G", priority=100)]
    with playing(*members, groups=[VrrpSyncGroup(name="G", members=("A", "B"))]) as play:
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        speaker.say(200, vrid=51)
        play.until_gone(f"{VIP}/32", f"{OTHER_VIP}/32")
        assert play.state("A") is play.state("B") is State.BACKUP
        assert play.snapshot().groups[0].state is State.BACKUP
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32")
        assert [new for _, new in play.moves("G")][-2:] == [State.BACKUP, State.MASTER]


def children() -> set[str]:
    """Process ids of this process's children: of earlier tests of the same worker there may still be some."""
    return set(pathlib.Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


def test_the_engine_forks_nothing(segment: Segment) -> None:
    before = children()
    with playing(A) as play:
        play.until_bound(f"{VIP}/32")
        assert children() <= before


def test_everything_of_an_instance_changes_in_one_reload(segment: Segment) -> None:
    """In place what can be: priority, interval, authentication, unicast, group; a virtual router id makes a new one."""
    a = change(A, version=2, advert_interval_cs=100)
    b, c = change(B, version=2, advert_interval_cs=100), change(instance("C", 53, THIRD_VIP), priority=254)
    with playing(a, b, c) as play:
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32", f"{THIRD_VIP}/32")
        sent = play.show("A").adverts_sent
        heard = segment.other_frames()
        new_a = change(
            a,
            priority=200,
            advert_interval_cs=200,
            auth_type=AuthType.PASS,
            auth_pass="secret",
            unicast=True,
            unicast_peers=(UnicastPeer(OTHER_ADDRESS),),
            sync_group="G",
        )
        new_b = change(b, virtual_router_id=62, sync_group="G")
        new_c = change(c, interface="eth1")
        play.reload(config(new_a, new_b, new_c, groups=[VrrpSyncGroup(name="G", members=("A", "B"))]))
        assert play.show("A").adverts_sent >= sent
        assert (play.show("A").base_priority, play.show("A").advert_interval_cs) == (200, 200)
        assert (play.show("B").virtual_router_id, play.show("C").interface) == (62, "eth1")
        play.until(lambda: play.state("A") is play.state("B") is State.MASTER, "the group is MASTER again")
        assert play.moves("A")[:3] == [
            (State.INIT, State.MASTER),
            (State.MASTER, State.BACKUP),
            (State.BACKUP, State.MASTER),
        ]
        frames: list[bytes] = []
        play.until(lambda: bool(frames.extend(drain(heard)) or (51, 200) in adverts_in(frames)), "its new adverts")
        said = next(frame for frame in frames if adverts_in([frame]) == [(51, 200)])
        assert said[30:34] == socket.inet_aton(OTHER_ADDRESS), "to the peer and not to the group"
        assert b"secret\0\0" in said
        play.until_state("C", State.MASTER)
        play.until_bound(f"{VIP}/32", f"{OTHER_VIP}/32", f"{THIRD_VIP}/32")


def test_a_group_that_gets_a_member_does_not_stop_on_the_way(segment: Segment) -> None:
    """Its scripts would hear of a stop that never was."""
    a, b = change(A, sync_group="G", priority=254), change(B, priority=254)
    with playing(a, b, groups=[VrrpSyncGroup(name="G", members=("A",))]) as play:
        play.until(lambda: play.state("A") is play.state("B") is State.MASTER, "both are MASTER")
        play.reload(config(a, change(b, sync_group="G"), groups=[VrrpSyncGroup(name="G", members=("A", "B"))]))
        play.turn_for(0.3)
        assert play.moves("G")[-1] == (State.BACKUP, State.MASTER)
        assert play.moves("A")[-1] == play.moves("B")[-1] == (State.BACKUP, State.MASTER)


def test_scheduling_follows_a_reload(segment: Segment) -> None:
    with playing(A) as play:
        wanted = config(A)
        only = min(os.sched_getaffinity(0))
        pinned = msgspec.structs.replace(wanted.global_defs, cpu_affinity=(only,))
        before = os.sched_getaffinity(0)
        said = play.reload(msgspec.structs.replace(wanted, global_defs=pinned))
        assert said == (f"global_defs: cpu_affinity + {only}",)
        assert os.sched_getaffinity(0) == {only}
        play.reload(wanted)
        assert os.sched_getaffinity(0) == before


def test_addresses_of_those_that_stay_live_as_long_as_the_number_of_all_demands(segment: Segment) -> None:
    many = instance("B", 52, *(f"192.0.2.{number}" for number in range(101, 190)))
    with playing(A, change(many, priority=200, startup_delay_ns=10**12)) as play:
        play.until_bound(f"{VIP}/32")
        assert play.engine._wiring.instances.routers["A"].keeper.holder.config.lifetime_s == 6
        play.reload(config(A))
        play.until(
            lambda: play.engine._wiring.instances.routers["A"].keeper.holder.config.lifetime_s == 3,
            "three seconds will do",
        )
        assert play.moves("A") == [(State.INIT, State.MASTER)]

"""The virtual MAC: who answers ARP with it, what carries it, and that nothing of it is left."""

from __future__ import annotations

import pathlib
import socket
import struct
import time

import pytest

from alived.adapters.netns import inside
from alived.cli.demo_wire import Kind
from alived.wire.inet import ipv4_header
from tests.lab.lab import CLIENT, VIP4, VIP6, VRID, Lab, instance, instance6
from tests.segment import drain

pytestmark = pytest.mark.lab

VMAC4, VMAC6 = f"00:00:5e:00:01:{VRID:02x}", f"00:00:5e:00:02:{VRID:02x}"


def said_macs(lab: Lab, address: str, since_ns: int = 0) -> set[str]:
    """The MACs in answers and announcements of an address."""
    return {
        f.seen.said_mac
        for f in lab.frames
        if f.seen.kind in (Kind.ANSWER, Kind.ANNOUNCEMENT) and f.seen.address == address and f.seen.time_ns >= since_ns
    }


@pytest.mark.parametrize("kinds", [("alived", "keepalived"), ("keepalived", "alived")], ids="-".join)
def test_the_mac_of_the_address_stays_the_same_through_a_fail_over(lab: Lab, kinds: tuple[str, str]) -> None:
    """RFC 9568 section 7.3 and 8.1.2: neighbours know one MAC for the address, whoever is master."""
    for node, kind, priority in zip(lab.nodes, kinds, (150, 100)):
        lab.start(node, instance(priority, "use_vmac"), kind=kind)
    lab.until_owner("n1")
    assert {advert.mac for advert in lab.adverts("n1")} == {VMAC4}
    lab.daemons["n1"].terminate()
    stopped_ns = time.time_ns()
    lab.daemons["n1"].wait()
    lab.until_owner("n2")
    assert said_macs(lab, VIP4) == {VMAC4}
    assert {advert.mac for advert in lab.adverts("n2", since_ns=stopped_ns)} == {VMAC4}


def test_ipv6_has_its_own_virtual_mac(lab: Lab) -> None:
    lab.start("n1", instance6(150, "use_vmac"))
    lab.until_owner("n1", VIP6)
    assert said_macs(lab, VIP6) == {VMAC6}
    assert {advert.mac for advert in lab.adverts("n1")} == {VMAC6}


def test_vmac_xmit_base_sends_adverts_with_the_mac_of_the_interface(lab: Lab) -> None:
    lab.start("n1", instance(150, "use_vmac", "vmac_xmit_base"))
    lab.until_owner("n1")
    assert said_macs(lab, VIP4) == {VMAC4}
    assert {advert.mac for advert in lab.adverts("n1")} == {"02:00:00:00:01:00"}


def test_a_backup_answers_nothing_though_it_has_the_macvlan(lab: Lab) -> None:
    lab.start("n1", instance(150, "use_vmac vrrp.a"))
    lab.start("n2", instance(100, "use_vmac vrrp.b"))
    lab.until_owner("n1", seconds=1.0)
    assert "vrrp.b" in lab.ip("n2", "link", "show")
    assert not lab.has_address("n2", VIP4)


def test_a_removed_macvlan_is_made_again(lab: Lab) -> None:
    lab.start("n1", instance(150, "use_vmac vrrp.a"))
    lab.until_owner("n1")
    lab.ip("n1", "link", "delete", "vrrp.a")
    lab.until(lambda: "vrrp.a" in lab.ip("n1", "link", "show"), "the macvlan is back")
    lab.until_owner("n1")
    assert said_macs(lab, VIP4) == {VMAC4}


def test_after_kill_9_the_macvlan_is_taken_over_by_the_next_start(lab: Lab) -> None:
    lab.start("n1", instance(150, "use_vmac vrrp.a"))
    lab.until_owner("n1")
    lab.kill("n1")
    lab.daemons["n1"].start()
    lab.hear(0.5)
    lab.until_owner("n1")
    assert said_macs(lab, VIP4) == {VMAC4}


# -- what a router does besides (RFC 9568 section 8.1) --

BEHIND = "203.0.113.0/24"
"""A network that the virtual router reaches through another router of the segment."""


class Host:
    """A neighbour with a packet socket: it sends what a host would, and hears the answers."""

    def __init__(self, lab: Lab) -> None:
        with inside(lab.network.namespace(CLIENT)):
            self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self._sock.bind(("eth0", 0))
            self._mac = bytes.fromhex(pathlib.Path("/sys/class/net/eth0/address").read_text().strip().replace(":", ""))
        self._address = socket.inet_aton("192.0.2.200")

    def send_to(self, mac: str, destination: str) -> None:
        """A UDP packet by way of that router."""
        udp = struct.pack("!4H", 1234, 9, 8, 0)
        packet = ipv4_header("192.0.2.200", destination, len(udp), 17) + udp
        self._sock.send(bytes.fromhex(mac.replace(":", "")) + self._mac + b"\x08\x00" + packet)

    def who_has(self, address: str) -> None:
        asked = struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + self._mac + self._address + bytes(6)
        self._sock.send(b"\xff" * 6 + self._mac + b"\x08\x06" + asked + socket.inet_aton(address))

    def hear(self, lab: Lab, seconds: float) -> list[bytes]:
        lab.hear(seconds)
        self._sock.setblocking(False)
        return drain(self._sock)

    def answers(self, lab: Lab, address: str) -> set[str]:
        """MACs that answer for an address; a proxy waits up to 0.8 s (net.ipv4.neigh.*.proxy_delay)."""
        self.who_has(address)
        frames = self.hear(lab, 1.5)
        arp = [f for f in frames if f[12:14] == b"\x08\x06" and f[21] == 2 and f[28:32] == socket.inet_aton(address)]
        return {frame[22:28].hex(":") for frame in arp}


def redirects(frames: list[bytes]) -> list[str]:
    """The sources of ICMP redirects."""
    return [socket.inet_ntoa(f[26:30]) for f in frames if f[12:14] == b"\x08\x00" and f[23] == 1 and f[34] == 5]


def test_a5_nothing_is_announced_before_address_and_virtual_mac_are_there(lab: Lab) -> None:
    """A5"""
    lab.ip("n1", "link", "add", "vrrp.a", "type", "veth", "peer", "name", "in-the-way")
    daemon = lab.start("n1", instance(255, "use_vmac vrrp.a"))
    lab.until(lambda: "exists already" in daemon.log, "the device cannot be made")
    lab.hear(1.0)
    assert not said_macs(lab, VIP4) and not lab.adverts("n1")
    lab.ip("n1", "link", "delete", "vrrp.a")
    lab.until_owner("n1")
    assert said_macs(lab, VIP4) == {VMAC4}


@pytest.mark.parametrize(
    ("options", "mac", "sources"), [(["use_vmac"], VMAC4, set()), ([], "02:00:00:00:01:00", {"192.0.2.1"})]
)
def test_a6_redirects(lab: Lab, options: list[str], mac: str, sources: set[str]) -> None:
    """A6, RFC 9568 section 8.1.1: a redirect would have to come from the virtual address. A router with a virtual MAC
    sends none and forwards the packet; without one it is the kernel's usual redirect, as with keepalived."""
    lab.start("n1", instance(150, *options))
    lab.until_owner("n1")
    lab.run("n1", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    lab.ip("n1", "route", "add", BEHIND, "via", "192.0.2.2")
    host = Host(lab)
    with inside(lab.network.namespace("n2")):
        next_hop = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
        next_hop.bind(("eth0", 0x800))
        next_hop.setblocking(False)
    host.send_to(mac, "203.0.113.9")
    assert set(redirects(host.hear(lab, 0.5))) == sources
    assert socket.inet_aton("203.0.113.9") in {frame[30:34] for frame in drain(next_hop)}


def test_a6_proxy_arp_is_the_masters_and_has_the_virtual_mac(lab: Lab) -> None:
    """A6, RFC 9568 section 8.1.3."""
    before = {}
    for node in lab.nodes:
        lab.run(node, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.eth0.proxy_arp=1")
        lab.ip(node, "link", "add", "lan", "type", "veth", "peer", "name", "lan-end")
        lab.ip(node, "link", "set", "lan", "up")
        lab.ip(node, "route", "add", BEHIND, "dev", "lan")
        before[node] = lab.sysctls(node)
    host = Host(lab)
    lab.start("n1", instance(150, "use_vmac vrrp.a"))
    lab.start("n2", instance(100, "use_vmac vrrp.b"))
    lab.until_owner("n1")
    assert host.answers(lab, "203.0.113.9") == {VMAC4}
    assert host.answers(lab, "192.0.2.77") == set()  # nobody has it, and it would be on this segment
    lab.daemons["n1"].terminate()
    lab.daemons["n1"].wait()
    lab.until_owner("n2")
    assert lab.sysctls("n1") == before["n1"]
    lab.run("n1", "sysctl", "-qw", "net.ipv4.conf.eth0.proxy_arp=0")
    assert host.answers(lab, "203.0.113.9") == {VMAC4}

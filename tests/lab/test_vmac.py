"""The virtual MAC: who answers ARP with it, what carries it, and that nothing of it is left."""

from __future__ import annotations

import time

import pytest

from alived.cli.demo_wire import Kind
from tests.lab.lab import VIP4, VIP6, VRID, Lab, instance, instance6

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

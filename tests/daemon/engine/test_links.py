"""The picture of the machine: links and addresses as the kernel tells of them."""

from __future__ import annotations

import msgspec
import pytest

from alived.base import Family
from alived.daemon.engine.links import IFA_F_DADFAILED, IFA_F_TENTATIVE, Links
from alived.vip.kernel import IFA_PROTO_ALIVED
from alived.wire.inet import pack_address
from alived.wire.rtnetlink import Address, Link

MAC, OTHER_MAC = bytes((2, 0, 0, 0, 0, 1)), bytes((2, 0, 0, 0, 0, 2))


def link(index: int, name: str, *, up: bool = True, running: bool = True, mac: bytes = MAC) -> Link:
    return Link(index=index, name=name, flags=0, up=up, running=running, mac=mac, parent_index=0, kind="", mtu=1500)


def address(index: int, text: str, length: int = 24, *, scope: int = 0, flags: int = 0, proto: int = 0) -> Address:
    packed = pack_address(text)
    family = Family.IPV4 if len(packed) == 4 else Family.IPV6
    return Address(index, family, packed, packed, length, flags, scope, "", proto, 0xFFFFFFFF)


def gone(address: Address) -> Address:
    return msgspec.structs.replace(address, deleted=True)


@pytest.fixture
def links() -> Links:
    links = Links()
    links.update_link(link(1, "lo", mac=bytes(6)))
    links.update_link(link(2, "eth0"))
    return links


def test_trouble_is_a_sentence_and_usable_its_short_form(links: Links) -> None:
    links.update_link(link(3, "eth1", up=False, running=False))
    links.update_link(link(4, "eth2", running=False))
    assert [links.trouble(name) for name in ("eth0", "eth1", "eth2", "eth9")] == [
        "",
        "eth1 is down",
        "eth2 has no carrier (cable, switch port or peer)",
        "there is no interface eth9",
    ]
    assert [links.usable(name) for name in ("eth0", "eth1", "eth2", "eth9")] == [True, False, False, None]


def test_a_rename_touches_two_names(links: Links) -> None:
    links.update_address(address(2, "192.0.2.1"))
    assert links.update_link(link(2, "wan")) == {"eth0", "wan"}
    assert links.get("eth0") is None
    assert links.name(2) == "wan"
    assert links.address("wan", "192.0.2.1", 24)


def test_names_that_are_swapped_end_where_they_should(links: Links) -> None:
    links.update_link(link(3, "eth1"))
    for index, name in ((2, "temporary"), (3, "eth0"), (2, "eth1")):
        links.update_link(link(index, name))
    assert [links.name(index) for index in (2, 3)] == ["eth1", "eth0"]
    assert [found.index for name in ("eth0", "eth1") if (found := links.get(name))] == [3, 2]


def test_a_link_that_goes_takes_its_addresses_along(links: Links) -> None:
    links.update_address(address(2, "192.0.2.1"))
    assert links.update_link(msgspec.structs.replace(link(2, "eth0"), deleted=True)) == {"eth0"}
    assert links.name(2) == ""
    links.update_link(link(2, "eth0"))
    assert not links.addresses("eth0")


def test_the_late_end_of_an_old_link_does_not_hurt_its_successor(links: Links) -> None:
    links.update_link(link(7, "eth0"))
    links.update_link(msgspec.structs.replace(link(2, "eth0"), deleted=True))
    assert links.get("eth0") == link(7, "eth0")


def test_an_address_may_be_told_before_its_link(links: Links) -> None:
    links.update_address(address(9, "192.0.2.9"))
    assert not links.addresses("eth9")
    links.update_link(link(9, "eth9"))
    assert [one.index for one in links.addresses("eth9")] == [9]


def test_the_same_address_with_another_prefix_length_is_another_one(links: Links) -> None:
    links.update_address(address(2, "192.0.2.1", 24))
    links.update_address(address(2, "192.0.2.1", 32))
    links.update_address(gone(address(2, "192.0.2.1", 32)))
    links.update_address(gone(address(2, "192.0.2.77", 32)))
    assert links.address("eth0", "192.0.2.1", 24)
    assert links.address("eth0", "192.0.2.1", 32) is None
    assert links.address("eth9", "192.0.2.1", 24) is None


def test_an_address_counts_only_when_it_can_be_used(links: Links) -> None:
    for flags in (IFA_F_TENTATIVE, IFA_F_DADFAILED):
        links.update_address(address(2, "2001:db8::1", 64, flags=flags))
        assert not links.has_address("2001:db8::1")
    links.update_address(address(2, "2001:db8::1", 64))
    assert links.has_address("2001:db8::1")
    assert not links.has_address("2001:db8::2")


def test_own_macs_follow_the_links(links: Links) -> None:
    assert links.is_own_mac(MAC)
    assert not links.is_own_mac(OTHER_MAC)
    links.update_link(link(2, "eth0", mac=OTHER_MAC))
    assert links.is_own_mac(OTHER_MAC)
    assert not links.is_own_mac(MAC)
    links.clear()
    assert not links.is_own_mac(OTHER_MAC)
    assert links.all() == ([], [])


# -- the source of adverts --


def primary(links: Links, family: Family = Family.IPV4, *virtual: str) -> str:
    return links.primary_address("eth0", family, virtual)


def test_the_first_address_that_is_not_virtual(links: Links) -> None:
    assert primary(links) == ""
    links.update_address(address(2, "192.0.2.100", 32))
    links.update_address(address(2, "192.0.2.1"))
    links.update_address(address(2, "192.0.2.2"))
    links.update_address(address(2, "2001:db8::1", 64))
    assert primary(links, Family.IPV4, "192.0.2.100") == "192.0.2.1"


def test_an_owner_with_no_other_address_uses_the_virtual_one(links: Links) -> None:
    links.update_address(address(2, "192.0.2.100", 32))
    assert primary(links, Family.IPV4, "192.0.2.100") == "192.0.2.100"


def test_what_another_instance_has_bound_is_no_source(links: Links) -> None:
    links.update_address(address(2, "192.0.2.101", 32, proto=IFA_PROTO_ALIVED))
    assert primary(links, Family.IPV4, "192.0.2.100") == ""
    links.update_address(address(2, "192.0.2.1"))
    assert primary(links, Family.IPV4, "192.0.2.100") == "192.0.2.1"


def test_ipv6_takes_a_usable_link_local_one(links: Links) -> None:
    links.update_address(address(2, "2001:db8::1", 64))
    links.update_address(address(2, "fe80::1", 64, scope=253, flags=IFA_F_TENTATIVE))
    assert primary(links, Family.IPV6) == ""
    links.update_address(address(2, "fe80::2", 64, scope=253))
    assert primary(links, Family.IPV6) == "fe80::2"
    assert primary(links, Family.IPV6, "fe80::2") == "fe80::2"

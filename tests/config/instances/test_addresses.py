"""Entries of virtual_ipaddress: options, families, room in an advert."""

from __future__ import annotations

from typing import Any

import pytest

from alived.base import Family
from alived.vip.config import VirtualAddress
from tests.config.helpers import good, instance_text, one, refused, warned


def vip(entry: str) -> VirtualAddress:
    (found,) = one(good(instance_text(vip=entry))).vips.addresses
    return found


@pytest.mark.parametrize(
    ("entry", "fields"),
    [
        ("192.0.2.10", {"address": "192.0.2.10", "prefix_length": 32, "family": Family.IPV4}),
        ("192.0.2.10/24", {"prefix_length": 24}),
        ("fe80:0::0A", {"address": "fe80::a", "prefix_length": 128, "family": Family.IPV6}),
        ("192.0.2.10 dev eth1", {"interface": "eth1"}),
        ("192.0.2.10 label eth0:1", {"label": "eth0:1"}),
        ("192.0.2.10 scope link", {"scope": "link"}),
        ("192.0.2.10 scope 42", {"scope": "42"}),
        ("192.0.2.10/24 brd +", {"broadcast": "+"}),
        ("192.0.2.10/24 broadcast 192.0.2.255", {"broadcast": "192.0.2.255"}),
        ("192.0.2.10 peer 192.0.2.20", {"peer": "192.0.2.20"}),
        ("192.0.2.10 peer 192.0.2.20/24", {"peer": "192.0.2.20/24"}),
        ("fe80::1 home -nodad mngtmpaddr", {"home": True, "nodad": False, "mngtmpaddr": True}),
        ("192.0.2.10 noprefixroute autojoin no_track", {"noprefixroute": True, "autojoin": True, "no_track": True}),
        ("fe80::1 preferred_lft 0", {"preferred_lft": 0}),
    ],
)
def test_options(entry: str, fields: dict[str, Any]) -> None:
    found = vip(entry)
    assert {name: getattr(found, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("192.0.2.256", "invalid-address"),
        ("192.0.2", "invalid-address"),
        ("192.0.2.010", "invalid-address"),
        ("server", "invalid-address"),
        ("fe80::1%eth0", "invalid-address"),
        ("192.0.2.10/33", "out-of-range"),
        ("192.0.2.10/255.255.255.0", "invalid-value"),
        ("192.0.2.10/", "invalid-value"),
        ("192.0.2.10 dev", "missing-argument"),
        ("192.0.2.10 dev a/b", "invalid-interface"),
        ("192.0.2.10 label averyverylonglabel", "invalid-value"),
        ("192.0.2.10 scope near", "invalid-value"),
        ("192.0.2.10 scope 256", "invalid-value"),
        ("192.0.2.10 brd x", "invalid-value"),
        ("fe80::1 brd +", "not-for-ipv6"),
        ("192.0.2.10 peer fe80::1", "family-mismatch"),
        ("192.0.2.10 peer x", "invalid-address"),
        ("192.0.2.10 preferred_lft -1", "out-of-range"),
        ("192.0.2.10 preferred_lft x", "invalid-value"),
        ("192.0.2.10 {\n}", "unexpected-block"),
        ("224.0.0.1", "unusable-address"),
        ("127.0.0.1", "unusable-address"),
        ("0.0.0.0", "unusable-address"),
        ("::", "unusable-address"),
        ("ff02::1", "unusable-address"),
    ],
)
def test_entries_that_cannot_be(entry: str, code: str) -> None:
    refused(instance_text(vip=entry), code)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("fe80::1 scope link", "not-for-ipv6"),
        ("fe80::1 label a", "not-for-ipv6"),
        ("192.0.2.10 notrack", "unknown-option"),
        ("192.0.2.10 192.0.2.11", "unknown-option"),
        ("192.0.2.10 use_vmac", "not-supported-yet"),
        ("192.0.2.10 brd +", "broadcast-skipped"),
        ("192.0.2.10/24 peer 192.0.2.20 brd 192.0.2.255", "broadcast-skipped"),
    ],
)
def test_options_that_have_no_effect(entry: str, code: str) -> None:
    warned(instance_text(vip=entry), code)


def test_blocks_of_the_same_keyword_add_up() -> None:
    instance = one(good(instance_text("virtual_ipaddress {\n192.0.2.1\n}")))
    assert instance.vrrp.addresses == ("192.0.2.1", "192.0.2.10")


def test_addresses_of_the_other_family_are_held_but_not_advertised() -> None:
    instance = one(warned(instance_text(vip="192.0.2.10\n2001:db8::1"), "other-family"))
    assert instance.vrrp.addresses == ("192.0.2.10",)
    assert [vip.address for vip in instance.vips.addresses] == ["192.0.2.10", "2001:db8::1"]


def test_excluded_addresses_are_held_after_the_advertised_ones() -> None:
    body = "virtual_ipaddress_excluded {\n2001:db8::1\n192.0.2.11\n}"
    instance = one(good(instance_text(body)))
    assert instance.vrrp.addresses == ("192.0.2.10",)
    assert [vip.address for vip in instance.vips.addresses] == ["192.0.2.10", "2001:db8::1", "192.0.2.11"]


def test_the_first_statement_with_a_family_decides() -> None:
    assert one(good(instance_text("native_ipv6", vip="fe80::1"))).vrrp.family is Family.IPV6
    assert one(good(instance_text("mcast_src_ip fe80::2", vip="fe80::1"))).vrrp.family is Family.IPV6
    assert one(good(instance_text("unicast_peer {\nfe80::2\n}", vip="fe80::1"))).vrrp.family is Family.IPV6


def test_a_link_local_ipv6_address_in_an_ipv4_instance_is_probably_a_mistake() -> None:
    warned(instance_text("virtual_ipaddress_excluded {\nfe80::1\n}"), "link-local-in-ipv4")


@pytest.mark.parametrize(
    ("body", "make", "room"),
    [
        ("version 2", "10.0.{}.{}", 255),
        ("version 3", "10.0.{}.{}", 255),
        ("", "fe80::{:x}:{:x}", 89),
    ],
)
def test_what_does_not_fit_into_an_advert_is_held(body: str, make: str, room: int) -> None:
    vips = [make.format(i // 200 + 1, i % 200 + 1) for i in range(300)]
    instance = one(warned(instance_text(body, vip="\n".join(vips)), "too-many-addresses"))
    assert len(instance.vrrp.addresses) == room
    assert len(instance.vips.addresses) == 300


def test_an_instance_of_version_2_may_have_no_address_but_is_asked() -> None:
    warned(instance_text(vip=""), "no-address")
    good(instance_text("no_virtual_ipaddress", vip=""))
    refused(instance_text("version 3", vip=""), "no-address")
    good(instance_text("version 3\nno_virtual_ipaddress", vip=""))


def test_addresses_that_are_wrong_are_not_called_missing_too() -> None:
    refused(instance_text("version 3", vip="x"), "invalid-address")

"""Addresses as the kernel wants to hear of them; the numbers are those of linux/if_addr.h and rtnetlink.h."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import Family
from alived.vip.config import INFINITE_LIFETIME, VirtualAddress
from alived.vip.kernel import IFA_PROTO_ALIVED, address_request
from alived.wire import rtnetlink
from tests.vip.playbook import A, ipv4, ipv6


def test_the_default_address() -> None:
    assert address_request(A, 7, 3) == {
        "family": 2,
        "index": 7,
        "prefix_length": 32,
        "local": bytes((192, 0, 2, 100)),
        "peer": b"",
        "broadcast": b"",
        "label": "",
        "scope": 0,
        "flags": 0,
        "valid_lft": 3,
        "preferred_lft": 3,
        "proto": 0xA1,
    }


def test_a_default_ipv6_address_is_bound_without_detection_and_deprecated() -> None:
    request = address_request(ipv6("1"), 1, 0)
    assert request["flags"] == rtnetlink.IFA_F_NODAD
    assert (request["valid_lft"], request["preferred_lft"]) == (INFINITE_LIFETIME, 0)
    assert request["local"] == ipaddress.ip_address("2001:db8::1").packed


@pytest.mark.parametrize(
    ("va", "lifetime_s", "expected"),
    [
        (A, 0, (INFINITE_LIFETIME, INFINITE_LIFETIME)),
        (ipv4(1, preferred_lft=0), 30, (30, 0)),
        (ipv4(1, preferred_lft=10), 30, (30, 10)),
        (ipv4(1, preferred_lft=100), 30, (30, 30)),
        (ipv4(1, preferred_lft=100), 0, (INFINITE_LIFETIME, 100)),
        (ipv6("1"), 30, (30, 0)),
        (ipv6("1", preferred_lft=INFINITE_LIFETIME), 30, (30, 30)),
        (ipv6("1", prefix_length=64), 30, (30, 30)),
        (ipv6("1", prefix_length=64), 0, (INFINITE_LIFETIME, INFINITE_LIFETIME)),
    ],
)
def test_preferred_lifetime_is_never_above_the_valid_one(
    va: VirtualAddress, lifetime_s: int, expected: tuple[int, int]
) -> None:
    """The kernel refuses preferred_lft > valid_lft with EINVAL."""
    request = address_request(va, 1, lifetime_s)
    assert (request["valid_lft"], request["preferred_lft"]) == expected


@pytest.mark.parametrize(("scope", "number"), [("global", 0), ("site", 200), ("link", 253), ("host", 254), ("7", 7)])
def test_scope(scope: str, number: int) -> None:
    assert address_request(ipv4(1, scope=scope), 1, 0)["scope"] == number


def test_an_unknown_scope_is_the_configuration_s_fault() -> None:
    with pytest.raises(ValueError, match="planet"):
        address_request(ipv4(1, scope="planet"), 1, 0)


@pytest.mark.parametrize(
    ("options", "of_ipv4", "of_ipv6"),
    [
        ({}, 0, rtnetlink.IFA_F_NODAD),
        ({"nodad": False}, 0, 0),
        ({"nodad": False, "home": True}, 0, rtnetlink.IFA_F_HOMEADDRESS),
        ({"nodad": False, "mngtmpaddr": True}, 0, rtnetlink.IFA_F_MANAGETEMPADDR),
        ({"nodad": False, "noprefixroute": True}, rtnetlink.IFA_F_NOPREFIXROUTE, rtnetlink.IFA_F_NOPREFIXROUTE),
        ({"nodad": False, "autojoin": True}, rtnetlink.IFA_F_MCAUTOJOIN, rtnetlink.IFA_F_MCAUTOJOIN),
        ({"noprefixroute": True, "home": True}, 0x200, 0x212),
    ],
)
def test_flags(options: dict[str, Any], of_ipv4: int, of_ipv6: int) -> None:
    assert address_request(ipv4(1, **options), 1, 0)["flags"] == of_ipv4
    assert address_request(ipv6("1", **options), 1, 0)["flags"] == of_ipv6


@pytest.mark.parametrize(
    ("va", "broadcast"),
    [
        (ipv4(100, prefix_length=24, broadcast="+"), "192.0.2.255"),
        (ipv4(100, prefix_length=24, broadcast="-"), "192.0.2.0"),
        (ipv4(101, prefix_length=30, broadcast="+"), "192.0.2.103"),
        (ipv4(100, prefix_length=24, broadcast="192.0.2.127"), "192.0.2.127"),
        (ipv4(100, prefix_length=31, broadcast="+"), ""),
        (ipv4(100, broadcast="-"), ""),
        (ipv4(100), ""),
        (ipv6("1", broadcast="+"), ""),
    ],
)
def test_broadcast(va: VirtualAddress, broadcast: str) -> None:
    assert address_request(va, 1, 0)["broadcast"] == (ipaddress.ip_address(broadcast).packed if broadcast else b"")


def test_a_peer_brings_its_prefix_length() -> None:
    request = address_request(ipv4(1, peer="198.51.100.9/24"), 1, 0)
    assert (request["prefix_length"], request["peer"]) == (24, bytes((198, 51, 100, 9)))
    assert address_request(ipv4(1, peer="198.51.100.9"), 1, 0)["prefix_length"] == 32


def test_it_is_remembered_for_each_address_device_and_lifetime() -> None:
    assert address_request(ipv4(9), 1, 3) is address_request(ipv4(9), 1, 3)
    assert address_request(ipv4(9), 2, 3)["index"] == 2
    assert address_request(ipv4(9), 1, 9)["valid_lft"] == 9


@given(
    st.sampled_from(Family),
    st.sampled_from(["", "eth0:vip"]),
    st.sampled_from(["global", "link", "host"]),
    st.sampled_from([None, 0, 5, INFINITE_LIFETIME]),
    st.booleans(),
    st.sampled_from([0, 3, 1250]),
)
def test_the_message_says_what_the_configuration_says(
    family: Family, label: str, scope: str, preferred_lft: int | None, noprefixroute: bool, lifetime_s: int
) -> None:
    make = ipv4 if family is Family.IPV4 else ipv6
    va = make(1, label=label, scope=scope, preferred_lft=preferred_lft, noprefixroute=noprefixroute)  # type: ignore[operator]
    message = rtnetlink.address_message(rtnetlink.RTM_NEWADDR, 1, **address_request(va, 5, lifetime_s))
    (said,) = rtnetlink.parse(message)
    assert isinstance(said, rtnetlink.Address)
    assert (said.index, said.family, said.label, said.proto) == (5, family, label, IFA_PROTO_ALIVED)
    assert said.local == ipaddress.ip_address(va.address).packed
    assert bool(said.flags & rtnetlink.IFA_F_NOPREFIXROUTE) == noprefixroute
    assert said.valid_lft == (lifetime_s or INFINITE_LIFETIME)

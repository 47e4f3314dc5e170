"""alived.wire.rtnetlink against pyroute2, attribute by attribute, and against a real kernel."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from alived.base import DecodeError
from alived.wire import rtnetlink
from alived.wire.inet import mac_text, pack_address
from alived.wire.rtnetlink import Ack, Address, Done, Link

VIP4, VIP6 = pack_address("192.0.2.100"), pack_address("2001:db8::100")
VIRTUAL_MAC = bytes.fromhex("00005e000133")
T = TypeVar("T")


def pyroute2_encode(
    message_class: Any, kind: int, header_flags: int, attributes: Sequence[tuple[str, Any]], **fields: int
) -> bytes:
    message = message_class()
    message["header"].update({"type": kind, "flags": header_flags, "sequence_number": 7})
    for name, value in fields.items():
        message[name] = value
    message["attrs"] = list(attributes)
    message.encode()
    return bytes(message.data)


def pyroute2_decode(message_class: Any, data: bytes) -> Any:
    message = message_class(data)
    message.decode()
    return message


def kernel_message(kind: int, body: bytes, *, flags: int = 0, sequence: int = 7) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


# -- requests: the same bytes as pyroute2 --


def test_minimal_ipv4_address_is_encoded_as_pyroute2_does() -> None:
    ours = rtnetlink.address_message(20, 7, family=2, index=3, prefix_length=24, local=VIP4)
    flags = rtnetlink.NLM_F_REQUEST | rtnetlink.NLM_F_ACK | rtnetlink.NLM_F_CREATE | rtnetlink.NLM_F_REPLACE
    attributes = [("IFA_LOCAL", "192.0.2.100"), ("IFA_ADDRESS", "192.0.2.100")]
    assert ours == pyroute2_encode(ifaddrmsg, 20, flags, attributes, family=2, prefixlen=24, index=3)


def test_ipv4_address_with_everything_is_encoded_as_pyroute2_does() -> None:
    ours = rtnetlink.address_message(
        20, 7, family=2, index=3, prefix_length=24, local=VIP4, peer=pack_address("192.0.2.9"),
        broadcast=pack_address("192.0.2.255"), label="eth0:1", scope=253, flags=0x302, valid_lft=9, preferred_lft=5,
        proto=18, ack=False, replace=False,
    )  # fmt: skip
    attributes = [
        ("IFA_LOCAL", "192.0.2.100"),
        ("IFA_ADDRESS", "192.0.2.9"),
        ("IFA_BROADCAST", "192.0.2.255"),
        ("IFA_LABEL", "eth0:1"),
        ("IFA_FLAGS", 0x302),
        ("IFA_CACHEINFO", {"ifa_preferred": 5, "ifa_valid": 9, "cstamp": 0, "tstamp": 0}),
        ("IFA_PROTO", 18),
    ]
    nl_flags = rtnetlink.NLM_F_REQUEST | rtnetlink.NLM_F_CREATE | rtnetlink.NLM_F_EXCL
    assert ours == pyroute2_encode(
        ifaddrmsg, 20, nl_flags, attributes, family=2, prefixlen=24, index=3, scope=253, flags=2
    )


def test_ipv6_address_is_encoded_as_pyroute2_does() -> None:
    ours = rtnetlink.address_message(
        20, 7, family=10, index=3, prefix_length=128, local=VIP6, flags=rtnetlink.IFA_F_NODAD, preferred_lft=0
    )
    forever = rtnetlink.INFINITE_LIFETIME
    attributes = [
        ("IFA_LOCAL", "2001:db8::100"),
        ("IFA_ADDRESS", "2001:db8::100"),
        ("IFA_CACHEINFO", {"ifa_preferred": 0, "ifa_valid": forever, "cstamp": 0, "tstamp": 0}),
    ]
    flags = rtnetlink.NLM_F_REQUEST | rtnetlink.NLM_F_ACK | rtnetlink.NLM_F_CREATE | rtnetlink.NLM_F_REPLACE
    assert ours == pyroute2_encode(ifaddrmsg, 20, flags, attributes, family=10, prefixlen=128, index=3, flags=2)


def test_a_removal_creates_nothing() -> None:
    ours = rtnetlink.address_message(21, 7, family=2, index=3, prefix_length=32, local=VIP4)
    attributes = [("IFA_LOCAL", "192.0.2.100"), ("IFA_ADDRESS", "192.0.2.100")]
    flags = rtnetlink.NLM_F_REQUEST | rtnetlink.NLM_F_ACK
    assert ours == pyroute2_encode(ifaddrmsg, 21, flags, attributes, family=2, prefixlen=32, index=3)


def test_a_kept_request_gets_another_sequence_number_and_flag() -> None:
    def build(sequence: int, ack: bool) -> bytes:
        return rtnetlink.address_message(20, sequence, family=2, index=3, prefix_length=32, local=VIP4, ack=ack)

    for kept in (build(7, True), build(7, False)):
        assert rtnetlink.stamp(kept, 2**32 - 1, True) == build(2**32 - 1, True)
        assert rtnetlink.stamp(kept, 8, False) == build(8, False)


def test_dump_requests_are_encoded_as_pyroute2_does() -> None:
    flags = rtnetlink.NLM_F_REQUEST | rtnetlink.NLM_F_DUMP
    assert rtnetlink.dump_request(18, 7) == pyroute2_encode(ifinfmsg, 18, flags, [])
    assert rtnetlink.dump_request(22, 7, 10) == pyroute2_encode(ifaddrmsg, 22, flags, [], family=10)


def test_link_requests_are_encoded_as_pyroute2_does() -> None:
    flags = rtnetlink.NLM_F_REQUEST
    assert rtnetlink.link_request(7, index=3) == pyroute2_encode(ifinfmsg, 18, flags, [], index=3)
    by_name = pyroute2_encode(ifinfmsg, 18, flags, [("IFLA_IFNAME", "eth0")])
    assert rtnetlink.link_request(7, name="eth0") == by_name


def test_macvlan_is_decoded_by_pyroute2() -> None:
    data = rtnetlink.macvlan_message(7, name="vrrp.51", parent_index=3, mac=VIRTUAL_MAC)
    message = pyroute2_decode(ifinfmsg, data)
    assert message["header"]["type"] == rtnetlink.RTM_NEWLINK
    assert message["header"]["length"] == len(data)
    assert message["header"]["flags"] == (
        rtnetlink.NLM_F_REQUEST | rtnetlink.NLM_F_ACK | rtnetlink.NLM_F_CREATE | rtnetlink.NLM_F_EXCL
    )
    assert message.get_attr("IFLA_IFNAME") == "vrrp.51"
    assert message.get_attr("IFLA_ADDRESS") == "00:00:5e:00:01:33"
    assert message.get_attr("IFLA_LINK") == 3
    assert message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") == "macvlan"
    assert message.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA", "IFLA_MACVLAN_MODE") == "private"
    assert len(message["attrs"]) == 4


def test_address_generation_mode_is_decoded_by_pyroute2() -> None:
    message = pyroute2_decode(ifinfmsg, rtnetlink.address_generation_message(7, 5))
    assert message["index"] == 5
    assert message.get_nested("IFLA_AF_SPEC", "AF_INET6", "IFLA_INET6_ADDR_GEN_MODE") == rtnetlink.ADDR_GEN_MODE_NONE


def test_flags_and_deletion_are_encoded_as_pyroute2_does() -> None:
    flags = rtnetlink.NLM_F_REQUEST | rtnetlink.NLM_F_ACK
    up = pyroute2_decode(ifinfmsg, rtnetlink.link_flags_message(7, 5, True))
    assert (up["header"]["type"], up["index"], up["flags"], up["change"]) == (16, 5, 1, 1)
    down = pyroute2_decode(ifinfmsg, rtnetlink.link_flags_message(7, 5, False))
    assert (down["header"]["type"], down["index"], down["flags"], down["change"]) == (16, 5, 0, 1)
    assert rtnetlink.delete_link_message(7, 5) == pyroute2_encode(ifinfmsg, 17, flags, [], index=5)


# -- parsing what pyroute2 encodes --

names = st.text("abcdefgh.-0123456789", min_size=1, max_size=15)


@given(
    kind=st.sampled_from([20, 21]),
    packed=st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16),
    index=st.integers(1, 2**31 - 1),
    prefix_length=st.integers(0, 128),
    flags=st.integers(0, 0xFFFF),
    scope=st.integers(0, 255),
    label=names,
    lifetime=st.integers(0, 2**32 - 1),
    proto=st.integers(1, 255),
)
def test_addresses_of_pyroute2_are_parsed(
    kind: int,
    packed: bytes,
    index: int,
    prefix_length: int,
    flags: int,
    scope: int,
    label: str,
    lifetime: int,
    proto: int,
) -> None:
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    text = socket.inet_ntop(family, packed)
    attributes = [
        ("IFA_ADDRESS", text),
        ("IFA_LABEL", label),
        ("IFA_CACHEINFO", {"ifa_preferred": 0, "ifa_valid": lifetime, "cstamp": 1, "tstamp": 2}),
        ("IFA_FLAGS", flags),
        ("IFA_PROTO", proto),
    ]
    data = pyroute2_encode(
        ifaddrmsg, kind, 0, attributes, family=family, prefixlen=prefix_length, index=index, scope=scope
    )
    assert rtnetlink.parse(data) == [
        Address(
            index=index, family=family, address=packed, local=packed, prefix_length=prefix_length, flags=flags,
            scope=scope, label=label, proto=proto, valid_lft=lifetime, deleted=kind == 21,
        )
    ]  # fmt: skip


def test_the_flags_of_the_header_count_if_there_is_no_attribute() -> None:
    body = struct.pack("=BBBBI", 10, 64, rtnetlink.IFA_F_TENTATIVE, 0, 3) + attribute(1, VIP6)
    (address,) = rtnetlink.parse(kernel_message(20, body))
    assert isinstance(address, Address)
    assert address.flags == rtnetlink.IFA_F_TENTATIVE
    assert (address.valid_lft, address.proto, address.label) == (rtnetlink.INFINITE_LIFETIME, 0, "")


def test_our_own_requests_parse_to_what_was_asked_for() -> None:
    data = rtnetlink.address_message(
        20, 7, family=2, index=3, prefix_length=32, local=VIP4, peer=pack_address("192.0.2.9"), valid_lft=30
    )
    (address,) = rtnetlink.parse(data)
    assert isinstance(address, Address)
    assert (address.local, address.address) == (VIP4, pack_address("192.0.2.9"))
    assert address.valid_lft == 30


def link_message(kind: int = 16, *, extra: Sequence[tuple[str, Any]] = (), **fields: int) -> bytes:
    attributes = [("IFLA_IFNAME", "vrrp.51"), ("IFLA_MTU", 1500), ("IFLA_ADDRESS", "00:00:5e:00:01:33"), *extra]
    return pyroute2_encode(ifinfmsg, kind, 0, attributes, index=9, **fields)


def test_links_of_pyroute2_are_parsed() -> None:
    info = {"attrs": [["IFLA_INFO_KIND", "macvlan"]]}
    data = link_message(extra=[("IFLA_LINK", 3), ("IFLA_LINKINFO", info)], flags=0x11043)
    assert rtnetlink.parse(data) == [
        Link(
            index=9, name="vrrp.51", flags=0x11043, up=True, running=True, mac=VIRTUAL_MAC, parent_index=3,
            kind="macvlan", mtu=1500,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(("flags", "up", "running"), [(0x1, True, False), (0x41, True, True), (0x1002, False, False)])
def test_up_and_running(flags: int, up: bool, running: bool) -> None:
    (link,) = rtnetlink.parse(link_message(flags=flags))
    assert isinstance(link, Link)
    assert (link.up, link.running) == (up, running)


def test_a_deleted_link() -> None:
    (link,) = rtnetlink.parse(link_message(17))
    assert isinstance(link, Link)
    assert link.deleted
    assert (link.parent_index, link.kind) == (0, "")


def test_a_parent_in_another_namespace_is_none_of_ours() -> None:
    (link,) = rtnetlink.parse(link_message(extra=[("IFLA_LINK", 3), ("IFLA_LINK_NETNSID", 0)]))
    assert isinstance(link, Link)
    assert link.parent_index == 0


def test_link_info_without_a_kind() -> None:
    (link,) = rtnetlink.parse(link_message(extra=[("IFLA_LINKINFO", {"attrs": []})]))
    assert isinstance(link, Link)
    assert link.kind == ""


def test_leaving_a_bridge_is_not_the_end_of_a_link() -> None:
    assert rtnetlink.parse(link_message(17, family=7)) == []


def test_wireless_events_are_no_links() -> None:
    body = struct.pack("=BxHiII", 0, 1, 9, 0x1043, 0) + attribute(11, bytes(8))
    assert rtnetlink.parse(kernel_message(16, body)) == []


def test_unknown_messages_and_attributes_are_skipped() -> None:
    body = (
        struct.pack("=BBBBI", 2, 24, 0, 0, 3) + attribute(1, VIP4) + attribute(99, b"x") + attribute(0x8000 | 2, VIP4)
    )
    (address,) = rtnetlink.parse(kernel_message(28, b"whatever") + kernel_message(20, body))
    assert isinstance(address, Address)
    assert address.local == VIP4


# -- answers --


def test_acknowledgements() -> None:
    request = rtnetlink.address_message(20, 7, family=2, index=3, prefix_length=24, local=VIP4)
    assert rtnetlink.parse(kernel_message(2, struct.pack("=i", 0) + request[:16], flags=0x100)) == [Ack(7, 0)]
    assert rtnetlink.parse(kernel_message(2, struct.pack("=i", -17) + request)) == [Ack(7, 17)]


@pytest.mark.parametrize("capped", [True, False])
def test_the_kernels_own_words(capped: bool) -> None:
    request = rtnetlink.address_message(20, 7, family=2, index=3, prefix_length=24, local=VIP4)
    flags = rtnetlink.NLM_F_ACK_TLVS | (rtnetlink.NLM_F_CAPPED if capped else 0)
    echoed = request[:16] if capped else request
    body = struct.pack("=i", -22) + echoed + attribute(2, bytes(4)) + attribute(1, b"ipv4: Invalid prefix length\0")
    assert rtnetlink.parse(kernel_message(2, body, flags=flags)) == [Ack(7, 22, "ipv4: Invalid prefix length")]


def test_an_extended_answer_without_words() -> None:
    body = struct.pack("=i", -22) + bytes(16)
    flags = rtnetlink.NLM_F_ACK_TLVS | rtnetlink.NLM_F_CAPPED
    assert rtnetlink.parse(kernel_message(2, body, flags=flags)) == [Ack(7, 22, "")]


def test_the_end_of_a_dump() -> None:
    assert rtnetlink.parse(kernel_message(3, struct.pack("=i", 0), flags=2)) == [Done(7)]
    assert rtnetlink.parse(kernel_message(3, b"", flags=0x12)) == [Done(7, 0, interrupted=True)]
    assert rtnetlink.parse(kernel_message(3, struct.pack("=i", -4))) == [Done(7, errno.EINTR)]


# -- damage --


@pytest.mark.parametrize(
    "data",
    [
        bytes(15),
        struct.pack("=IHHII", 15, 20, 0, 0, 0),
        struct.pack("=IHHII", 17, 20, 0, 0, 0),
        kernel_message(20, bytes(7)),
        kernel_message(16, bytes(15)),
        kernel_message(2, b"\0"),
        kernel_message(2, bytes(4), flags=0x200),
        kernel_message(20, bytes(8) + struct.pack("=HH", 3, 1)),
        kernel_message(20, bytes(8) + struct.pack("=HH", 9, 1) + VIP4),
        kernel_message(20, bytes(8) + attribute(8, b"\0\0")),
        kernel_message(16, bytes(16) + struct.pack("=HH", 2, 1)),
        kernel_message(16, bytes(16) + attribute(18, struct.pack("=HH", 90, 1))),
        kernel_message(16, bytes(16) + attribute(5, b"\0")),
    ],
)
def test_truncated_messages(data: bytes) -> None:
    with pytest.raises(DecodeError) as error:
        rtnetlink.parse(data)
    assert error.value.reason == "packet-length-error"


@given(st.sampled_from([2, 3, 16, 17, 20, 21, 99]), st.integers(0, 0xFFFF), st.binary(max_size=120))
def test_random_bodies_raise_nothing_but_decode_errors(kind: int, flags: int, body: bytes) -> None:
    try:
        messages = rtnetlink.parse(kernel_message(kind, body, flags=flags))
    except DecodeError as error:
        assert error.reason == "packet-length-error"
    else:
        assert len(messages) <= 1


# -- a real kernel --


class Kernel:
    """A netlink socket in a network namespace that ends with its thread."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.socket.setsockopt(270, 11, 1)  # SOL_NETLINK, NETLINK_EXT_ACK
        self.socket.settimeout(30)

    def ask(self, request: bytes) -> list[rtnetlink.Message]:
        """All answers up to the acknowledgement or the end of the dump."""
        self.socket.send(request)
        answers: list[rtnetlink.Message] = []
        while not answers or not isinstance(answers[-1], (Ack, Done)):
            answers += rtnetlink.parse(self.socket.recv(65536))
        return answers

    def link(self, name: str) -> Link:
        self.socket.send(rtnetlink.link_request(1, name=name))
        (link,) = rtnetlink.parse(self.socket.recv(65536))
        assert isinstance(link, Link)
        return link

    def addresses(self, index: int) -> list[Address]:
        answers = self.ask(rtnetlink.dump_request(rtnetlink.RTM_GETADDR, 2))
        return [answer for answer in answers if isinstance(answer, Address) and answer.index == index]


def in_namespace(function: Callable[[Kernel], T]) -> T:
    """Runs a function in a new network namespace, in a thread of its own, so that nothing is left behind."""

    def run() -> T:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x40000000):  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), "unshare")
        kernel = Kernel()
        try:
            return function(kernel)
        finally:
            kernel.socket.close()

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(run).result()


lab = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace")]


class TestKernel:
    pytestmark = lab

    def test_a_macvlan_is_created_raised_and_deleted(self) -> None:
        def play(kernel: Kernel) -> None:
            subprocess.run(["ip", "link", "add", "parent", "type", "veth", "peer", "name", "other"], check=True)
            parent = kernel.link("parent")
            assert (parent.name, parent.up, parent.kind, parent.deleted) == ("parent", False, "veth", False)
            request = rtnetlink.macvlan_message(3, name="vrrp.51", parent_index=parent.index, mac=VIRTUAL_MAC)
            assert kernel.ask(request) == [Ack(3, 0)]
            link = kernel.link("vrrp.51")
            assert (link.mac, link.parent_index, link.kind) == (VIRTUAL_MAC, parent.index, "macvlan")
            assert mac_text(link.mac) == "00:00:5e:00:01:33"
            assert not link.up
            assert kernel.ask(rtnetlink.address_generation_message(4, link.index)) == [Ack(4, 0)]
            assert kernel.ask(rtnetlink.link_flags_message(5, parent.index, True)) == [Ack(5, 0)]
            assert kernel.ask(rtnetlink.link_flags_message(6, link.index, True)) == [Ack(6, 0)]
            assert kernel.link("vrrp.51").up
            assert kernel.addresses(link.index) == [], "no link-local address in mode none"
            assert kernel.ask(rtnetlink.link_flags_message(7, link.index, False)) == [Ack(7, 0)]
            assert not kernel.link("vrrp.51").up
            assert kernel.ask(rtnetlink.delete_link_message(8, link.index)) == [Ack(8, 0)]
            links = [answer for answer in kernel.ask(rtnetlink.dump_request(18, 9)) if isinstance(answer, Link)]
            assert "vrrp.51" not in [link.name for link in links]
            assert "parent" in [link.name for link in links]

        in_namespace(play)

    @pytest.mark.parametrize(("family", "packed", "prefix_length"), [(2, VIP4, 24), (10, VIP6, 64)])
    def test_an_address_is_added_renewed_and_removed(self, family: int, packed: bytes, prefix_length: int) -> None:
        def message(kind: int, sequence: int, **options: Any) -> bytes:
            return rtnetlink.address_message(
                kind, sequence, family=family, index=index, prefix_length=prefix_length, local=packed, **options
            )

        def play(kernel: Kernel) -> None:
            assert kernel.ask(
                message(20, 1, flags=rtnetlink.IFA_F_NODAD, valid_lft=300, preferred_lft=0, proto=18)
            ) == [Ack(1, 0)]
            (added,) = kernel.addresses(index)
            assert (added.family, added.local, added.prefix_length, added.proto) == (family, packed, prefix_length, 18)
            assert 290 <= added.valid_lft <= 300
            assert added.flags & rtnetlink.IFA_F_DEPRECATED
            assert kernel.ask(message(20, 2, replace=False))[-1].error == errno.EEXIST  # type: ignore[union-attr]
            assert kernel.ask(message(20, 3)) == [Ack(3, 0)]
            (renewed,) = kernel.addresses(index)
            assert renewed.valid_lft == rtnetlink.INFINITE_LIFETIME
            assert kernel.ask(message(21, 4)) == [Ack(4, 0)]
            assert kernel.addresses(index) == []
            (gone,) = kernel.ask(message(21, 5))
            assert gone.error == errno.EADDRNOTAVAIL  # type: ignore[union-attr]

        index = 1
        in_namespace(play)

    def test_errors_come_with_the_kernels_words(self) -> None:
        def play(kernel: Kernel) -> None:
            request = rtnetlink.address_message(20, 1, family=2, index=1, prefix_length=33, local=VIP4)
            (answer,) = kernel.ask(request)
            assert isinstance(answer, Ack)
            assert answer.error == errno.EINVAL
            assert "prefix" in answer.message.lower()

        in_namespace(play)

    def test_notifications_of_a_batch(self) -> None:
        def play(kernel: Kernel) -> None:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as listener:
                listener.settimeout(30)
                listener.bind((0, 1 << rtnetlink.RTNLGRP_IPV4_IFADDR - 1))
                wanted = [bytes((192, 0, 2, number)) for number in range(1, 101)]
                batch = [
                    rtnetlink.address_message(
                        20, number, family=2, index=1, prefix_length=32, local=packed, ack=number == len(wanted)
                    )
                    for number, packed in enumerate(wanted, 1)
                ]
                assert kernel.ask(b"".join(batch)) == [Ack(len(wanted), 0)]
                heard: list[rtnetlink.Message] = []
                while len(heard) < len(wanted):
                    heard += rtnetlink.parse(listener.recv(65536))
                assert [message.local for message in heard if isinstance(message, Address)] == wanted

        in_namespace(play)

"""Sockets for adverts on a kernel, and the flood filter by a second reading of it."""

from __future__ import annotations

import contextlib
import errno
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator

import pytest

from alived.adapters.vrrp_sockets import AH_PROTOCOL, VRRP_PROTOCOL, Receiver, Sender, flood_filter
from alived.base import Family
from alived.vrrp.authentication import ah_encode
from alived.wire.inet import ipv4_header
from tests.adapters import bpf
from tests.segment import OTHER_ADDRESS, OWN_ADDRESS, Segment, drain, heard, ip, open_files, wait_for

GROUP, GROUP6 = "224.0.0.18", "ff02::12"
OTHER6 = "2001:db8::2"


def message(vrid: int, number: int = 0) -> bytes:
    """Looks enough like VRRP to be told apart."""
    return bytes((0x31, vrid, 100, 1)) + struct.pack("!I", number)


def packet(destination: str, vrid: int, number: int = 0, ttl: int = 255, source: str = OWN_ADDRESS) -> bytes:
    return ipv4_header(source, destination, 8, VRRP_PROTOCOL, ttl=ttl) + message(vrid, number)


@pytest.fixture
def eth0(segment: Segment) -> int:
    return socket.if_nametoindex("eth0")


@contextlib.contextmanager
def listening(segment: Segment, family: Family = Family.IPV4, protocol: int = VRRP_PROTOCOL) -> Iterator[Receiver]:
    """The neighbour's receiver, in the group."""
    with segment.other():
        receiver = Receiver(family, "eth0", protocol)
        receiver.join(GROUP if family is Family.IPV4 else GROUP6, socket.if_nametoindex("eth0"))
    with contextlib.closing(receiver):
        yield receiver


def next_ipv6(receiver: Receiver) -> object:
    """What comes next, when it comes."""
    wait_for(receiver.socket)
    return receiver.receive_ipv6()


# -- sending --


@pytest.mark.lab
def test_a_queue_leaves_in_order_and_each_packet_where_it_belongs(segment: Segment, eth0: int) -> None:
    with (
        listening(segment) as other,
        contextlib.closing(Sender(Family.IPV4, "eth0", eth0, source=OWN_ADDRESS, group=GROUP)) as sender,
    ):
        for number in range(50):
            sender.queue.append(sender.prepare(packet(GROUP, 51, number), GROUP))
        sender.queue.append(sender.prepare(packet(OTHER_ADDRESS, 51, 50), OTHER_ADDRESS))
        sender.flush()
        found = heard(other.socket, 51)
        assert [one[20:] for one in found] == [message(51, number) for number in range(51)]
        assert {socket.inet_ntoa(one[16:20]) for one in found[:50]} == {GROUP}
        assert socket.inet_ntoa(found[50][16:20]) == OTHER_ADDRESS
        assert {one[8] for one in found} == {255}
        assert sender.queue == []
        assert sender.errors == 0


@pytest.mark.lab
def test_a_refused_packet_is_counted_and_left_out_and_the_others_go(segment: Segment, eth0: int) -> None:
    with (
        listening(segment) as other,
        contextlib.closing(Sender(Family.IPV4, "eth0", eth0, source=OWN_ADDRESS)) as sender,
    ):
        refused = ipv4_header(OWN_ADDRESS, OTHER_ADDRESS, 60000, VRRP_PROTOCOL) + bytes(60000)
        for number, data in enumerate([b"", b"", refused, b"", refused, b""]):
            sender.queue.append(sender.prepare(data or packet(OTHER_ADDRESS, 51, number), OTHER_ADDRESS))
        sender.flush()
        assert [one[20:] for one in heard(other.socket, 4)] == [message(51, number) for number in (0, 1, 3, 5)]
        assert sender.errors == 2
        assert sender.last_error == errno.errorcode[errno.EMSGSIZE]


@pytest.mark.lab
def test_all_may_be_refused(segment: Segment, eth0: int) -> None:
    with contextlib.closing(Sender(Family.IPV4, "eth0", eth0, source=OWN_ADDRESS, group=GROUP)) as sender:
        ip("link set eth0 down")
        sender.queue += [sender.prepare(packet(GROUP, 51), GROUP)] * 3
        sender.flush()
        assert sender.errors == 3
        assert sender.last_error in {"ENETDOWN", "ENETUNREACH", "ENODEV"}
        assert sender.queue == []


@pytest.mark.lab
def test_what_is_queued_is_sent_even_if_nobody_else_remembers_it(segment: Segment, eth0: int) -> None:
    """The queue holds addresses of memory for the kernel: that memory must live."""
    with (
        listening(segment) as other,
        contextlib.closing(Sender(Family.IPV4, "eth0", eth0, source=OWN_ADDRESS, group=GROUP)) as sender,
    ):
        packets = [sender.prepare(packet(GROUP, 51, number), GROUP) for number in range(200)]
        sender.queue += packets
        packets.clear()
        rubbish = [bytes([number % 256]) * 28 for number in range(5000)]
        sender.flush()
        assert [one[20:] for one in heard(other.socket, 200)] == [message(51, number) for number in range(200)]
        assert rubbish


@pytest.mark.lab
def test_a_thousand_adverts_at_once_are_not_lost_in_a_slow_device(segment: Segment, eth0: int) -> None:
    """Where the device holds packets back, each counts against the buffer of the socket until it is out."""
    slow = ["tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "100kbit", "burst", "2kb", "limit", "4mb"]
    if shutil.which("tc") is None or subprocess.run(slow, capture_output=True).returncode:
        pytest.skip("needs tc, and a kernel with tbf")
    with contextlib.closing(Sender(Family.IPV4, "eth0", eth0, source=OWN_ADDRESS, group=GROUP)) as sender:
        sender.queue += [sender.prepare(packet(GROUP, 51), GROUP)] * 1000
        sender.flush()
        assert (sender.errors, sender.last_error) == (0, "")


@pytest.mark.lab
def test_ipv6_carries_the_hop_limit_and_tells_source_and_destination(segment: Segment, eth0: int) -> None:
    with (
        listening(segment, Family.IPV6) as other,
        contextlib.closing(
            Sender(Family.IPV6, "eth0", eth0, source="2001:db8::1", group=GROUP6, hop_limit=255)
        ) as sender,
    ):
        sender.queue.append(sender.prepare(message(51), GROUP6))
        sender.queue.append(sender.prepare(message(52), OTHER6))
        sender.flush()
        assert sender.errors == 0
        first, second = next_ipv6(other), next_ipv6(other)
        assert first == (message(51), "2001:db8::1", GROUP6, 255)
        assert second == (message(52), "2001:db8::1", OTHER6, 255)
        with pytest.raises(BlockingIOError):
            other.receive_ipv6()


@pytest.mark.lab
def test_ipv6_may_leave_from_an_address_that_is_not_there_yet_and_with_another_hop_limit(
    segment: Segment, eth0: int
) -> None:
    with (
        listening(segment, Family.IPV6) as other,
        contextlib.closing(Sender(Family.IPV6, "eth0", eth0, source="2001:db8::77", hop_limit=9)) as sender,
    ):
        sender.queue.append(sender.prepare(message(51), OTHER6))
        sender.flush()
        assert next_ipv6(other) == (message(51), "2001:db8::77", OTHER6, 9)


@pytest.mark.lab
def test_from_link_local_to_link_local(segment: Segment, eth0: int) -> None:
    own, other_address = "fe80::ff:fe00:100", "fe80::ff:fe00:200"
    with (
        listening(segment, Family.IPV6) as other,
        contextlib.closing(Sender(Family.IPV6, "eth0", eth0, source=own)) as sender,
    ):
        sender.queue.append(sender.prepare(message(51), other_address))
        sender.flush()
        assert next_ipv6(other) == (message(51), own, other_address, 255)


@pytest.mark.lab
def test_sockets_of_an_interface_that_is_not_there_leave_nothing_open(segment: Segment) -> None:
    before = open_files()
    for make in (
        lambda: Sender(Family.IPV4, "eth9", 9, source=OWN_ADDRESS),
        lambda: Sender(Family.IPV6, "eth9", 9, source="fe80::1"),
        lambda: Receiver(Family.IPV4, "eth9"),
    ):
        with pytest.raises(OSError, match="No such device"):
            make()
    assert open_files() == before


# -- receiving --


@pytest.mark.lab
def test_joining_twice_is_joining_once_and_other_groups_are_not_heard(segment: Segment, eth0: int) -> None:
    with contextlib.closing(Receiver(Family.IPV4, "eth0")) as receiver, segment.other_raw() as voice:
        voice.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(OTHER_ADDRESS))
        receiver.join(GROUP, eth0)
        receiver.join(GROUP, eth0)
        for group in ("224.0.0.99", GROUP):
            voice.sendto(packet(group, 51, source=OTHER_ADDRESS), (group, 0))
        assert [socket.inet_ntoa(one[16:20]) for one in heard(receiver.socket, 1)] == [GROUP]
        with pytest.raises(OSError, match="No such device"):
            receiver.join("224.0.0.98", 999)


@pytest.mark.lab
def test_in_a_flood_the_kernel_drops_foreign_vrids_and_wrong_ttls_until_it_is_over(segment: Segment, eth0: int) -> None:
    with contextlib.closing(Receiver(Family.IPV4, "eth0")) as receiver, segment.other_raw() as voice:
        voice.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(OTHER_ADDRESS))
        receiver.join(GROUP, eth0)

        def hear() -> list[tuple[int, int]]:
            for vrid, ttl in ((52, 255), (51, 254), (99, 1), (53, 255), (51, 255)):
                voice.sendto(packet(GROUP, vrid, ttl=ttl, source=OTHER_ADDRESS), (GROUP, 0))
            found: list[tuple[int, int]] = []
            while found[-1:] != [(51, 255)]:  # which every filter here lets through
                wait_for(receiver.socket)
                found += [(one[21], one[8]) for one in drain(receiver.socket)]
            return found

        everything = hear()
        assert len(everything) == 5
        receiver.attach_filter({51, 53}, ttl_fixed=True)
        assert hear() == [(53, 255), (51, 255)]
        receiver.attach_filter({51, 53}, ttl_fixed=False)
        assert hear() == [(51, 254), (53, 255), (51, 255)]
        receiver.detach_filter()
        assert hear() == everything


@pytest.mark.lab
def test_in_a_flood_adverts_behind_an_authentication_header_are_told_by_their_vrid(segment: Segment, eth0: int) -> None:
    with contextlib.closing(Receiver(Family.IPV4, "eth0", AH_PROTOCOL)) as receiver, segment.other_raw() as voice:
        voice.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(OTHER_ADDRESS))
        receiver.join(GROUP, eth0)
        receiver.attach_filter({51}, ttl_fixed=True)
        for vrid in (52, 4, 51):
            said = ah_encode(message(vrid), source=OTHER_ADDRESS, destination=GROUP, sequence=1, key=b"secret")
            voice.sendto(said, (GROUP, 0))
        assert [one[20 + 24 + 1] for one in heard(receiver.socket, 1)] == [51]


# -- the flood filter, instruction by instruction --


@pytest.mark.parametrize("count", [1, 2, 254, 255])
def test_the_filter_knows_all_its_virtual_routers(count: int) -> None:
    ids = range(1, count + 1)
    program = flood_filter(Family.IPV4, ids, True)
    for vrid in range(256):
        assert bool(bpf.run(program, packet(GROUP, vrid))) == (vrid in ids)
        assert not bpf.run(program, packet(GROUP, vrid, ttl=254))


def test_the_filter_finds_the_message_behind_ip_options() -> None:
    program = flood_filter(Family.IPV4, {51}, True)
    plain = packet(GROUP, 51)
    options = bytes((0x46,)) + plain[1:20] + b"\x94\x04\0\0" + plain[20:]
    assert bpf.run(program, options)
    assert not bpf.run(flood_filter(Family.IPV4, {52}, True), options)


def test_the_filter_without_a_fixed_ttl_takes_any() -> None:
    program = flood_filter(Family.IPV4, {51}, False)
    assert bpf.run(program, packet(GROUP, 51, ttl=3))
    assert not bpf.run(program, packet(GROUP, 52, ttl=3))


def test_raw_ipv6_begins_with_the_message() -> None:
    program = flood_filter(Family.IPV6, {51}, True)
    assert bpf.run(program, message(51))
    assert not bpf.run(program, message(52))


def test_the_filter_drops_what_is_too_short_to_tell() -> None:
    assert not bpf.run(flood_filter(Family.IPV4, {0x31}, False), packet(GROUP, 51)[:21])
    assert not bpf.run(flood_filter(Family.IPV6, {51}, False), b"1")


def test_the_filter_passes_whole_packets() -> None:
    assert bpf.run(flood_filter(Family.IPV4, {51}, True), packet(GROUP, 51)) >= 4096

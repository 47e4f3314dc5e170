"""Packet sockets for ARP and neighbour discovery, and the filter of claims by a second reading of it."""

from __future__ import annotations

import contextlib
import ipaddress

import pytest

from alived.adapters.neighbours import ETH_P_ARP, ETH_P_IPV6, FRAME_BYTES_MAX, ClaimListener, FrameSender, claims_filter
from alived.wire.inet import pack_address
from alived.wire.neighbour import arp_probe, arp_request, gratuitous_arp, unsolicited_na
from tests.adapters import bpf
from tests.segment import OTHER_MAC, OWN_MAC, Segment, heard_until, ip, open_files, wait_for

VIP = pack_address("192.0.2.100")
VIP6 = pack_address("2001:db8::100")
SOMEBODY = pack_address("192.0.2.7")


def ipv4(count: int) -> list[bytes]:
    first = int(ipaddress.IPv4Address("10.0.0.1"))
    return [(first + number).to_bytes(4, "big") for number in range(count)]


def ipv6(count: int) -> list[bytes]:
    return [bytes.fromhex("20010db8") + bytes(8) + (number + 1).to_bytes(4, "big") for number in range(count)]


# -- the filter, instruction by instruction --


@pytest.mark.parametrize("count", [1, 2, 199, 200])
def test_each_watched_address_passes_and_no_other(count: int) -> None:
    arp, na = claims_filter(ETH_P_ARP, ipv4(count)), claims_filter(ETH_P_IPV6, ipv6(count))
    for address in ipv4(count):
        assert bpf.run(arp, gratuitous_arp(OTHER_MAC, address)) == FRAME_BYTES_MAX
    for address in ipv6(count):
        assert bpf.run(na, unsolicited_na(OTHER_MAC, address, address, False)) == FRAME_BYTES_MAX
    assert not bpf.run(arp, gratuitous_arp(OTHER_MAC, SOMEBODY))
    assert not bpf.run(na, unsolicited_na(OTHER_MAC, VIP6[:12] + SOMEBODY, VIP6[:12] + SOMEBODY, False))


def test_with_201_addresses_all_claims_are_read() -> None:
    """A jump of classic BPF goes no further than 255 lines."""
    arp, na = claims_filter(ETH_P_ARP, ipv4(201)), claims_filter(ETH_P_IPV6, ipv6(201))
    assert bpf.run(arp, gratuitous_arp(OTHER_MAC, SOMEBODY))
    assert bpf.run(na, unsolicited_na(OTHER_MAC, VIP6, VIP6, False))
    assert not bpf.run(na, bytes(12) + b"\x86\xdd" + bytes(60)), "but nothing else of IPv6"


def test_without_addresses_nothing_passes() -> None:
    assert not bpf.run(claims_filter(ETH_P_ARP, []), gratuitous_arp(OTHER_MAC, VIP))


def test_who_asks_for_an_address_or_probes_it_claims_nothing() -> None:
    program = claims_filter(ETH_P_ARP, [VIP])
    assert not bpf.run(program, arp_request(OTHER_MAC, SOMEBODY, VIP))
    assert not bpf.run(program, arp_probe(OTHER_MAC, VIP))


def test_of_icmpv6_only_neighbour_advertisements_pass() -> None:
    program = claims_filter(ETH_P_IPV6, [VIP6])
    said = unsolicited_na(OTHER_MAC, VIP6, VIP6, False)
    assert bpf.run(program, said)
    assert not bpf.run(program, said[:54] + b"\x87" + said[55:]), "a solicitation"
    assert not bpf.run(program, said[:20] + b"\x11" + said[21:]), "UDP"
    assert not bpf.run(program, said[:60]), "cut off"


# -- on a kernel --


@pytest.mark.lab
def test_a_frame_leaves_as_it_is(segment: Segment) -> None:
    said = gratuitous_arp(OWN_MAC, VIP)
    with contextlib.closing(FrameSender("eth0")) as sender, segment.other_frames() as neighbour:
        sender.send(said)
        assert said in heard_until(neighbour, lambda frames: said in frames)


@pytest.mark.lab
def test_a_listener_hears_claims_of_its_addresses_and_nothing_else(segment: Segment) -> None:
    voice = segment.other_frames()
    with (
        contextlib.closing(ClaimListener("eth0", ETH_P_ARP, [VIP])) as arp,
        contextlib.closing(ClaimListener("eth0", ETH_P_IPV6, [VIP6])) as na,
        contextlib.closing(FrameSender("eth0")) as own,
    ):
        claims = [gratuitous_arp(OTHER_MAC, VIP), unsolicited_na(OTHER_MAC, VIP6, VIP6, False)]
        own.send(gratuitous_arp(OWN_MAC, VIP))
        for frame in (gratuitous_arp(OTHER_MAC, SOMEBODY), arp_probe(OTHER_MAC, VIP), *claims):
            voice.send(frame)
        for listener in arp, na:
            wait_for(listener)
        assert [arp.read(), arp.read()] == [claims[0], None], "not our own either"
        assert [na.read(), na.read()] == [claims[1], None]


@pytest.mark.lab
def test_a_listener_survives_its_interface(segment: Segment) -> None:
    with contextlib.closing(ClaimListener("eth0", ETH_P_ARP, [VIP])) as listener:
        ip("link set eth0 down")
        assert [listener.read(), listener.read()] == [None, None]
        ip("link set eth0 up")
        with segment.other_frames() as voice:
            voice.send(gratuitous_arp(OTHER_MAC, VIP))
        wait_for(listener)
        assert listener.read() == gratuitous_arp(OTHER_MAC, VIP)
        segment.remove_interface()
        assert [listener.read(), listener.read()] == [None, None]


@pytest.mark.lab
def test_sockets_of_an_interface_that_is_not_there_leave_nothing_open(segment: Segment) -> None:
    before = open_files()
    with pytest.raises(OSError, match="No such device"):
        FrameSender("eth9")
    with pytest.raises(OSError, match="No such device"):
        ClaimListener("eth9", ETH_P_ARP, [VIP])
    assert open_files() == before

"""alived.wire.inet: checksums, addresses, headers."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.wire import inet
from tests.corpus import captured

ipv4 = st.ip_addresses(v=4).map(str)
ipv6 = st.ip_addresses(v=6).map(str)
octet = st.integers(0, 0xFF)
word = st.integers(0, 0xFFFF)


def slow_checksum(data: bytes) -> int:
    """RFC 1071 word by word, as its section 4.1 writes it."""
    total = 0
    for (value,) in struct.iter_unpack("!H", data + b"\0" * (len(data) % 2)):
        total += value
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@given(st.binary(max_size=80))
def test_checksum_is_that_of_rfc_1071(data: bytes) -> None:
    assert inet.checksum(data) == slow_checksum(data)


@pytest.mark.parametrize("data", [b"", bytes(8), b"\xff" * 8, b"\x01", b"\x00\x01\xff\xfe"])
def test_checksum_of_nothing_zeros_and_ones(data: bytes) -> None:
    assert inet.checksum(data) == slow_checksum(data)


@given(st.binary(min_size=2, max_size=80).filter(lambda data: any(data[2:])))
def test_data_with_its_checksum_has_the_checksum_0(data: bytes) -> None:
    assert inet.checksum(struct.pack("!H", inet.checksum(b"\0\0" + data[2:])) + data[2:]) == 0


@given(ipv4 | ipv6)
def test_addresses_round_trip(text: str) -> None:
    packed = inet.pack_address(text)
    assert packed == ipaddress.ip_address(text).packed
    assert inet.address_text(packed) == text


def test_addresses_are_canonical() -> None:
    assert inet.address_text(inet.pack_address("2001:DB8:0:0:0:0:0:1")) == "2001:db8::1"
    assert inet.pack_address("fe80::1%eth0") == inet.pack_address("fe80::1")


@pytest.mark.parametrize("text", ["", "192.0.2", "192.0.2.256", "eth0", "2001:db8::1::2"])
def test_text_that_is_no_address(text: str) -> None:
    with pytest.raises(ValueError):
        inet.pack_address(text)


def test_groups_and_their_macs() -> None:
    group4, group6 = inet.pack_address("239.129.2.3"), inet.pack_address("ff02::12")
    assert inet.multicast_mac(group4) == bytes.fromhex("01005e010203")
    assert inet.multicast_mac(group6) == bytes.fromhex("333300000012")
    assert inet.is_multicast(group4)
    assert inet.is_multicast(group6)
    assert not inet.is_multicast(inet.pack_address("192.0.2.1"))
    assert not inet.is_multicast(inet.pack_address("fe80::1"))
    assert inet.address_text(inet.solicited_node(inet.pack_address("2001:db8::12:3456"))) == "ff02::1:ff12:3456"
    assert inet.mac_text(inet.multicast_mac(group4)) == "01:00:5e:01:02:03"


def test_pseudo_headers() -> None:
    source4, group4 = inet.pack_address("192.0.2.1"), inet.pack_address("224.0.0.18")
    assert inet.pseudo_header(source4, group4, 112, 20).hex() == "c0000201e000001200700014"
    source6, group6 = inet.pack_address("fe80::1"), inet.pack_address("ff02::12")
    assert inet.pseudo_header(source6, group6, 112, 40) == source6 + group6 + bytes.fromhex("0000002800000070")


def test_icmpv6_checksum_of_captured_packets() -> None:
    discoveries = [packet for packet in captured() if "icmpv6" in packet.expected]
    assert discoveries
    for packet in discoveries:
        message = packet.frame[54:]
        assert inet.icmpv6_checksum(packet.frame[22:38], packet.frame[38:54], message) == 0, packet.where


# -- Ethernet --


@given(st.binary(min_size=6, max_size=6), st.binary(min_size=6, max_size=6), st.sampled_from([0x800, 0x806, 0x86DD]))
def test_ethernet_round_trip(destination: bytes, source: bytes, ethertype: int) -> None:
    decoded = inet.decode_ethernet(inet.ethernet_header(destination, source, ethertype) + b"payload")
    assert decoded == inet.Ethernet(destination, source, ethertype)


def test_ethernet_skips_vlan_tags() -> None:
    macs = bytes(12)
    single = inet.decode_ethernet(macs + bytes.fromhex("8100 6005 0800"))
    assert (single.ethertype, single.header_length, single.vlan) == (0x0800, 18, 5)
    double = inet.decode_ethernet(macs + bytes.fromhex("88a8 0064 8100 0005 86dd"))
    assert (double.ethertype, double.header_length, double.vlan) == (0x86DD, 22, 100)


@pytest.mark.parametrize("frame", [b"", bytes(13), bytes(12) + b"\x81\x00\x00", bytes(12) + b"\x81\x00\0\5\x81\x00\0"])
def test_ethernet_that_is_too_short(frame: bytes) -> None:
    with pytest.raises(DecodeError) as error:
        inet.decode_ethernet(frame)
    assert error.value.reason == "packet-length-error"


# -- IP --


@given(ipv4, ipv4, st.integers(0, 1000), octet, octet, octet, word, word)
def test_ipv4_round_trip(
    source: str, destination: str, length: int, protocol: int, ttl: int, tos: int, identification: int, fragment: int
) -> None:
    header = inet.ipv4_header(source, destination, length, protocol, ttl, tos, identification, fragment)
    decoded = inet.decode_ipv4(header + bytes(length) + b"Ethernet padding")
    assert decoded == inet.Ipv4Header(
        source, destination, ttl, protocol, 20, 20 + length, True, tos, identification, fragment
    )


def test_ipv4_header_with_options_and_a_wrong_checksum() -> None:
    plain = inet.ipv4_header("192.0.2.1", "224.0.0.18", 4, 112)
    options = bytearray(plain + bytes(4))
    options[0] = 0x46
    decoded = inet.decode_ipv4(bytes(options))
    assert (decoded.header_length, decoded.total_length, decoded.checksum_ok) == (24, 24, False)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "packet-length-error"),
        (bytes(19), "packet-length-error"),
        (b"\x65" + bytes(19), "ip-version-error"),
        (b"\x44\0\0\x14" + bytes(16), "packet-length-error"),  # header of 16 octets
        (b"\x45\0\0\x13" + bytes(16), "packet-length-error"),  # total length 19
        (b"\x45\0\0\x15" + bytes(16), "packet-length-error"),  # one octet more than received
    ],
)
def test_ipv4_that_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as error:
        inet.decode_ipv4(data)
    assert error.value.reason == reason


@given(ipv6, ipv6, st.integers(0, 1000), octet, octet, octet, st.integers(0, 0xFFFFF))
def test_ipv6_round_trip(
    source: str, destination: str, length: int, next_header: int, hop_limit: int, traffic_class: int, flow: int
) -> None:
    header = inet.ipv6_header(source, destination, length, next_header, hop_limit, traffic_class, flow)
    decoded = inet.decode_ipv6(header + bytes(length))
    assert decoded == inet.Ipv6Header(source, destination, hop_limit, next_header, length, traffic_class, flow)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bytes(39), "packet-length-error"),
        (b"\x45" + bytes(39), "ip-version-error"),
        (b"\x60\0\0\0\0\1" + bytes(34), "packet-length-error"),
    ],
)
def test_ipv6_that_is_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as error:
        inet.decode_ipv6(data)
    assert error.value.reason == reason


def test_captured_headers_decode_to_tsharks_values_and_encode_again() -> None:
    for packet in captured():
        ethernet = inet.decode_ethernet(packet.frame)
        expected = packet.expected
        assert inet.mac_text(ethernet.source) == expected["eth"]["src"], packet.where
        assert inet.mac_text(ethernet.destination) == expected["eth"]["dst"], packet.where
        assert ethernet.ethertype == int(expected["eth"]["type"], 16), packet.where
        header = inet.ethernet_header(ethernet.destination, ethernet.source, ethernet.ethertype)
        assert header == packet.frame[:14], packet.where


def test_captured_ipv4_headers_decode_to_tsharks_values_and_encode_again() -> None:
    packets = [packet for packet in captured() if packet.expected.get("ip", {}).get("version") == 4]
    assert packets
    for packet in packets:
        got, want = inet.decode_ipv4(packet.frame[14:]), packet.expected["ip"]
        assert (got.source, got.destination, got.ttl) == (want["src"], want["dst"], want["ttl"]), packet.where
        assert (got.protocol, got.total_length) == (want["proto"], want["total_length"]), packet.where
        assert (got.tos, got.identification) == (int(want["tos"], 16), int(want["id"], 16)), packet.where
        assert got.checksum_ok is want["header_checksum_ok"], packet.where
        encoded = inet.ipv4_header(
            got.source, got.destination, got.total_length - 20, got.protocol, got.ttl, got.tos, got.identification,
            got.fragment,
        )  # fmt: skip
        assert encoded == packet.frame[14:34], packet.where


def test_captured_ipv6_headers_decode_to_tsharks_values_and_encode_again() -> None:
    packets = [packet for packet in captured() if packet.expected.get("ip", {}).get("version") == 6]
    assert packets
    for packet in packets:
        got, want = inet.decode_ipv6(packet.frame[14:]), packet.expected["ip"]
        assert (got.source, got.destination) == (want["src"], want["dst"]), packet.where
        assert (got.hop_limit, got.next_header) == (want["hop_limit"], want["next_header"]), packet.where
        assert got.payload_length == want["payload_length"], packet.where
        encoded = inet.ipv6_header(
            got.source, got.destination, got.payload_length, got.next_header, got.hop_limit, got.traffic_class,
            got.flow_label,
        )  # fmt: skip
        assert encoded == packet.frame[14:54], packet.where

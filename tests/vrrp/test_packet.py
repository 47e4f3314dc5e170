"""alived.vrrp.packet: rows P and R of the VRRP requirements that a packet alone decides, byte vectors, captures."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError, Family
from alived.vrrp.config import MULTICAST_GROUP, Checksum
from alived.vrrp.packet import (
    Advertisement,
    ChecksumReading,
    checksum_reading,
    decode,
    encode,
    virtual_mac,
)
from alived.wire import inet
from tests.corpus import Captured, with_key

SOURCE4, GROUP4 = "192.0.2.1", "224.0.0.18"
SOURCE6, GROUP6 = "fe80::5eff:fe10:1", "ff02::12"

V2 = Advertisement(version=2, virtual_router_id=51, priority=100, interval_cs=100, addresses=("192.0.2.100",))
V2_PASS = Advertisement(
    version=2,
    virtual_router_id=7,
    priority=120,
    interval_cs=100,
    addresses=("192.0.2.100",),
    auth_type=1,
    auth_data=b"secret12",
)
V3 = Advertisement(
    version=3,
    virtual_router_id=60,
    priority=100,
    interval_cs=50,
    addresses=("192.0.2.100", "192.0.2.101", "198.51.100.3"),
)
V3_IPV6 = Advertisement(
    version=3,
    virtual_router_id=51,
    priority=100,
    interval_cs=100,
    addresses=("fe80::100", "2001:db8:0:1::100", "2001:db8:0:1::101"),
)
V2_BYTES = bytes.fromhex("213364010001b865c00002640000000000000000")
V2_PASS_BYTES = bytes.fromhex("2107780101013613c00002647365637265743132")
V3_BYTES = bytes.fromhex("313c6403003218f4c0000264c0000265c6336403")
V3_STOP_BYTES = bytes.fromhex("313c000300327cf4c0000264c0000265c6336403")
V3_MESSAGE_ONLY_BYTES = bytes.fromhex("313c64030032bb8cc0000264c0000265c6336403")
V3_IPV6_BYTES = bytes.fromhex(
    "313364030064b21ffe80000000000000000000000000010020010db800000001000000000000010020010db8000000010000000000000101"
)


def decode4(message: bytes, *, destination: str = GROUP4, **options: Any) -> Advertisement:
    return decode(message, source=SOURCE4, destination=destination, family=Family.IPV4, **options)


def decode6(message: bytes) -> Advertisement:
    return decode(message, source=SOURCE6, destination=GROUP6, family=Family.IPV6)


def encode4(advertisement: Advertisement, **options: Any) -> bytes:
    return encode(advertisement, source=SOURCE4, destination=GROUP4, **options)


def reason_of(message: bytes, family: Family = Family.IPV4) -> str:
    with pytest.raises(DecodeError) as error:
        decode4(message) if family is Family.IPV4 else decode6(message)
    return error.value.reason


def changed(message: bytes, **octets: int) -> bytes:
    """The v2 message with these octets changed (`at0=0x41`) and its checksum put right."""
    data = bytearray(message)
    for name, value in octets.items():
        data[int(name.removeprefix("at"))] = value
    data[6:8] = bytes(2)
    data[6:8] = inet.checksum(bytes(data)).to_bytes(2, "big")
    return bytes(data)


def family_of(packet: Captured) -> Family:
    return Family.IPV4 if packet.expected["ip"]["version"] == 4 else Family.IPV6


# -- byte vectors of section 6 --


@pytest.mark.parametrize(("advertisement", "message"), [(V2, V2_BYTES), (V2_PASS, V2_PASS_BYTES), (V3, V3_BYTES)])
def test_byte_vectors_over_ipv4(advertisement: Advertisement, message: bytes) -> None:
    assert encode4(advertisement) == message
    assert decode4(message) == advertisement


def test_byte_vector_of_priority_0() -> None:
    stopping = Advertisement(version=3, virtual_router_id=60, priority=0, interval_cs=50, addresses=V3.addresses)
    assert encode4(stopping) == V3_STOP_BYTES
    assert decode4(V3_STOP_BYTES) == stopping


def test_byte_vector_with_the_checksum_of_the_message_only() -> None:
    assert encode4(V3, checksum=Checksum.MESSAGE_ONLY) == V3_MESSAGE_ONLY_BYTES
    assert decode4(V3_MESSAGE_ONLY_BYTES) == V3


def test_byte_vector_over_ipv6() -> None:
    assert encode(V3_IPV6, source=SOURCE6, destination=GROUP6) == V3_IPV6_BYTES
    assert decode6(V3_IPV6_BYTES) == V3_IPV6


# -- P: format and transmission --


def test_P1_groups_of_the_families() -> None:
    assert MULTICAST_GROUP == {Family.IPV4: "224.0.0.18", Family.IPV6: "ff02::12"}
    assert inet.PROTOCOL_VRRP == 112
    multicasts = [packet for packet in with_key("vrrp") if packet.expected["ip"]["dst"] in (GROUP4, GROUP6)]
    for packet in multicasts:
        group = inet.pack_address(MULTICAST_GROUP[family_of(packet)])
        assert inet.mac_text(inet.multicast_mac(group)) == packet.expected["eth"]["dst"], packet.where


def test_P2_headers_are_sent_with_255_hops() -> None:
    assert inet.decode_ipv4(inet.ipv4_header(SOURCE4, GROUP4, 0, 112)).ttl == 255
    assert inet.decode_ipv6(inet.ipv6_header(SOURCE6, GROUP6, 0, 112)).hop_limit == 255


def test_P3_the_source_address_counts_in_the_checksum() -> None:
    other = encode(V3, source="192.0.2.2", destination=GROUP4)
    assert other != V3_BYTES
    assert reason_of(other) == "checksum-error"


def test_P4_virtual_mac() -> None:
    assert inet.mac_text(virtual_mac(Family.IPV4, 51)) == "00:00:5e:00:01:33"
    assert inet.mac_text(virtual_mac(Family.IPV6, 255)) == "00:00:5e:00:02:ff"
    frr = [packet for packet in with_key("vrrp") if packet.file.startswith("frr")]
    assert frr
    for packet in frr:
        mac = virtual_mac(family_of(packet), packet.expected["vrrp"]["vrid"])
        assert inet.mac_text(mac) == packet.expected["eth"]["src"], packet.where


def test_P5_first_octet_is_version_and_type_1() -> None:
    assert encode4(V2)[0] == 0x21
    assert encode4(V3)[0] == 0x31


def test_P6_virtual_router_ids_are_1_to_255() -> None:
    assert reason_of(changed(V2_BYTES, at1=0)) == "vrid-error"
    assert decode4(changed(V2_BYTES, at1=255)).virtual_router_id == 255


@pytest.mark.parametrize("priority", [0, 1, 100, 254, 255])
def test_P7_priorities_are_0_to_255(priority: int) -> None:
    assert decode4(changed(V2_BYTES, at2=priority)).priority == priority


def test_P8_v2_always_has_8_octets_of_authentication_data() -> None:
    assert encode4(V2)[-8:] == bytes(8)
    assert encode4(V2)[4] == 0
    short = Advertisement(
        version=2,
        virtual_router_id=1,
        priority=1,
        interval_cs=100,
        addresses=V2.addresses,
        auth_type=1,
        auth_data=b"ab",
    )
    assert encode4(short)[-8:] == b"ab\0\0\0\0\0\0"
    assert decode4(encode4(short)) == short
    assert reason_of(V2_BYTES[:-8]) == "packet-length-error"


@pytest.mark.parametrize(("interval_cs", "octet"), [(100, 1), (500, 5), (25500, 255)])
def test_P9_v2_interval_in_seconds(interval_cs: int, octet: int) -> None:
    advertisement = Advertisement(
        version=2, virtual_router_id=51, priority=100, interval_cs=interval_cs, addresses=V2.addresses
    )
    assert encode4(advertisement)[5] == octet
    assert decode4(encode4(advertisement)).interval_cs == interval_cs


def test_P10_v3_reserved_bits_are_sent_as_0_and_ignored() -> None:
    longest = Advertisement(version=3, virtual_router_id=60, priority=100, interval_cs=4095, addresses=V3.addresses)
    assert encode4(longest)[4:6] == b"\x0f\xff"
    assert decode4(changed(V3_BYTES, at4=0xF0, at5=0x32)) == V3


def test_P11_v2_checksum_is_over_the_message_with_its_authentication_data() -> None:
    assert inet.checksum(encode4(V2_PASS)) == 0
    assert reason_of(V2_PASS_BYTES[:-1] + b"3") == "checksum-error"
    reading = checksum_reading(V2_BYTES, source=SOURCE4, destination=GROUP4, family=Family.IPV4)
    assert reading is ChecksumReading.MESSAGE_ONLY


def test_P11_v2_knows_no_pseudo_header() -> None:
    source, destination = inet.pack_address(SOURCE4), inet.pack_address(GROUP4)
    zeroed = V2_BYTES[:6] + bytes(2) + V2_BYTES[8:]
    total = inet.checksum(inet.pseudo_header(source, destination, 112, len(zeroed)) + zeroed)
    assert reason_of(zeroed[:6] + struct.pack("!H", total) + zeroed[8:]) == "checksum-error"


def test_P12_v3_ipv6_pseudo_header() -> None:
    """Source, destination, upper-layer length = that of the VRRP message, next header 112."""
    pseudo = inet.pack_address(SOURCE6) + inet.pack_address(GROUP6) + struct.pack("!II", len(V3_IPV6_BYTES), 112)
    assert inet.checksum(pseudo + V3_IPV6_BYTES) == 0
    assert reason_of(changed(V3_IPV6_BYTES), Family.IPV6) == "checksum-error", "message only is no reading of IPv6"
    reading = checksum_reading(V3_IPV6_BYTES, source=SOURCE6, destination=GROUP6, family=Family.IPV6)
    assert reading is ChecksumReading.PSEUDO_HEADER


@pytest.mark.parametrize(
    ("message", "destination", "expected"),
    [
        (V3_BYTES, GROUP4, ChecksumReading.PSEUDO_HEADER),
        (V3_MESSAGE_ONLY_BYTES, GROUP4, ChecksumReading.MESSAGE_ONLY),
        (V3_BYTES, "192.0.2.2", ChecksumReading.OLD_UNICAST),
        (encode(V3, source=SOURCE4, destination="192.0.2.2"), "192.0.2.2", ChecksumReading.PSEUDO_HEADER),
    ],
)
def test_P13_every_reading_of_the_v3_ipv4_checksum_is_accepted(
    message: bytes, destination: str, expected: ChecksumReading
) -> None:
    assert decode4(message, destination=destination) == V3
    reading = checksum_reading(message, source=SOURCE4, destination=destination, family=Family.IPV4)
    assert reading is expected


def test_P13_the_old_unicast_reading_is_none_for_multicast() -> None:
    message = encode(V3, source=SOURCE4, destination=GROUP4)
    with pytest.raises(DecodeError, match="checksum-error"):
        decode4(message, destination="224.0.0.19")


def test_P14_the_order_of_addresses_is_kept() -> None:
    """The first IPv6 address is the link-local one if the configuration has it there; it is sent as it stands."""
    assert decode6(V3_IPV6_BYTES).addresses[0] == "fe80::100"
    backwards = Advertisement(
        version=3, virtual_router_id=51, priority=100, interval_cs=100, addresses=V3_IPV6.addresses[::-1]
    )
    assert decode6(encode(backwards, source=SOURCE6, destination=GROUP6)) == backwards


def test_P15_addresses_are_of_the_family_of_the_ip_header() -> None:
    """Four octets each behind IPv4, sixteen behind IPv6: the count and the length have to agree with it."""
    message = encode(V3, source=SOURCE6, destination=GROUP6)
    assert reason_of(message, Family.IPV6) == "packet-length-error"
    assert len(encode4(V3)) == 8 + 3 * 4
    assert len(encode(V3_IPV6, source=SOURCE6, destination=GROUP6)) == 8 + 3 * 16


def test_P16_a_list_without_addresses_is_refused() -> None:
    empty = Advertisement(version=2, virtual_router_id=51, priority=100, interval_cs=100, addresses=())
    assert reason_of(encode4(empty)) == "address-list-error"
    assert decode4(encode4(empty), allow_empty=True) == empty


def test_P17_v2_has_no_ipv6() -> None:
    assert reason_of(changed(V3_IPV6_BYTES, at0=0x21), Family.IPV6) == "version-error"


# -- R: checks on receipt --


@pytest.mark.parametrize("version", [0, 1, 4, 15])
def test_R2_other_versions(version: int) -> None:
    assert reason_of(changed(V2_BYTES, at0=version << 4 | 1)) == "version-error"


@pytest.mark.parametrize("kind", [0, 2, 15])
def test_R3_other_types(kind: int) -> None:
    assert reason_of(changed(V2_BYTES, at0=0x20 | kind)) == "type-error"


@pytest.mark.parametrize("message", [V2_BYTES, V3_BYTES])
def test_R4_every_truncation_and_every_excess_is_refused(message: bytes) -> None:
    for length in range(len(message)):
        assert reason_of(message[:length]) == "packet-length-error"
    assert reason_of(message + b"\0") == "packet-length-error"
    assert reason_of(message + bytes(8)) == "packet-length-error"


def test_R4_a_count_that_lies() -> None:
    assert reason_of(changed(V2_BYTES, at3=2)) == "packet-length-error"
    assert reason_of(changed(V2_BYTES, at3=0)) == "packet-length-error"
    assert reason_of(changed(V2_BYTES, at3=255)) == "packet-length-error"


@pytest.mark.parametrize("message", [V2_BYTES, V2_PASS_BYTES, V3_BYTES, V3_MESSAGE_ONLY_BYTES])
def test_R5_every_flipped_bit_is_noticed(message: bytes) -> None:
    for bit in range(len(message) * 8):
        flipped = bytearray(message)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        with pytest.raises(DecodeError):
            decode4(bytes(flipped))


def test_R10_v3_interval_0() -> None:
    assert reason_of(changed(V3_BYTES, at4=0, at5=0)) == "interval-error"
    assert reason_of(changed(V3_BYTES, at4=0xF0, at5=0)) == "interval-error", "reserved bits are no interval"


# -- captures --


def test_captured_messages_decode_to_tsharks_values() -> None:
    for packet in with_key("vrrp"):
        ip, want = packet.expected["ip"], packet.expected["vrrp"]
        got = decode(bytes.fromhex(want["hex"]), source=ip["src"], destination=ip["dst"], family=family_of(packet))
        assert (got.version, got.type) == (want["version"], want["type"]), packet.where
        assert (got.virtual_router_id, got.priority) == (want["vrid"], want["priority"]), packet.where
        assert list(got.addresses) == want["addresses"], packet.where
        assert len(got.addresses) == want["addr_count"], packet.where
        interval_cs = want["adver_int_s"] * 100 if got.version == 2 else want["max_adver_int_cs"]
        assert got.interval_cs == interval_cs, packet.where
        assert got.auth_type == want.get("auth_type", 0), packet.where
        assert got.auth_data.decode() == want.get("auth_string", ""), packet.where


def test_captured_messages_encode_to_the_same_bytes() -> None:
    for packet in with_key("vrrp"):
        ip, message = packet.expected["ip"], bytes.fromhex(packet.expected["vrrp"]["hex"])
        advertisement = decode(message, source=ip["src"], destination=ip["dst"], family=family_of(packet))
        assert encode(advertisement, source=ip["src"], destination=ip["dst"]) == message, packet.where


def test_captured_checksums_are_read_as_tshark_reads_them() -> None:
    for packet in with_key("vrrp"):
        ip, want = packet.expected["ip"], packet.expected["vrrp"]
        reading = checksum_reading(
            bytes.fromhex(want["hex"]), source=ip["src"], destination=ip["dst"], family=family_of(packet)
        )
        if "checksum_ok_message_only" in want:
            assert (reading is ChecksumReading.MESSAGE_ONLY) is want["checksum_ok_message_only"], packet.where
            assert (reading is ChecksumReading.PSEUDO_HEADER) is want["checksum_ok_with_pseudo_header"], packet.where
        else:
            assert want["checksum_ok"], packet.where


# -- properties --

addresses4 = st.lists(st.ip_addresses(v=4).map(str), min_size=1, max_size=255).map(tuple)
addresses6 = st.lists(st.ip_addresses(v=6).map(str), min_size=1, max_size=100).map(tuple)
vrids, priorities = st.integers(1, 255), st.integers(0, 255)
v2_advertisements = st.builds(
    Advertisement,
    version=st.just(2),
    virtual_router_id=vrids,
    priority=priorities,
    interval_cs=st.integers(0, 255).map(lambda seconds: seconds * 100),
    addresses=addresses4,
    auth_type=st.integers(0, 255),
    auth_data=st.binary(max_size=8).map(lambda data: data.rstrip(b"\0")),
)
v3_advertisements = st.builds(
    Advertisement,
    version=st.just(3),
    virtual_router_id=vrids,
    priority=priorities,
    interval_cs=st.integers(1, 4095),
    addresses=addresses4,
)
v6_advertisements = st.builds(
    Advertisement,
    version=st.just(3),
    virtual_router_id=vrids,
    priority=priorities,
    interval_cs=st.integers(1, 4095),
    addresses=addresses6,
)


@given(v2_advertisements | v3_advertisements, st.sampled_from(Checksum), st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_decode_of_encode_over_ipv4(
    advertisement: Advertisement, checksum: Checksum, source: object, destination: object
) -> None:
    message = encode(advertisement, source=str(source), destination=str(destination), checksum=checksum)
    assert decode(message, source=str(source), destination=str(destination), family=Family.IPV4) == advertisement


@given(v6_advertisements, st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_decode_of_encode_over_ipv6(advertisement: Advertisement, source: object, destination: object) -> None:
    message = encode(advertisement, source=str(source), destination=str(destination))
    assert decode(message, source=str(source), destination=str(destination), family=Family.IPV6) == advertisement


@given(st.binary(max_size=100), st.sampled_from(Family))
def test_random_bytes_raise_nothing_but_decode_errors(message: bytes, family: Family) -> None:
    try:
        decode4(message) if family is Family.IPV4 else decode6(message)
    except DecodeError as error:
        assert error.reason


@given(
    st.sampled_from([V2_BYTES, V2_PASS_BYTES, V3_BYTES]),
    st.dictionaries(st.integers(0, 19), st.integers(0, 255), max_size=4),
)
def test_mutated_messages_are_refused_with_a_reason_or_mean_what_they_say(
    message: bytes, octets: dict[int, int]
) -> None:
    mutated = changed(message, **{f"at{position}": value for position, value in octets.items()})
    try:
        advertisement = decode4(mutated)
    except DecodeError as error:
        assert error.reason.endswith("-error")
    else:
        assert decode4(encode4(advertisement)) == advertisement
        assert advertisement.virtual_router_id == mutated[1]

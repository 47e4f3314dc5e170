"""alived.vrrp.authentication: VRRPv2 behind an Authentication Header, rows P8 and R8 of the requirements."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.vrrp.authentication import Authenticated, ah_decode, ah_encode
from alived.wire import inet
from tests.corpus import with_key

KEY = b"ahsecret"
MESSAGE = bytes.fromhex("210964010201b68fc00002640000000000000000")
PACKET = ah_encode(MESSAGE, source="192.0.2.1", destination="224.0.0.18", sequence=5, key=KEY)
UNICAST = ah_encode(MESSAGE, source="192.0.2.1", destination="192.0.2.2", sequence=5, key=KEY)


def reason_of(packet: bytes, key: bytes | None = KEY) -> str:
    with pytest.raises(DecodeError) as error:
        ah_decode(packet, key=key)
    return error.value.reason


def test_P8_captured_packets_are_verified_and_encode_to_the_same_bytes() -> None:
    for packet in with_key("ah"):
        want, header = packet.expected["ah"], inet.decode_ipv4(packet.frame[14:])
        got = ah_decode(packet.frame[14:], key=KEY)
        assert got.sequence == want["sequence"], packet.where
        assert got.spi.hex() == want["spi"].removeprefix("0x"), packet.where
        assert inet.mac_text(got.integrity) == want["icv"], packet.where
        assert got.message.hex() == packet.expected["vrrp"]["hex"], packet.where
        again = ah_encode(
            got.message, source=header.source, destination=header.destination, sequence=got.sequence, key=KEY,
            identification=header.identification,
        )  # fmt: skip
        assert again == packet.frame[14:], packet.where


def test_P8_layout() -> None:
    header = inet.decode_ipv4(PACKET)
    assert (header.protocol, header.ttl, header.total_length) == (51, 255, 20 + 24 + len(MESSAGE))
    assert header.checksum_ok
    assert PACKET[20:24].hex() == "70040000", "next header 112, length 4 words, reserved 0"
    assert PACKET[24:28] == inet.pack_address("192.0.2.1"), "the SPI is the source address"
    assert ah_decode(PACKET, key=KEY) == Authenticated(5, PACKET[24:28], PACKET[32:44], MESSAGE)


def test_the_integrity_value_is_hmac_md5_over_the_packet_with_mutable_fields_0() -> None:
    covered = bytearray(PACKET)
    covered[1] = 0
    covered[6:8] = covered[10:12] = bytes(2)
    covered[32:44] = bytes(12)
    assert hmac.new(KEY, bytes(covered), hashlib.md5).digest()[:12] == PACKET[32:44]


def test_routers_may_change_what_is_mutable() -> None:
    changed = bytearray(UNICAST)
    changed[1], changed[8] = 0x28, 64
    assert ah_decode(bytes(changed), key=KEY).message == MESSAGE


def test_P8_a_unicast_packet_of_keepalived_with_another_ttl() -> None:
    """keepalived 2.2.7 with `unicast_ttl 77`, from 192.0.2.1 to 192.0.2.2, password "ahsecret"."""
    packet = bytes.fromhex(
        "45c00040000200004d33e8c5c0000201c0000202"
        "70040000c000020100000002465e1a5cbaaf3ce055a77222"
        "2109ff0102011b8fc00002640000000000000000"
    )
    got = ah_decode(packet, key=KEY)
    assert got.sequence == 2
    again = ah_encode(
        got.message, source="192.0.2.1", destination="192.0.2.2", sequence=2, key=KEY, ttl=77, identification=2
    )
    assert again == packet
    packet = packet[:8] + b"\x4c" + packet[9:]
    assert ah_decode(packet, key=KEY).sequence == 2, "a router took one from the TTL"


def test_the_ttl_of_multicast_is_covered_as_keepalived_does_it() -> None:
    changed = bytearray(PACKET)
    changed[8] = 254
    assert reason_of(bytes(changed)) == "authentication-error"


@pytest.mark.parametrize(("sequence", "identification"), [(1, 1), (0xFFFF, 0xFFFF), (0x10000, 1), (0x10002, 2)])
def test_the_identification_is_never_left_to_the_kernel(sequence: int, identification: int) -> None:
    packet = ah_encode(MESSAGE, source="192.0.2.1", destination="224.0.0.18", sequence=sequence, key=KEY)
    assert inet.decode_ipv4(packet).identification == identification
    assert ah_decode(packet, key=KEY).sequence == sequence


def test_R8_another_key() -> None:
    assert reason_of(PACKET, b"other") == "authentication-error"
    assert ah_decode(PACKET, key=None).message == MESSAGE, "an onlooker needs no key"


def test_a_key_is_cut_to_8_octets() -> None:
    assert ah_decode(PACKET, key=b"ahsecret and more").sequence == 5


def test_R8_any_changed_octet_of_the_message_is_noticed() -> None:
    for position in range(20, len(PACKET)):
        changed = bytearray(PACKET)
        changed[position] ^= 1
        with pytest.raises(DecodeError):
            ah_decode(bytes(changed), key=KEY)


def test_R8_a_security_association_of_somebody_else() -> None:
    """A right integrity value, but the SPI is not the source address."""
    covered = bytearray(PACKET)
    covered[24:28] = inet.pack_address("192.0.2.9")
    bare = bytearray(covered)
    bare[1] = 0
    bare[6:8] = bare[10:12] = bytes(2)
    bare[32:44] = bytes(12)
    covered[32:44] = hmac.new(KEY, bytes(bare), hashlib.md5).digest()[:12]
    assert reason_of(bytes(covered)) == "authentication-error"


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (PACKET[:19], "packet-length-error"),
        (inet.ipv4_header("192.0.2.1", "224.0.0.18", 20, 112) + MESSAGE, "auth-type-error"),
        (inet.ipv4_header("192.0.2.1", "224.0.0.18", 23, 51) + PACKET[20:43], "packet-length-error"),
        (PACKET[:20] + b"\x06" + PACKET[21:], "auth-type-error"),
        (PACKET[:21] + b"\x05" + PACKET[22:], "packet-length-error"),
    ],
)
def test_packets_that_are_refused(packet: bytes, reason: str) -> None:
    assert reason_of(packet) == reason


def test_padding_behind_the_packet_is_no_part_of_it() -> None:
    assert ah_decode(PACKET + bytes(6), key=KEY).message == MESSAGE


@given(
    st.binary(max_size=60),
    st.ip_addresses(v=4),
    st.ip_addresses(v=4),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=12),
)
def test_decode_of_encode(message: bytes, source: object, destination: object, sequence: int, key: bytes) -> None:
    packet = ah_encode(message, source=str(source), destination=str(destination), sequence=sequence, key=key)
    decoded = ah_decode(packet, key=key)
    assert (decoded.message, decoded.sequence) == (message, sequence)


@given(st.binary(max_size=100))
def test_random_bytes_raise_nothing_but_decode_errors(data: bytes) -> None:
    for packet in (data, b"\x45" + data, PACKET[:20] + data):
        try:
            ah_decode(packet, key=KEY)
        except DecodeError as error:
            assert error.reason.endswith("-error")

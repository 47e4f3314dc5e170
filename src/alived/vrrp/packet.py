"""VRRP messages: RFC 9568 (v3), RFC 3768 (v2), and the Authentication Header of RFC 2338 as keepalived builds it.

`encode` and `decode` know the VRRP message alone; the IP header is `alived.wire.inet`'s. `decode` makes every check
that needs no configuration; what a configuration decides is `alived.vrrp.receive`'s.

The reasons of a DecodeError are names of ietf-vrrp (RFC 8347) and keepalived's counters where they have one:
checksum-error, version-error, vrid-error, ip-ttl-error, packet-length-error, interval-error, address-list-error,
type-error, auth-type-error, authentication-error.
"""

from __future__ import annotations

import enum
import struct

import msgspec

from alived.base import DecodeError, Family
from alived.vrrp.config import MULTICAST_GROUP, Checksum
from alived.wire.inet import LENGTH_ERROR, PROTOCOL_VRRP, address_text, is_multicast, pack_address, pseudo_header
from alived.wire.inet import checksum as internet_checksum

ADVERTISEMENT = 1
"""The only type that there is (RFC 9568 section 5.2.2)."""

AUTH_NONE, AUTH_PASS, AUTH_AH = 0, 1, 2
"""RFC 2338 section 5.3.6; RFC 3768 keeps the octets and gives up the meaning."""

AUTH_DATA_LENGTH = 8
MAX_ADDRESSES = 255
"""The count is an octet."""

_HEADER = struct.Struct("!BBBBHH")
_GROUP_IPV4 = pack_address(MULTICAST_GROUP[Family.IPV4])
_VIRTUAL_MAC_PREFIX = {Family.IPV4: b"\x00\x00\x5e\x00\x01", Family.IPV6: b"\x00\x00\x5e\x00\x02"}


class ChecksumReading(enum.StrEnum):
    """What a checksum turned out to cover."""

    MESSAGE_ONLY = "message_only"
    """v2, and v3 over IPv4 as RFC 9568 section 5.2.8 has it"""
    PSEUDO_HEADER = "pseudo_header"
    """v3 over IPv6, and v3 over IPv4 as RFC 5798 is read by keepalived and FRR"""
    OLD_UNICAST = "old_unicast"
    """v3 over IPv4 by unicast, the pseudo header with the multicast group (keepalived before 1.3.6)"""


class Advertisement(msgspec.Struct, frozen=True, kw_only=True):
    """A VRRP advertisement; `decode(encode(x)) == x`."""

    version: int
    virtual_router_id: int
    priority: int
    interval_cs: int
    """v2: whole seconds times 100, up to 25500; v3: 1..4095"""
    addresses: tuple[str, ...]
    type: int = ADVERTISEMENT
    auth_type: int = AUTH_NONE
    """v2 only"""
    auth_data: bytes = b""
    """v2 only: at most 8 octets, without the zero octets that pad them"""


def virtual_mac(family: Family, virtual_router_id: int) -> bytes:
    """00:00:5e:00:01:VRID or 00:00:5e:00:02:VRID (RFC 9568 section 7.3)."""
    return _VIRTUAL_MAC_PREFIX[family] + bytes((virtual_router_id,))


def encode(
    advertisement: Advertisement, *, source: str, destination: str, checksum: Checksum = Checksum.PSEUDO_HEADER
) -> bytes:
    """The VRRP message with its checksum. `checksum` only means something for v3 over IPv4.

    source, destination: of the IP header that will carry it. For keepalived's `old_unicast_checksum` give the
    multicast group as destination.
    """
    packed_source = pack_address(source)
    family = Family.IPV6 if len(packed_source) == 16 else Family.IPV4
    addresses = b"".join(map(pack_address, advertisement.addresses))
    if advertisement.version == 2:
        timing = advertisement.auth_type << 8 | advertisement.interval_cs // 100
        tail = addresses + advertisement.auth_data.ljust(AUTH_DATA_LENGTH, b"\0")
    else:
        timing, tail = advertisement.interval_cs, addresses
    first = advertisement.version << 4 | advertisement.type
    count = len(advertisement.addresses)
    header = first, advertisement.virtual_router_id, advertisement.priority, count, timing
    covered = _HEADER.pack(*header, 0) + tail
    if advertisement.version == 3 and (family is Family.IPV6 or checksum is Checksum.PSEUDO_HEADER):
        covered = pseudo_header(packed_source, pack_address(destination), PROTOCOL_VRRP, len(covered)) + covered
    return _HEADER.pack(*header, internet_checksum(covered)) + tail


def decode(
    message: bytes, *, source: str, destination: str, family: Family, allow_empty: bool = False
) -> Advertisement:
    """The advertisement in a VRRP message, checked as RFC 9568 section 7.1 demands, less what needs a configuration.

    source, destination: of the IP header that carried it. allow_empty: accept a list without addresses, which
    section 5.2.5 forbids (erratum 8299) but keepalived sends when it has none to advertise.

    DecodeError: packet-length-error, version-error, type-error, vrid-error, address-list-error, interval-error,
    checksum-error.
    """
    if len(message) < _HEADER.size:
        raise DecodeError(LENGTH_ERROR, f"{len(message)} octets are no VRRP header")
    first, virtual_router_id, priority, count, timing, _ = _HEADER.unpack_from(message)
    version = _check_version_and_type(first, family)
    size = 16 if family is Family.IPV6 else 4
    end = _HEADER.size + count * size
    expected = end + AUTH_DATA_LENGTH * (version == 2)
    if len(message) != expected:
        raise DecodeError(LENGTH_ERROR, f"{len(message)} octets, but {expected} with {count} addresses")
    checksum_reading(message, source=source, destination=destination, family=family)
    if not virtual_router_id:
        raise DecodeError("vrid-error", "virtual router 0")
    if not count and not allow_empty:
        raise DecodeError("address-list-error", "no address")
    addresses = tuple([address_text(message[at : at + size]) for at in range(_HEADER.size, end, size)])
    if version == 2:
        return Advertisement(
            version=2,
            virtual_router_id=virtual_router_id,
            priority=priority,
            interval_cs=(timing & 0xFF) * 100,
            addresses=addresses,
            auth_type=timing >> 8,
            auth_data=message[end:].rstrip(b"\0"),
        )
    if not timing & 0x0FFF:
        raise DecodeError("interval-error", "interval 0")
    return Advertisement(
        version=3,
        virtual_router_id=virtual_router_id,
        priority=priority,
        interval_cs=timing & 0x0FFF,
        addresses=addresses,
    )


def _check_version_and_type(octet: int, family: Family) -> int:
    """The version in the first octet of a message."""
    version, kind = octet >> 4, octet & 0x0F
    if version not in (2, 3):
        raise DecodeError("version-error", f"version {version}")
    if version == 2 and family is Family.IPV6:
        raise DecodeError("version-error", "version 2 knows no IPv6")
    if kind != ADVERTISEMENT:
        raise DecodeError("type-error", f"type {kind} instead of {ADVERTISEMENT}")
    return version


def checksum_reading(message: bytes, *, source: str, destination: str, family: Family) -> ChecksumReading:
    """Which reading makes the checksum of a message (that has a header) right. DecodeError(checksum-error): none."""
    version = message[0] >> 4
    if family is Family.IPV4 and internet_checksum(message) == 0:
        return ChecksumReading.MESSAGE_ONLY
    if version == 3:
        packed_source, packed_destination = pack_address(source), pack_address(destination)
        if _right_with_pseudo_header(message, packed_source, packed_destination):
            return ChecksumReading.PSEUDO_HEADER
        if (
            family is Family.IPV4
            and not is_multicast(packed_destination)
            and _right_with_pseudo_header(message, packed_source, _GROUP_IPV4)
        ):
            return ChecksumReading.OLD_UNICAST
    raise DecodeError("checksum-error", f"checksum 0x{message[6:8].hex()} is right by no reading")


def _right_with_pseudo_header(message: bytes, source: bytes, destination: bytes) -> bool:
    return internet_checksum(pseudo_header(source, destination, PROTOCOL_VRRP, len(message)) + message) == 0

"""Ethernet, IPv4, IPv6: addresses, headers and the Internet checksum.

Addresses are packed bytes where they go into packets and canonical text where people or configurations see them;
both directions are cached, because a router hears the same few addresses all its life. MAC addresses are bytes.
"""

from __future__ import annotations

import functools
import ipaddress
import struct

import msgspec

from alived.base import DecodeError

ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_ARP = 0x0806
ETHERTYPE_IPV6 = 0x86DD
_VLAN_TAGS = (0x8100, 0x88A8)
"""IEEE 802.1Q and 802.1ad"""

PROTOCOL_AH = 51
PROTOCOL_ICMPV6 = 58
PROTOCOL_VRRP = 112

BROADCAST_MAC = b"\xff" * 6
INTERNETWORK_CONTROL = 0xC0
"""Type of service / traffic class CS6 (RFC 4594): what keepalived and FRR put on adverts."""

LENGTH_ERROR = "packet-length-error"
"""Reason of the DecodeError of a packet that is shorter than it says (a name of ietf-vrrp)."""

_ETHERNET = struct.Struct("!6s6sH")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_SOLICITED_NODE_PREFIX = bytes.fromhex("ff0200000000000000000001ff")


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): what belongs into a checksum field that is 0, or 0 if `data` has a right one.

    A sum of 16-bit words with end-around carry is the number itself modulo 65535, and Python has long integers.
    """
    total = int.from_bytes(data, "big")
    if len(data) & 1:
        total <<= 8
    rest = total % 0xFFFF
    if rest:
        return 0xFFFF - rest
    return 0 if total else 0xFFFF


@functools.lru_cache(maxsize=16384)
def pack_address(text: str) -> bytes:
    """4 or 16 bytes; the scope of `fe80::1%eth0` is no part of them. ValueError if it is no address."""
    return ipaddress.ip_address(text).packed


@functools.lru_cache(maxsize=16384)
def address_text(packed: bytes) -> str:
    """Canonical text (RFC 5952) of 4 or 16 bytes."""
    return str(ipaddress.ip_address(packed))


def mac_text(mac: bytes) -> str:
    """`00:00:5e:00:01:33`"""
    return mac.hex(":")


def is_multicast(packed: bytes) -> bool:
    """224.0.0.0/4 or ff00::/8"""
    return packed[0] == 0xFF if len(packed) == 16 else packed[0] & 0xF0 == 0xE0


def multicast_mac(group: bytes) -> bytes:
    """The MAC to which a multicast group is sent (RFC 1112 section 6.4, RFC 2464 section 7)."""
    if len(group) == 16:
        return b"\x33\x33" + group[12:]
    return bytes((0x01, 0x00, 0x5E, group[1] & 0x7F, group[2], group[3]))


def solicited_node(address: bytes) -> bytes:
    """The group of an IPv6 address to which neighbours send their questions (RFC 4291 section 2.7.1)."""
    return _SOLICITED_NODE_PREFIX + address[13:]


def pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """What a checksum of an upper layer covers besides its message (RFC 793 for IPv4, RFC 8200 section 8.1)."""
    if len(source) == 16:
        return source + destination + struct.pack("!II", length, protocol)
    return source + destination + struct.pack("!HH", protocol, length)


def icmpv6_checksum(source: bytes, destination: bytes, message: bytes) -> int:
    """As `checksum`, with the pseudo header (RFC 4443 section 2.3)."""
    return checksum(pseudo_header(source, destination, PROTOCOL_ICMPV6, len(message)) + message)


class Ethernet(msgspec.Struct, frozen=True):
    """An Ethernet II header. `header_length` counts the VLAN tags that were skipped; `vlan` is the outermost id."""

    destination: bytes
    source: bytes
    ethertype: int
    header_length: int = 14
    vlan: int | None = None


def decode_ethernet(frame: bytes) -> Ethernet:
    """Skips 802.1Q and 802.1ad tags. DecodeError(packet-length-error) if the header is not complete."""
    if len(frame) < 14:
        raise DecodeError(LENGTH_ERROR, f"{len(frame)} octets are no Ethernet header")
    destination, source, ethertype = _ETHERNET.unpack_from(frame)
    length, vlan = 14, None
    while ethertype in _VLAN_TAGS:
        if len(frame) < length + 4:
            raise DecodeError(LENGTH_ERROR, "the frame ends within a VLAN tag")
        tag, ethertype = struct.unpack_from("!HH", frame, length)
        vlan = tag & 0x0FFF if vlan is None else vlan
        length += 4
    return Ethernet(destination, source, ethertype, length, vlan)


def ethernet_header(destination: bytes, source: bytes, ethertype: int) -> bytes:
    return _ETHERNET.pack(destination, source, ethertype)


class Ipv4Header(msgspec.Struct, frozen=True):
    """An IPv4 header (RFC 791). `fragment` holds the three flags and the offset."""

    source: str
    destination: str
    ttl: int
    protocol: int
    header_length: int
    total_length: int
    checksum_ok: bool
    tos: int = INTERNETWORK_CONTROL
    identification: int = 0
    fragment: int = 0


def decode_ipv4(data: bytes) -> Ipv4Header:
    """`data` begins with the header; octets after `total_length` (Ethernet padding) are the caller's to cut.

    DecodeError: packet-length-error, ip-version-error.
    """
    if len(data) < 20:
        raise DecodeError(LENGTH_ERROR, f"{len(data)} octets are no IPv4 header")
    first, tos, total, identification, fragment, ttl, protocol, _, source, destination = _IPV4.unpack_from(data)
    length = (first & 0x0F) * 4
    if first >> 4 != 4:
        raise DecodeError("ip-version-error", f"IP version {first >> 4} instead of 4")
    if length < 20 or not length <= total <= len(data):
        raise DecodeError(LENGTH_ERROR, f"IPv4 header {length}, total length {total}, received {len(data)} octets")
    return Ipv4Header(
        address_text(source),
        address_text(destination),
        ttl,
        protocol,
        length,
        total,
        checksum(data[:length]) == 0,
        tos,
        identification,
        fragment,
    )


def ipv4_header(
    source: str,
    destination: str,
    payload_length: int,
    protocol: int,
    ttl: int = 255,
    tos: int = INTERNETWORK_CONTROL,
    identification: int = 0,
    fragment: int = 0,
) -> bytes:
    """20 octets with a right checksum. On an IP_HDRINCL socket the kernel replaces an identification of 0."""
    packed_source, packed_destination = pack_address(source), pack_address(destination)
    fields = (0x45, tos, 20 + payload_length, identification, fragment, ttl, protocol)
    total = checksum(_IPV4.pack(*fields, 0, packed_source, packed_destination))
    return _IPV4.pack(*fields, total, packed_source, packed_destination)


class Ipv6Header(msgspec.Struct, frozen=True):
    """An IPv6 header without extensions (RFC 8200 section 3)."""

    source: str
    destination: str
    hop_limit: int
    next_header: int
    payload_length: int
    traffic_class: int = INTERNETWORK_CONTROL
    flow_label: int = 0


def decode_ipv6(data: bytes) -> Ipv6Header:
    """`data` begins with the header; the payload has to be complete. DecodeError: packet-length-error,
    ip-version-error."""
    if len(data) < 40:
        raise DecodeError(LENGTH_ERROR, f"{len(data)} octets are no IPv6 header")
    first, length, next_header, hop_limit, source, destination = _IPV6.unpack_from(data)
    if first >> 28 != 6:
        raise DecodeError("ip-version-error", f"IP version {first >> 28} instead of 6")
    if 40 + length > len(data):
        raise DecodeError(LENGTH_ERROR, f"IPv6 payload of {length} octets, received {len(data) - 40}")
    return Ipv6Header(
        address_text(source),
        address_text(destination),
        hop_limit,
        next_header,
        length,
        first >> 20 & 0xFF,
        first & 0xFFFFF,
    )


def ipv6_header(
    source: str,
    destination: str,
    payload_length: int,
    next_header: int,
    hop_limit: int = 255,
    traffic_class: int = INTERNETWORK_CONTROL,
    flow_label: int = 0,
) -> bytes:
    first = 6 << 28 | traffic_class << 20 | flow_label
    return _IPV6.pack(first, payload_length, next_header, hop_limit, pack_address(source), pack_address(destination))

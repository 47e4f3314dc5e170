"""ARP (RFC 826, 5227) and IPv6 neighbour discovery (RFC 4861) as whole Ethernet frames, addresses and MACs packed.

What a MASTER says about its addresses: `gratuitous_arp` and `unsolicited_na`; what it asks before it takes them:
`arp_probe`; what it hears: `decode`.
"""

from __future__ import annotations

import struct
from typing import assert_never

import msgspec

from alived.base import DecodeError
from alived.wire.inet import (
    BROADCAST_MAC,
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    LENGTH_ERROR,
    PROTOCOL_ICMPV6,
    address_text,
    decode_ethernet,
    decode_ipv6,
    ethernet_header,
    icmpv6_checksum,
    ipv6_header,
    is_multicast,
    multicast_mac,
    pack_address,
    pseudo_header,
)
from alived.wire.inet import checksum as internet_checksum

ARP_REQUEST = 1
ARP_REPLY = 2
NEIGHBOUR_SOLICITATION = 135
NEIGHBOUR_ADVERTISEMENT = 136
ALL_NODES = pack_address("ff02::1")

_UNSPECIFIED_MAC = bytes(6)
_UNSPECIFIED_IPV4 = bytes(4)
_UNSPECIFIED_IPV6 = bytes(16)
_ROUTER, _SOLICITED, _OVERRIDE = 0x80, 0x40, 0x20
_SOURCE_LINK_LAYER, _TARGET_LINK_LAYER = 1, 2

_ARP = struct.Struct("!HHBBH6s4s6s4s")
_ARP_HEADER = struct.pack("!HHBB", 1, ETHERTYPE_IPV4, 6, 4)
_GRATUITOUS_HEADER = struct.pack("!H", ETHERTYPE_ARP) + _ARP_HEADER + struct.pack("!H", ARP_REQUEST)
_DISCOVERY = struct.Struct("!BBHB3x16s")
_ALL_NODES_MAC = multicast_mac(ALL_NODES)
_TARGET_OPTION_HEADER = bytes((_TARGET_LINK_LAYER, 1))
_UNSOLICITED_HEADER = struct.pack("!HIHBB", ETHERTYPE_IPV6, 6 << 28, 32, PROTOCOL_ICMPV6, 255)
"""From the EtherType to the hop limit."""


class Arp(msgspec.Struct, frozen=True):
    """An ARP packet for IPv4 over Ethernet. The frame's own addresses are told apart from what ARP claims."""

    operation: int
    sender_mac: bytes
    sender: bytes
    target_mac: bytes
    target: bytes
    frame_source: bytes
    frame_destination: bytes

    @property
    def gratuitous(self) -> bool:
        return self.sender == self.target

    @property
    def probe(self) -> bool:
        """RFC 5227 section 1.1: a question that claims nothing."""
        return self.operation == ARP_REQUEST and self.sender == _UNSPECIFIED_IPV4


class NeighbourSolicitation(msgspec.Struct, frozen=True):
    """ "Who has `target`?"; from the unspecified address it is duplicate address detection (RFC 4862 section 5.4)."""

    target: bytes
    source: bytes
    destination: bytes
    link_layer: bytes
    """Source link-layer option; b"" if there is none"""
    frame_source: bytes
    frame_destination: bytes


class NeighbourAdvertisement(msgspec.Struct, frozen=True):
    """ "`target` is at `link_layer`."""

    target: bytes
    source: bytes
    destination: bytes
    router: bool
    solicited: bool
    override: bool
    link_layer: bytes
    """Target link-layer option; b"" if there is none"""
    frame_source: bytes
    frame_destination: bytes


Neighbour = Arp | NeighbourSolicitation | NeighbourAdvertisement


def gratuitous_arp(source_mac: bytes, address: bytes) -> bytes:
    """ "`address` is at `source_mac`", to everybody: a request whose sender and target are the address.

    Request form and target MAC ff:ff:ff:ff:ff:ff as keepalived and FRR send it; an ARP cache that follows RFC 826
    takes a request and a reply alike (RFC 5227 section 3).
    """
    return b"".join((BROADCAST_MAC, source_mac, _GRATUITOUS_HEADER, source_mac, address, BROADCAST_MAC, address))


def arp_probe(source_mac: bytes, address: bytes) -> bytes:
    """ "Has anybody `address`?" without claiming it (RFC 5227 section 2.1.1)."""
    return arp_request(source_mac, _UNSPECIFIED_IPV4, address)


def arp_request(source_mac: bytes, sender: bytes, address: bytes) -> bytes:
    """ "Who has `address`? Tell `sender`", to everybody."""
    return encode(Arp(ARP_REQUEST, source_mac, sender, _UNSPECIFIED_MAC, address, source_mac, BROADCAST_MAC))


def arp_reply(source_mac: bytes, sender: bytes, target_mac: bytes, target: bytes) -> bytes:
    """ "`sender` is at `source_mac`", to the one who asked."""
    return encode(Arp(ARP_REPLY, source_mac, sender, target_mac, target, source_mac, target_mac))


def unsolicited_na(source_mac: bytes, source: bytes, address: bytes, router: bool) -> bytes:
    """ "`address` is at `source_mac`, forget what you knew", to all nodes (RFC 4861 section 7.2.6, RFC 9568 section
    6.4.1): hop limit 255, Solicited clear, Override set, target link-layer option.

    router: keepalived and FRR set it only on a machine that forwards; RFC 9568 always (its routers do forward).
    """
    flags = _ROUTER | _OVERRIDE if router else _OVERRIDE
    message = _DISCOVERY.pack(NEIGHBOUR_ADVERTISEMENT, 0, 0, flags, address) + _TARGET_OPTION_HEADER + source_mac
    total = icmpv6_checksum(source, ALL_NODES, message).to_bytes(2, "big")
    return b"".join(
        (_ALL_NODES_MAC, source_mac, _UNSOLICITED_HEADER, source, ALL_NODES, message[:2], total, message[4:])
    )


def encode(packet: Neighbour) -> bytes:
    """The frame of a packet; `decode` of it gives the packet again."""
    match packet:
        case Arp():
            return ethernet_header(packet.frame_destination, packet.frame_source, ETHERTYPE_ARP) + _ARP.pack(
                1,
                ETHERTYPE_IPV4,
                6,
                4,
                packet.operation,
                packet.sender_mac,
                packet.sender,
                packet.target_mac,
                packet.target,
            )
        case NeighbourSolicitation():
            return _encode_discovery(packet, NEIGHBOUR_SOLICITATION, 0, _SOURCE_LINK_LAYER)
        case NeighbourAdvertisement():
            flags = _ROUTER * packet.router | _SOLICITED * packet.solicited | _OVERRIDE * packet.override
            return _encode_discovery(packet, NEIGHBOUR_ADVERTISEMENT, flags, _TARGET_LINK_LAYER)
        case _:
            assert_never(packet)


def _encode_discovery(
    packet: NeighbourSolicitation | NeighbourAdvertisement, kind: int, flags: int, option: int
) -> bytes:
    link_layer = bytes((option, 1)) + packet.link_layer if packet.link_layer else b""
    length = _DISCOVERY.size + len(link_layer)
    pseudo = pseudo_header(packet.source, packet.destination, PROTOCOL_ICMPV6, length)
    total = internet_checksum(pseudo + _DISCOVERY.pack(kind, 0, 0, flags, packet.target) + link_layer)
    return b"".join(
        (
            ethernet_header(packet.frame_destination, packet.frame_source, ETHERTYPE_IPV6),
            ipv6_header(
                address_text(packet.source), address_text(packet.destination), length, PROTOCOL_ICMPV6, traffic_class=0
            ),
            _DISCOVERY.pack(kind, 0, total, flags, packet.target),
            link_layer,
        )
    )


def decode(frame: bytes) -> Neighbour:
    """Decodes a frame and makes the checks of RFC 826 and of RFC 4861 sections 7.1.1 and 7.1.2.

    DecodeError: packet-length-error, not-neighbour (another protocol: no fault of anybody), arp-format-error,
    ip-ttl-error, checksum-error, icmpv6-code-error, option-error, target-error.
    """
    ethernet = decode_ethernet(frame)
    data = frame[ethernet.header_length :]
    if ethernet.ethertype == ETHERTYPE_ARP:
        return _decode_arp(data, ethernet.source, ethernet.destination)
    if ethernet.ethertype == ETHERTYPE_IPV6:
        return _decode_discovery(data, ethernet.source, ethernet.destination)
    raise DecodeError("not-neighbour", f"ethertype 0x{ethernet.ethertype:04x}")


def _decode_arp(data: bytes, frame_source: bytes, frame_destination: bytes) -> Arp:
    if len(data) < _ARP.size:
        raise DecodeError(LENGTH_ERROR, f"{len(data)} octets are no ARP packet")
    if data[:6] != _ARP_HEADER:
        raise DecodeError("arp-format-error", "not ARP for IPv4 over Ethernet")
    _, _, _, _, operation, sender_mac, sender, target_mac, target = _ARP.unpack_from(data)
    if operation not in (ARP_REQUEST, ARP_REPLY):
        raise DecodeError("arp-format-error", f"operation {operation}")
    return Arp(operation, sender_mac, sender, target_mac, target, frame_source, frame_destination)


def _decode_discovery(
    data: bytes, frame_source: bytes, frame_destination: bytes
) -> NeighbourSolicitation | NeighbourAdvertisement:
    header = decode_ipv6(data)
    message = data[40 : 40 + header.payload_length]
    if header.next_header != PROTOCOL_ICMPV6 or message[:1] not in (b"\x87", b"\x88"):
        raise DecodeError("not-neighbour", "neither solicitation nor advertisement")
    if len(message) < _DISCOVERY.size:
        raise DecodeError(LENGTH_ERROR, f"{len(message)} octets are no neighbour discovery")
    source, destination = data[8:24], data[24:40]
    if header.hop_limit != 255:
        raise DecodeError("ip-ttl-error", f"hop limit {header.hop_limit} instead of 255")
    if icmpv6_checksum(source, destination, message):
        raise DecodeError("checksum-error", "ICMPv6 checksum")
    kind, code, _, flags, target = _DISCOVERY.unpack_from(message)
    if code:
        raise DecodeError("icmpv6-code-error", f"code {code} instead of 0")
    if is_multicast(target):
        raise DecodeError("target-error", f"multicast target {address_text(target)}")
    options = _decode_options(message)
    if kind == NEIGHBOUR_SOLICITATION:
        link_layer = options.get(_SOURCE_LINK_LAYER, b"")
        if link_layer and source == _UNSPECIFIED_IPV6:
            raise DecodeError("option-error", "link-layer address without a source address")
        return NeighbourSolicitation(target, source, destination, link_layer, frame_source, frame_destination)
    if flags & _SOLICITED and is_multicast(destination):
        raise DecodeError("target-error", "an answer to a question goes to everybody")
    return NeighbourAdvertisement(
        target,
        source,
        destination,
        bool(flags & _ROUTER),
        bool(flags & _SOLICITED),
        bool(flags & _OVERRIDE),
        options.get(_TARGET_LINK_LAYER, b""),
        frame_source,
        frame_destination,
    )


def _decode_options(message: bytes) -> dict[int, bytes]:
    """Link-layer addresses by option type (RFC 4861 section 4.6); other options are skipped, the first one counts."""
    options: dict[int, bytes] = {}
    offset = _DISCOVERY.size
    while offset < len(message):
        if offset + 2 > len(message) or not message[offset + 1]:
            raise DecodeError("option-error", "option of length 0 or cut")
        end = offset + message[offset + 1] * 8
        if end > len(message):
            raise DecodeError("option-error", "option longer than the message")
        options.setdefault(message[offset], message[offset + 2 : offset + 8])
        offset = end
    return options

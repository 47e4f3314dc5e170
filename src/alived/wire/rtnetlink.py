"""rtnetlink for addresses and links: requests as bytes, notifications and answers as values.

Our own codec because the fail-over path needs it: thousands of addresses are bound in one go, each a message of some
microseconds here. It knows only what alived uses. Layouts: linux/netlink.h, rtnetlink.h, if_addr.h, if_link.h; numbers
are in the machine's byte order, addresses and MACs are packed, times in seconds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import msgspec

from alived.base import DecodeError
from alived.wire.inet import LENGTH_ERROR

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
NLMSG_ERROR, NLMSG_DONE = 2, 3

RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR = 1, 5, 9
"""Multicast groups of notifications."""

NLM_F_REQUEST, NLM_F_ACK = 0x1, 0x4
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLM_F_DUMP = 0x300
NLM_F_DUMP_INTR = 0x10
NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x100, 0x200

IFA_F_NODAD, IFA_F_HOMEADDRESS, IFA_F_MANAGETEMPADDR = 0x02, 0x10, 0x100
IFA_F_NOPREFIXROUTE, IFA_F_MCAUTOJOIN = 0x200, 0x400
IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE, IFA_F_PERMANENT = 0x08, 0x20, 0x40, 0x80

IFF_UP, IFF_RUNNING = 0x1, 0x40
MACVLAN_MODE_PRIVATE, MACVLAN_MODE_BRIDGE = 1, 4
ADDR_GEN_MODE_EUI64, ADDR_GEN_MODE_NONE = 0, 1

INFINITE_LIFETIME = 0xFFFFFFFF

_AF_INET6 = 10
_IFA_ADDRESS, _IFA_LOCAL, _IFA_LABEL, _IFA_BROADCAST, _IFA_CACHEINFO, _IFA_FLAGS, _IFA_PROTO = 1, 2, 3, 4, 6, 8, 11
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_LINKINFO, _IFLA_AF_SPEC = 1, 3, 4, 5, 18, 26
_IFLA_LINK_NETNSID = 37
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _IFLA_MACVLAN_MODE, _IFLA_INET6_ADDR_GEN_MODE = 1, 2, 1, 8
_NLMSGERR_ATTR_MSG = 1
_NLA_TYPE_MASK = 0x3FFF

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_U16 = struct.Struct("=H")
_FLAGS_AND_SEQUENCE = struct.Struct("=HI")
_U32 = struct.Struct("=I")
_INT = struct.Struct("=i")
_IFADDRMSG = struct.Struct("=BBBBI")
_IFINFOMSG = struct.Struct("=BxHiII")
_ADDRESS_MESSAGE = struct.Struct("=IHHIIBBBBI")
_CACHEINFO = struct.Struct("=HHIIII")
_FLAGS = struct.Struct("=HHI")
_LOCAL_AND_ADDRESS = {4: struct.Struct("=HH4sHH4s"), 16: struct.Struct("=HH16sHH16s")}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A network interface, or the news that it is gone (`deleted`)."""

    index: int
    name: str
    flags: int
    up: bool
    """Administratively (IFF_UP)"""
    running: bool
    """It can pass packets: carrier, and operational state up or unknown (IFF_RUNNING)"""
    mac: bytes
    parent_index: int
    """Of a macvlan or VLAN (a veth names its peer); 0: none, or one in another network namespace"""
    kind: str
    """"macvlan", "bond", ...; "" for a real device"""
    mtu: int
    deleted: bool = False


class Address(msgspec.Struct, frozen=True):
    """An address of an interface, or the news that it is gone (`deleted`)."""

    index: int
    family: int
    address: bytes
    """The peer's on a point-to-point address, else as `local`"""
    local: bytes
    prefix_length: int
    flags: int
    scope: int
    label: str
    proto: int
    """Who set it (IFAPROT_*); 0: nobody said"""
    valid_lft: int
    """Seconds; INFINITE_LIFETIME: forever"""
    deleted: bool = False


class Ack(msgspec.Struct, frozen=True):
    """The answer to a request: error 0, or an errno with what the kernel adds if NETLINK_EXT_ACK is set."""

    sequence: int
    error: int
    message: str = ""


class Done(msgspec.Struct, frozen=True):
    """The end of a dump. interrupted: something changed meanwhile, it has to be asked for again."""

    sequence: int
    error: int = 0
    interrupted: bool = False


Message = Link | Address | Ack | Done


# -- requests --


def address_message(
    message_type: int,
    sequence: int,
    *,
    family: int,
    index: int,
    prefix_length: int,
    local: bytes,
    peer: bytes = b"",
    broadcast: bytes = b"",
    label: str = "",
    scope: int = 0,
    flags: int = 0,
    valid_lft: int = INFINITE_LIFETIME,
    preferred_lft: int = INFINITE_LIFETIME,
    proto: int = 0,
    ack: bool = True,
    replace: bool = True,
) -> bytes:
    """RTM_NEWADDR or RTM_DELADDR for one address.

    replace: an address that is there gets the new lifetimes and flags; otherwise that is an error (EEXIST).
    To remove an address, prefix_length, local and (if it had one) peer have to be those it was added with.
    """
    attributes = _LOCAL_AND_ADDRESS[len(local)].pack(
        4 + len(local), _IFA_LOCAL, local, 4 + len(local), _IFA_ADDRESS, peer or local
    )
    if broadcast:
        attributes += _attribute(_IFA_BROADCAST, broadcast)
    if label:
        attributes += _attribute(_IFA_LABEL, label.encode() + b"\0")
    if flags > 0xFF:
        attributes += _FLAGS.pack(8, _IFA_FLAGS, flags)
    if valid_lft != INFINITE_LIFETIME or preferred_lft != INFINITE_LIFETIME:
        attributes += _CACHEINFO.pack(20, _IFA_CACHEINFO, preferred_lft, valid_lft, 0, 0)
    if proto:
        attributes += _attribute(_IFA_PROTO, bytes((proto,)))
    wanted = NLM_F_REQUEST | NLM_F_ACK if ack else NLM_F_REQUEST
    if message_type == RTM_NEWADDR:
        wanted |= NLM_F_CREATE | (NLM_F_REPLACE if replace else NLM_F_EXCL)
    return (
        _ADDRESS_MESSAGE.pack(
            24 + len(attributes), message_type, wanted, sequence, 0, family, prefix_length, flags & 0xFF, scope, index
        )
        + attributes
    )


def stamp(message: bytes, sequence: int, ack: bool) -> bytes:
    """The same request with this sequence number, with or without NLM_F_ACK: messages are built once and kept."""
    flags = _U16.unpack_from(message, 6)[0] & ~NLM_F_ACK
    return message[:6] + _FLAGS_AND_SEQUENCE.pack(flags | NLM_F_ACK if ack else flags, sequence) + message[12:]


def dump_request(message_type: int, sequence: int, family: int = 0) -> bytes:
    """RTM_GETLINK or RTM_GETADDR: all of them, answered by `Link`s or `Address`es and a `Done`."""
    body = _IFINFOMSG.pack(family, 0, 0, 0, 0) if message_type == RTM_GETLINK else _IFADDRMSG.pack(family, 0, 0, 0, 0)
    return _message(message_type, NLM_F_REQUEST | NLM_F_DUMP, sequence, body)


def link_request(sequence: int, *, index: int = 0, name: str = "") -> bytes:
    """RTM_GETLINK for one interface by index or by name: a `Link`, or an `Ack` with ENODEV."""
    attributes = _attribute(_IFLA_IFNAME, name.encode() + b"\0") if name else b""
    return _message(RTM_GETLINK, NLM_F_REQUEST, sequence, _IFINFOMSG.pack(0, 0, index, 0, 0) + attributes)


def macvlan_message(
    sequence: int, *, name: str, parent_index: int, mac: bytes, mode: int = MACVLAN_MODE_PRIVATE
) -> bytes:
    """Creates a macvlan, down. Private: no packets between it and other macvlans of the same parent."""
    data = _attribute(_IFLA_INFO_DATA, _attribute(_IFLA_MACVLAN_MODE, _U32.pack(mode)))
    attributes = (
        _attribute(_IFLA_IFNAME, name.encode() + b"\0")
        + _attribute(_IFLA_ADDRESS, mac)
        + _attribute(_IFLA_LINK, _U32.pack(parent_index))
        + _attribute(_IFLA_LINKINFO, _attribute(_IFLA_INFO_KIND, b"macvlan") + data)
    )
    flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL
    return _message(RTM_NEWLINK, flags, sequence, _IFINFOMSG.pack(0, 0, 0, 0, 0) + attributes)


def address_generation_message(sequence: int, index: int, mode: int = ADDR_GEN_MODE_NONE) -> bytes:
    """How an interface makes its IPv6 link-local address; NONE: not at all. The kernel takes this only for an
    interface that exists, and it has to come before the interface goes up."""
    inet6 = _attribute(_AF_INET6, _attribute(_IFLA_INET6_ADDR_GEN_MODE, bytes((mode,))))
    body = _IFINFOMSG.pack(0, 0, index, 0, 0) + _attribute(_IFLA_AF_SPEC, inet6)
    return _message(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, sequence, body)


def link_flags_message(sequence: int, index: int, up: bool) -> bytes:
    """Sets an interface up or down."""
    body = _IFINFOMSG.pack(0, 0, index, IFF_UP if up else 0, IFF_UP)
    return _message(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, sequence, body)


def delete_link_message(sequence: int, index: int) -> bytes:
    return _message(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, sequence, _IFINFOMSG.pack(0, 0, index, 0, 0))


def _message(message_type: int, flags: int, sequence: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), message_type, flags, sequence, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) & 3)


# -- answers and notifications --


def parse(buffer: bytes) -> list[Message]:
    """All messages in what one recv returned. Types that we do not know are skipped, and so are links of a protocol
    family: that an interface left a bridge comes as RTM_DELLINK of AF_BRIDGE, and it is still there.

    DecodeError(packet-length-error) if a message or an attribute is longer than what holds it.
    """
    messages: list[Message] = []
    offset, total = 0, len(buffer)
    while offset < total:
        if offset + 16 > total:
            raise DecodeError(LENGTH_ERROR, f"{total - offset} octets are no netlink header")
        length, kind, flags, sequence, _ = _HEADER.unpack_from(buffer, offset)
        if length < 16 or offset + length > total:
            raise DecodeError(LENGTH_ERROR, f"netlink message of {length} octets, {total - offset} received")
        parser = _PARSERS.get(kind)
        if parser is not None:
            message = parser(buffer, offset, offset + length, flags, sequence)
            if message is not None:
                messages.append(message)
        offset += length + 3 & ~3
    return messages


def _attributes(buffer: bytes, offset: int, end: int) -> Iterator[tuple[int, bytes]]:
    """(type, value) of each attribute between offset and end."""
    unpack = _ATTRIBUTE.unpack_from
    while offset + 4 <= end:
        length, kind = unpack(buffer, offset)
        if length < 4 or offset + length > end:
            raise DecodeError(LENGTH_ERROR, f"netlink attribute of {length} octets, {end - offset} left")
        yield kind & _NLA_TYPE_MASK, buffer[offset + 4 : offset + length]
        offset += length + 3 & ~3


def _body(structure: struct.Struct, buffer: bytes, offset: int, end: int) -> tuple[int, ...]:
    """The fixed part after the header."""
    if offset + _HEADER.size + structure.size > end:
        raise DecodeError(LENGTH_ERROR, f"netlink message of {end - offset} octets")
    return structure.unpack_from(buffer, offset + _HEADER.size)


def _number(structure: struct.Struct, value: bytes, index: int = 0) -> int:
    if len(value) < structure.size:
        raise DecodeError(LENGTH_ERROR, f"netlink attribute value of {len(value)} octets")
    number: int = structure.unpack_from(value)[index]
    return number


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="surrogateescape")


def _parse_address(buffer: bytes, offset: int, end: int, _flags: int, _sequence: int) -> Address:
    # As `_attributes` does it, but in place: a fail-over of thousands of addresses is told here, one by one.
    family, prefix_length, flags, scope, index = _body(_IFADDRMSG, buffer, offset, end)
    address = local = label = proto = b""
    valid_lft = INFINITE_LIFETIME
    deleted = _kind(buffer, offset) == RTM_DELADDR
    unpack = _ATTRIBUTE.unpack_from
    offset += 24
    while offset + 4 <= end:
        length, kind = unpack(buffer, offset)
        next_offset = offset + length
        if length < 4 or next_offset > end:
            raise DecodeError(LENGTH_ERROR, f"netlink attribute of {length} octets, {end - offset} left")
        if kind == _IFA_ADDRESS:
            address = buffer[offset + 4 : next_offset]
        elif kind == _IFA_LOCAL:
            local = buffer[offset + 4 : next_offset]
        elif kind == _IFA_FLAGS:
            flags = _number(_U32, buffer[offset + 4 : next_offset])
        elif kind == _IFA_CACHEINFO:
            valid_lft = _number(_LIFETIMES, buffer[offset + 4 : next_offset], 1)
        elif kind == _IFA_LABEL:
            label = buffer[offset + 4 : next_offset]
        elif kind == _IFA_PROTO:
            proto = buffer[offset + 4 : next_offset]
        offset = next_offset + 3 & ~3
    return Address(
        index,
        family,
        address or local,
        local or address,
        prefix_length,
        flags,
        scope,
        _text(label) if label else "",
        proto[0] if proto else 0,
        valid_lft,
        deleted,
    )


def _parse_link(buffer: bytes, offset: int, end: int, _flags: int, _sequence: int) -> Link | None:
    family, _, index, flags, _ = _body(_IFINFOMSG, buffer, offset, end)
    if family:
        return None
    name, kind, mac, mtu, parent_index, elsewhere = "", "", b"", 0, 0, False
    for attribute, value in _attributes(buffer, offset + 32, end):
        if attribute == _IFLA_IFNAME:
            name = _text(value)
        elif attribute == _IFLA_ADDRESS:
            mac = value
        elif attribute == _IFLA_MTU:
            mtu = _number(_U32, value)
        elif attribute == _IFLA_LINK:
            parent_index = _number(_U32, value)
        elif attribute == _IFLA_LINK_NETNSID:
            elsewhere = True
        elif attribute == _IFLA_LINKINFO:
            kind = _text(dict(_attributes(value, 0, len(value))).get(_IFLA_INFO_KIND, b""))
    if not name:
        # Events of wireless drivers come as links that have only an index.
        return None
    return Link(
        index=index,
        name=name,
        flags=flags,
        up=bool(flags & IFF_UP),
        running=bool(flags & IFF_RUNNING),
        mac=mac,
        parent_index=0 if elsewhere else parent_index,
        kind=kind,
        mtu=mtu,
        deleted=_kind(buffer, offset) == RTM_DELLINK,
    )


def _parse_error(buffer: bytes, offset: int, end: int, flags: int, sequence: int) -> Ack:
    (error,) = _body(_INT, buffer, offset, end)
    message = ""
    if flags & NLM_F_ACK_TLVS:
        request = offset + _HEADER.size + _INT.size
        (length,) = _body(_U32, buffer, offset + _INT.size, end)
        request_length = _HEADER.size if flags & NLM_F_CAPPED else length
        attributes = dict(_attributes(buffer, request + (request_length + 3 & ~3), end))
        message = _text(attributes.get(_NLMSGERR_ATTR_MSG, b""))
    return Ack(sequence, -error, message)


def _parse_done(buffer: bytes, offset: int, end: int, flags: int, sequence: int) -> Done:
    error = -_INT.unpack_from(buffer, offset + _HEADER.size)[0] if end - offset >= _HEADER.size + _INT.size else 0
    return Done(sequence, error, bool(flags & NLM_F_DUMP_INTR))


def _kind(buffer: bytes, offset: int) -> int:
    kind: int = _ATTRIBUTE.unpack_from(buffer, offset + 4)[0]
    return kind


_LIFETIMES = struct.Struct("=IIII")
_Parser = Callable[[bytes, int, int, int, int], Message | None]
_PARSERS: dict[int, _Parser] = {
    RTM_NEWADDR: _parse_address,
    RTM_DELADDR: _parse_address,
    RTM_NEWLINK: _parse_link,
    RTM_DELLINK: _parse_link,
    NLMSG_ERROR: _parse_error,
    NLMSG_DONE: _parse_done,
}

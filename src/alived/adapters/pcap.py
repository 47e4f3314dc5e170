"""Captured frames: from files (pcap, pcapng) and live from an AF_PACKET socket.

Whatever the link type was, `Frame.data` is an Ethernet frame; MACs that a capture does not know are zero. The live
socket has a classic BPF filter, so that the kernel wakes us only for VRRP, AH, ARP and neighbour discovery.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Callable, Iterator
from typing import IO

import msgspec

from alived.base import NS_PER_S, AlivedError
from alived.wire.inet import ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ethernet_header

LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2 = 1, 113, 276
_LINKTYPES_RAW = (12, 14, 101, 228, 229)
"""Raw IP: as the BSDs numbered it, as it is numbered now, and IPv4 or IPv6 alone."""

_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000),
    b"\xa1\xb2\xc3\xd4": (">", 1_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
"""Byte order, and nanoseconds of a unit of the fraction."""
_PCAPNG_SECTION = b"\x0a\x0d\x0d\x0a"
_PCAPNG_ORDER = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_INTERFACE_BLOCK, _SIMPLE_BLOCK, _ENHANCED_BLOCK = 1, 3, 6
_OPTION_TIMESTAMP_RESOLUTION = 9
_RECORD_LIMIT = 1 << 24
"""Octets. A longer record is garbage rather than a packet, and no reason to take that much memory."""

_BROADCAST, _UNKNOWN_MAC = b"\xff" * 6, bytes(6)


class CaptureError(AlivedError):
    """A capture that cannot be read or made; the sentence says why."""


class Frame(msgspec.Struct, frozen=True):
    """An Ethernet frame and when (wall clock) and where it was seen; interface "" if nobody knows."""

    time_ns: int
    data: bytes
    interface: str = ""


# -- files --


def read_frames(stream: IO[bytes], name: str) -> Iterator[Frame]:
    """The frames of a pcap or pcapng file. Frames of link types that we do not know are an error, as is a file that
    ends within a record: CaptureError with `name`, after the frames before it."""
    magic = stream.read(4)
    if magic in _MAGIC:
        yield from _read_pcap(stream, name, *_MAGIC[magic])
    elif magic == _PCAPNG_SECTION:
        yield from _read_pcapng(stream, name)
    elif not magic:
        raise CaptureError(f"{name}: the file is empty")
    else:
        raise CaptureError(f"{name}: neither pcap nor pcapng (begins with {magic.hex(' ')})")


def _read_exactly(stream: IO[bytes], length: int, name: str) -> bytes:
    if not 0 <= length <= _RECORD_LIMIT:
        raise CaptureError(f"{name}: damaged: a record of {length} octets")
    data = stream.read(length)
    if len(data) < length:
        raise CaptureError(f"{name}: truncated: the file ends within a record ({len(data)} of {length} octets)")
    return data


def _read_pcap(stream: IO[bytes], name: str, order: str, unit_ns: int) -> Iterator[Frame]:
    header = _read_exactly(stream, 20, name)
    # The upper bits say whether frames end with their check sequence.
    to_ethernet = _converter(struct.unpack_from(order + "I", header, 16)[0] & 0x0FFFFFFF, name)
    record = struct.Struct(order + "IIII")
    while first := stream.read(1):
        seconds, fraction, length, _ = record.unpack(first + _read_exactly(stream, record.size - 1, name))
        data = _read_exactly(stream, length, name)
        yield Frame(seconds * NS_PER_S + fraction * unit_ns, to_ethernet(data, name))


def _read_pcapng(stream: IO[bytes], name: str) -> Iterator[Frame]:
    order = "<"
    interfaces: list[tuple[Converter, int]] = []
    kind_octets = _PCAPNG_SECTION
    while kind_octets:
        if kind_octets == _PCAPNG_SECTION:
            order, interfaces = _read_section(stream, name), []
        else:
            kind_octets += _read_exactly(stream, 4 - len(kind_octets), name)
            kind, body = _read_block(stream, name, order, kind_octets)
            if kind == _INTERFACE_BLOCK:
                interfaces.append(_interface(body, name, order))
            elif kind in (_ENHANCED_BLOCK, _SIMPLE_BLOCK):
                yield _packet(body, name, order, kind, interfaces)
        kind_octets = stream.read(4)


def _read_section(stream: IO[bytes], name: str) -> str:
    """The byte order of the section whose block type has just been read; the rest of its header is skipped."""
    length_octets, magic = _read_exactly(stream, 4, name), _read_exactly(stream, 4, name)
    order = _PCAPNG_ORDER.get(magic)
    if order is None:
        raise CaptureError(f"{name}: damaged: byte order magic {magic.hex(' ')}")
    _read_exactly(stream, struct.unpack(order + "I", length_octets)[0] - 12, name)
    return order


def _read_block(stream: IO[bytes], name: str, order: str, kind_octets: bytes) -> tuple[int, bytes]:
    kind, length = struct.unpack(order + "II", kind_octets + _read_exactly(stream, 4, name))
    return kind, _read_exactly(stream, length - 8, name)[:-4]


def _interface(body: bytes, name: str, order: str) -> tuple[Converter, int]:
    """Link type and ticks of a second of an interface description block."""
    if len(body) < 8:
        raise CaptureError(f"{name}: damaged: interface description of {len(body)} octets")
    ticks, offset = 1_000_000, 8
    while offset + 4 <= len(body):
        option, length = struct.unpack_from(order + "HH", body, offset)
        if option == _OPTION_TIMESTAMP_RESOLUTION and length == 1:
            exponent = body[offset + 4]
            ticks = 2 ** (exponent & 0x7F) if exponent & 0x80 else 10**exponent
        offset += 4 + (length + 3 & ~3)
    return _converter(struct.unpack_from(order + "H", body)[0], name), ticks


def _packet(body: bytes, name: str, order: str, kind: int, interfaces: list[tuple[Converter, int]]) -> Frame:
    """The frame of an enhanced or simple packet block; a simple one has no time (0) and is the first interface's."""
    fixed = 20 if kind == _ENHANCED_BLOCK else 4
    if len(body) < fixed:
        raise CaptureError(f"{name}: damaged: packet block of {len(body)} octets")
    if kind == _ENHANCED_BLOCK:
        index, high, low, length, _ = struct.unpack_from(order + "5I", body)
    else:
        (length,), index, high, low = struct.unpack_from(order + "I", body), 0, 0, 0
        length = min(length, len(body) - fixed)
    if index >= len(interfaces) or fixed + length > len(body):
        raise CaptureError(f"{name}: damaged: packet block of {length} octets on interface {index}")
    to_ethernet, ticks = interfaces[index]
    return Frame((high << 32 | low) * NS_PER_S // ticks, to_ethernet(body[fixed : fixed + length], name))


# -- link types --

Converter = Callable[[bytes, str], bytes]


def _converter(linktype: int, name: str) -> Converter:
    """What makes an Ethernet frame of a packet of this link type."""
    if linktype in _LINKTYPES_RAW:
        return _from_raw
    if linktype not in _CONVERTERS:
        raise CaptureError(
            f"{name}: link type {linktype} is not one that carries VRRP here (Ethernet, Linux cooked, raw)"
        )
    return _CONVERTERS[linktype]


def _from_ethernet(data: bytes, _name: str) -> bytes:
    return data


def _from_raw(data: bytes, _name: str) -> bytes:
    ethertype = ETHERTYPE_IPV6 if data[:1] >= b"\x60" else ETHERTYPE_IPV4
    return ethernet_header(_UNKNOWN_MAC, _UNKNOWN_MAC, ethertype) + data


def _from_cooked(data: bytes, name: str) -> bytes:
    """LINKTYPE_LINUX_SLL: packet type, ARPHRD, address length, address, protocol."""
    if len(data) < 16:
        raise CaptureError(f"{name}: damaged: a cooked header of {len(data)} octets")
    packet_type, _, length, address, protocol = struct.unpack_from("!HHH8sH", data)
    return _cooked_header(packet_type, address[:length], protocol) + data[16:]


def _from_cooked2(data: bytes, name: str) -> bytes:
    """LINKTYPE_LINUX_SLL2: protocol, interface index, ARPHRD, packet type, address length, address."""
    if len(data) < 20:
        raise CaptureError(f"{name}: damaged: a cooked header of {len(data)} octets")
    protocol, packet_type, length, address = struct.unpack_from("!H2x4x2xBB8s", data)
    return _cooked_header(packet_type, address[:length], protocol) + data[20:]


def _cooked_header(packet_type: int, address: bytes, protocol: int) -> bytes:
    destination = _BROADCAST if packet_type == socket.PACKET_BROADCAST else _UNKNOWN_MAC
    return ethernet_header(destination, address[:6].ljust(6, b"\0"), protocol)


_CONVERTERS: dict[int, Converter] = {
    LINKTYPE_ETHERNET: _from_ethernet,
    LINKTYPE_LINUX_SLL: _from_cooked,
    LINKTYPE_LINUX_SLL2: _from_cooked2,
}

# -- live --

_ETH_P_ALL = 3
_SO_ATTACH_FILTER = 26
_SO_TIMESTAMPNS = 35
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_MR_ALLMULTI = 263, 1, 2
_ARPHRD_ETHER, _ARPHRD_LOOPBACK = 1, 772

_LOAD_PROTOCOL = (0x20, 0, 0, 0xFFFFF000)
"""The packet's EtherType as the kernel knows it, whatever the link layer looks like."""
_FROM_NETWORK_HEADER = 0xFFF00000
_BPF = struct.Struct("=HBBI")


def _load_byte(offset: int) -> tuple[int, int, int, int]:
    return 0x30, 0, 0, _FROM_NETWORK_HEADER + offset


def _equal(value: int, then: int, otherwise: int) -> tuple[int, int, int, int]:
    """Skips this many instructions if the loaded value is equal or not."""
    return 0x15, then, otherwise, value


_FILTER = b"".join(
    _BPF.pack(*instruction)
    for instruction in (
        _LOAD_PROTOCOL,
        _equal(ETHERTYPE_ARP, 11, 0),
        _equal(ETHERTYPE_IPV4, 0, 3),
        _load_byte(9),  # protocol
        _equal(socket.IPPROTO_AH, 8, 0),
        _equal(112, 7, 8),
        _equal(ETHERTYPE_IPV6, 0, 7),
        _load_byte(6),  # next header
        _equal(112, 4, 0),
        _equal(socket.IPPROTO_ICMPV6, 0, 4),
        _load_byte(40),  # ICMPv6 type
        _equal(135, 1, 0),
        _equal(136, 0, 1),
        (0x06, 0, 0, 0xFFFF),  # take it
        (0x06, 0, 0, 0),  # drop it
    )
)


def capture(interface: str) -> Iterator[Frame]:
    """Frames as they come, for ever, sent ones too; interface "": of all interfaces. CaptureError if the kernel
    does not let us."""
    where = interface or "all interfaces"
    try:
        with _open(interface) as listener:
            while True:
                frame = _receive(listener)
                if frame is not None:
                    yield frame
    except PermissionError as error:
        raise CaptureError(f"{where}: capturing needs CAP_NET_RAW: run this as root") from error
    except OSError as error:
        raise CaptureError(f"{where}: {error.strerror or error}") from error


def _open(interface: str) -> socket.socket:
    # Without an interface to bind to, the socket hears all from the start, and what came before the filter is
    # left to the caller's eyes; with one it hears nothing (protocol 0) until it is bound.
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0 if interface else socket.htons(_ETH_P_ALL))
    try:
        program = ctypes.create_string_buffer(_FILTER, len(_FILTER))
        filter_program = struct.pack("@HP", len(_FILTER) // _BPF.size, ctypes.addressof(program))
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_program)
        listener.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        if interface:
            membership = struct.pack("=iHH8x", socket.if_nametoindex(interface), _PACKET_MR_ALLMULTI, 0)
            listener.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, membership)
            listener.bind((interface, _ETH_P_ALL))
    except BaseException:
        listener.close()
        raise
    return listener


def _receive(listener: socket.socket) -> Frame | None:
    """None: from an interface of a kind that has no Ethernet header and no IP."""
    data, ancillary, _, sender = listener.recvmsg(65536, 64)
    time_ns = 0
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("@ll", value)
            time_ns = seconds * NS_PER_S + nanoseconds
    name, protocol, hardware = sender[0], sender[1], sender[3]
    if hardware in (_ARPHRD_ETHER, _ARPHRD_LOOPBACK):
        return Frame(time_ns, data, name)
    if protocol in (ETHERTYPE_IPV4, ETHERTYPE_IPV6):
        return Frame(time_ns, _from_raw(data, name), name)
    return None

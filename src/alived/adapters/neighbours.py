"""Packet sockets for ARP and neighbour discovery: announce our addresses, hear who else claims them."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
import struct
from collections.abc import Iterable

ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD
SO_ATTACH_FILTER = 26
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
FRAME_BYTES_MAX = 2048
FILTERED_ADDRESSES_MAX = 200
"""A jump of classic BPF reaches 255 lines; with more addresses than this all claims of the segment are read."""

_LOAD_WORD, _LOAD_BYTE, _JUMP_EQUAL, _RETURN = 0x20, 0x30, 0x15, 0x06
_ARP_SENDER_OFFSET = 28
_ICMPV6_TYPE_OFFSET, _NEIGHBOUR_ADVERTISEMENT = 54, 136
_NEXT_HEADER_OFFSET = 20
_NA_TARGET_END_OFFSET = 14 + 40 + 8 + 12
"""The last four of the sixteen bytes of the target."""


def claims_filter(ethertype: int, addresses: Iterable[bytes]) -> bytes:
    """A classic BPF program (array of `struct sock_filter`) that passes only frames in which somebody claims one of
    these addresses (the last four bytes decide for IPv6): the ARP of others costs us nothing."""
    words = sorted({int.from_bytes(a[-4:], "big") for a in addresses})
    lines: list[tuple[int, int, int, int]] = []
    if ethertype == ETH_P_IPV6:
        lines += [
            (_LOAD_BYTE, 0, 0, _NEXT_HEADER_OFFSET),
            (_JUMP_EQUAL, 1, 0, socket.IPPROTO_ICMPV6),
            (_RETURN, 0, 0, 0),
        ]
        lines += [(_LOAD_BYTE, 0, 0, _ICMPV6_TYPE_OFFSET), (_JUMP_EQUAL, 1, 0, _NEIGHBOUR_ADVERTISEMENT)]
        lines += [(_RETURN, 0, 0, 0)]
    if len(words) <= FILTERED_ADDRESSES_MAX:
        lines.append((_LOAD_WORD, 0, 0, _NA_TARGET_END_OFFSET if ethertype == ETH_P_IPV6 else _ARP_SENDER_OFFSET))
        lines += [(_JUMP_EQUAL, len(words) - number, 0, word) for number, word in enumerate(words)]
        lines.append((_RETURN, 0, 0, 0))
    lines.append((_RETURN, 0, 0, FRAME_BYTES_MAX))
    return b"".join(struct.pack("@HBBI", *line) for line in lines)


class FrameSender:
    """Sends whole Ethernet frames from one interface."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        try:
            self._socket.bind((interface, 0))
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self.send = self._socket.send

    def close(self) -> None:
        self._socket.close()


class ClaimListener:
    """Hears who claims these addresses on one interface: by ARP (IPv4) or neighbour advertisement (IPv6)."""

    def __init__(self, interface: str, ethertype: int, addresses: Iterable[bytes]) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        try:
            program = claims_filter(ethertype, addresses)
            buffer = ctypes.create_string_buffer(program, len(program))
            attached = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
            self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, attached)
            with contextlib.suppress(OSError):  # kernels before 4.20 show us our own frames: known by their MAC
                self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self._socket.setblocking(False)
            self._socket.bind((interface, ethertype))
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self) -> bytes | None:
        """One frame, or None if there is none (or the interface went down)."""
        try:
            return self._socket.recv(FRAME_BYTES_MAX)
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno == errno.ENETDOWN:
                return None
            raise

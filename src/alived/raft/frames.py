"""Packets on a stream whose other end is known: a preface that says who is meant, then frames.

    "aT"  version 1  cluster 8  recipient 8     then, for each packet:     length 4  packet

Numbers are little-endian. The stream authenticates (TLS) and orders; here mistakes of configuration are found.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from alived.base import DecodeError
from alived.raft.datagrams import check_version, cluster_number
from alived.raft.packets import MAX_PACKET

VERSION = 1
_MAGIC = b"aT"
_PREFACE = struct.Struct("<2sBQQ")
_LENGTH = struct.Struct("<I")


def preface(cluster_id: str, recipient: int) -> bytes:
    """The first bytes on a stream to the node of this number."""
    return _PREFACE.pack(_MAGIC, VERSION, cluster_number(cluster_id), recipient)


def frame(packet: bytes) -> bytes:
    assert len(packet) <= MAX_PACKET, f"a packet of {len(packet)} bytes"
    return _LENGTH.pack(len(packet)) + packet


class FrameReader:
    """Takes a stream apart, however it was cut into pieces."""

    def __init__(self, cluster_id: str, number: int) -> None:
        """number: this node's."""
        self._cluster = cluster_number(cluster_id)
        self._number = number
        self._data = bytearray()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The packets that are complete now. All of them are to be taken.

        Raises DecodeError, after which the stream is worth nothing: "not-alived", "older-version", "newer-version",
        "foreign-cluster", "misdirected", "oversized".
        """
        self._data += data
        if not self._begun:
            if len(self._data) < _PREFACE.size:
                return
            self._check_preface()
            self._begun = True
            del self._data[: _PREFACE.size]
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            if length > MAX_PACKET:
                raise DecodeError("oversized")
            end = _LENGTH.size + length
            if len(self._data) < end:
                return
            packet = bytes(self._data[_LENGTH.size : end])
            del self._data[:end]
            yield packet

    def _check_preface(self) -> None:
        magic, version, cluster, recipient = _PREFACE.unpack_from(self._data)
        if magic != _MAGIC:
            raise DecodeError("not-alived", "it does not begin as members do")
        check_version(version, VERSION)
        if cluster != self._cluster:
            raise DecodeError("foreign-cluster", "it belongs to a cluster with another id")
        if recipient != self._number:
            raise DecodeError("misdirected", "it is meant for another node, whose address leads here")

"""Signed datagrams as bytes: what each field is, and whether somebody who has a key of the cluster wrote it.

    "aR"  version 1  kind 1  cluster 8  sender 8  recipient 8  session 8  token 8  sequence 8  body  tag 16

Numbers are little-endian. The tag is keyed BLAKE2s over everything before it. Whether a genuine datagram is also fresh
is the business of `sessions`.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import struct
from collections.abc import Sequence
from typing import NamedTuple

from alived.base import DecodeError
from alived.raft.packets import MAX_PACKET

VERSION = 1
_MAGIC = b"aR"
_HEADER = struct.Struct("<2sBBQQQQQQ")
_VERSION_AT = 2
_TAG_BYTES = 16
OVERHEAD = _HEADER.size + _TAG_BYTES
MAX_DATAGRAM = MAX_PACKET + OVERHEAD


class Kind(enum.IntEnum):
    DATA = 0
    HELLO = 1
    """Asks for a token. sequence: a nonce"""
    WELCOME = 2
    """token: the one that is granted; sequence: the nonce of the HELLO"""
    STALE = 3
    """token: the one that is none; sequence: the session that used it"""


_KINDS = {int(kind): kind for kind in Kind}


class Datagram(NamedTuple):
    kind: Kind
    sender: int
    """Numbers of nodes"""
    recipient: int
    session: int
    """Of the sender, towards this recipient"""
    token: int
    sequence: int
    body: bytes = b""


def cluster_number(cluster_id: str) -> int:
    """64 bits that stand for the id of a cluster, so that nodes of another one are told from forgers."""
    return int.from_bytes(hashlib.blake2s(cluster_id.encode(), digest_size=8, person=b"cluster").digest(), "little")


class Codec:
    """Datagrams of one cluster."""

    def __init__(self, cluster_id: str, keys: Sequence[bytes]) -> None:
        """The first key signs, every key is accepted. So a key is exchanged without an interruption: accept the new one
        everywhere, then sign with it, then drop the old one. No key: the tag is derived from the cluster id; it finds
        accidents, not attackers."""
        self._cluster = cluster_number(cluster_id)
        derived = [hashlib.blake2s(key, person=b"key").digest() for key in keys]
        derived = derived or [hashlib.blake2s(cluster_id.encode(), person=b"no key").digest()]
        self._keyed = [hashlib.blake2s(key=key, digest_size=_TAG_BYTES) for key in derived]

    def encode(self, datagram: Datagram) -> bytes:
        kind, sender, recipient, session, token, sequence, body = datagram
        header = _HEADER.pack(_MAGIC, VERSION, kind, self._cluster, sender, recipient, session, token, sequence)
        signed = header + body
        return signed + _tag(self._keyed[0], signed)

    def decode(self, data: bytes) -> Datagram:
        """Raises DecodeError: "not-alived", "too-short", "oversized", "older-version", "newer-version",
        "foreign-cluster", "forged", "unknown-kind"."""
        _check_form(data)
        _, _, kind, cluster, sender, recipient, session, token, sequence = _HEADER.unpack_from(data)
        if cluster != self._cluster:
            raise DecodeError("foreign-cluster", "it belongs to a cluster with another id")
        signed, tag = data[:-_TAG_BYTES], data[-_TAG_BYTES:]
        for keyed in self._keyed:
            if hmac.compare_digest(_tag(keyed, signed), tag):
                break
        else:
            raise DecodeError("forged", "it is signed with a key that this node does not accept")
        known = _KINDS.get(kind)
        if known is None:
            raise DecodeError("unknown-kind", str(kind))
        return Datagram(known, sender, recipient, session, token, sequence, signed[_HEADER.size :])


def check_version(theirs: int, ours: int) -> None:
    """Raises DecodeError "older-version" or "newer-version"."""
    if theirs != ours:
        reason = "older-version" if theirs < ours else "newer-version"
        raise DecodeError(reason, f"it has version {theirs} of the protocol, and this node speaks version {ours}")


def _check_form(data: bytes) -> None:
    if data[: len(_MAGIC)] != _MAGIC:
        raise DecodeError("not-alived", "it is none of ours")
    if len(data) <= _VERSION_AT:
        raise DecodeError("too-short")
    check_version(data[_VERSION_AT], VERSION)
    if len(data) < OVERHEAD:
        raise DecodeError("too-short")
    if len(data) > MAX_DATAGRAM:
        raise DecodeError("oversized")


def _tag(keyed: hashlib.blake2s, data: bytes) -> bytes:
    state = keyed.copy()
    state.update(data)
    return state.digest()

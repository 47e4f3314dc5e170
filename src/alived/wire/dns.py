"""Questions to a DNS server and the header of its answers (RFC 1035, section 4)."""

from __future__ import annotations

import enum
import re
import struct

import msgspec

from alived.base import DecodeError

HEADER = struct.Struct("!6H")
RECURSION_DESIRED = 0x0100
RESPONSE = 0x8000
CLASS_IN = 1
MAX_LABEL = 63
MAX_NAME = 255
"""Octets of a name in a message, with the length of each label and the root's."""
_PIECE = re.compile(r"\\([0-9]{3})|\\([^0-9])|([^\\.])|(\.)")


class Type(enum.IntEnum):
    """Of a question (RFC 1035, 3596, 4034)."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    MX = 15
    TXT = 16
    AAAA = 28
    RRSIG = 46
    DNSKEY = 48


RCODES = {
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
    6: "YXDOMAIN",
    7: "YXRRSET",
    8: "NXRRSET",
    9: "NOTAUTH",
    10: "NOTZONE",
}
"""Response codes as dig prints them (RFC 1035, 2136)."""


class Header(msgspec.Struct, frozen=True):
    id: int
    is_response: bool
    rcode: int
    answers: int


def encode_name(text: str) -> bytes:
    """A name as it is written in a zone file (RFC 1035, section 5.1): `\\.` is a dot in a label, `\\DDD` any octet.

    Raises ValueError with a sentence: an empty label, a label or name that is too long, characters beyond ASCII.
    """
    if text == ".":
        return b"\0"
    labels, label = [], bytearray()
    for octet in _octets(text):
        if octet is not None:
            label.append(octet)
            continue
        labels.append(label)
        label = bytearray()
    if label:
        labels.append(label)  # no dot at the end: it is absolute all the same
    return _join(labels, text)


def _octets(text: str) -> list[int | None]:
    """None is a dot between labels."""
    found: list[int | None] = []
    position = 0
    while position < len(text):
        match = _PIECE.match(text, position)
        if match is None:
            raise ValueError(f"a backslash of {text!r} stands before nothing: \\. or \\DDD, a decimal number")
        number, escaped, plain, dot = match.groups()
        octet = None if dot else int(number) if number else ord(escaped or plain)
        if octet is not None and (octet > 0xFF or (number is None and octet > 0x7E)):
            hint = "a number after a backslash is 0 to 255" if number else "write an international name as xn--..."
            raise ValueError(f"{match[0]!r} cannot be in a name of the DNS: {hint}")
        found.append(octet)
        position = match.end()
    return found


def _join(labels: list[bytearray], text: str) -> bytes:
    if not labels or not all(labels):
        raise ValueError(f"{text!r} has an empty label")
    longest = max(map(len, labels))
    if longest > MAX_LABEL:
        raise ValueError(f"a label has {longest} octets, {MAX_LABEL} are allowed")
    encoded = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    if len(encoded) > MAX_NAME:
        raise ValueError(f"it needs {len(encoded)} octets in a message, {MAX_NAME} are allowed")
    return encoded


def encode_query(query_id: int, name: bytes, kind: Type) -> bytes:
    """One question of class IN that desires recursion. name: as `encode_name` gives it."""
    return HEADER.pack(query_id, RECURSION_DESIRED, 1, 0, 0, 0) + name + struct.pack("!2H", kind, CLASS_IN)


def decode_header(data: bytes) -> Header:
    """Raises DecodeError("too-short")."""
    if len(data) < HEADER.size:
        raise DecodeError("too-short", f"{len(data)} octets")
    query_id, flags, _, answers, _, _ = HEADER.unpack_from(data)
    return Header(query_id, bool(flags & RESPONSE), flags & 0xF, answers)

"""VRRPv2 behind an IPsec Authentication Header (RFC 2402), the way keepalived speaks it (`auth_type AH`).

    IPv4 header (protocol 51) | AH, 24 octets (next header 112) | VRRP message, auth type 2

The integrity check value is HMAC-MD5-96 (RFC 2403) over the whole IPv4 packet with what routers may change set to 0:
type of service, flags and fragment offset, checksum, the value itself; the TTL is set to 0 only in packets to a
unicast address. The SPI is the source address. The IPv4 identification *is* covered, so a sender has to choose it
itself; the kernel fills in one of 0. keepalived's key is the password, padded with zero octets, which HMAC does too.
"""

from __future__ import annotations

import struct

import msgspec

from alived.base import DecodeError
from alived.wire.inet import (
    INTERNETWORK_CONTROL,
    LENGTH_ERROR,
    PROTOCOL_AH,
    PROTOCOL_VRRP,
    decode_ipv4,
    ipv4_header,
    is_multicast,
    pack_address,
)

_AH = struct.Struct("!BBH4sI12s")
_LENGTH_WORDS = 4
"""Length of the header in 32-bit words, less 2 (RFC 2402 section 2.2)."""
_ICV_LENGTH = 12
MAX_KEY_LENGTH = 8
"""keepalived cuts a password to 8 octets."""


class Authenticated(msgspec.Struct, frozen=True):
    """What an Authentication Header says, and the VRRP message behind it."""

    sequence: int
    spi: bytes
    integrity: bytes
    message: bytes


def ah_encode(
    message: bytes,
    *,
    source: str,
    destination: str,
    sequence: int,
    key: bytes,
    ttl: int = 255,
    tos: int = INTERNETWORK_CONTROL,
    identification: int | None = None,
) -> bytes:
    """The whole IPv4 packet. sequence: more than any that this virtual router has sent or heard (1 is the first).
    identification: None takes the low 16 bits of the sequence, never 0."""
    if identification is None:
        identification = sequence & 0xFFFF or 1
    header = ipv4_header(source, destination, _AH.size + len(message), PROTOCOL_AH, ttl, tos, identification)
    spi = pack_address(source)
    bare = header + _AH.pack(PROTOCOL_VRRP, _LENGTH_WORDS, 0, spi, sequence, bytes(_ICV_LENGTH)) + message
    integrity = _integrity(bare, len(header), key)
    return header + _AH.pack(PROTOCOL_VRRP, _LENGTH_WORDS, 0, spi, sequence, integrity) + message


def ah_decode(packet: bytes, *, key: bytes | None) -> Authenticated:
    """Takes an IPv4 packet of protocol 51 apart and checks that `key` made it; None: somebody who does not know the
    key looks on. Whether the sequence number was seen before is the caller's question.

    DecodeError: packet-length-error, auth-type-error (no AH, or not one of VRRP), authentication-error.
    """
    header = decode_ipv4(packet)
    start = header.header_length
    if header.protocol != PROTOCOL_AH:
        raise DecodeError("auth-type-error", f"IP protocol {header.protocol} instead of {PROTOCOL_AH}")
    packet = packet[: header.total_length]
    if len(packet) < start + _AH.size:
        raise DecodeError(LENGTH_ERROR, f"{len(packet) - start} octets are no authentication header")
    next_header, words, _, spi, sequence, integrity = _AH.unpack_from(packet, start)
    if next_header != PROTOCOL_VRRP:
        raise DecodeError("auth-type-error", f"authentication header before protocol {next_header}")
    if words != _LENGTH_WORDS:
        raise DecodeError(LENGTH_ERROR, f"authentication header of {(words + 2) * 4} octets instead of {_AH.size}")
    if key is not None:
        _check_integrity(packet, start, key, integrity)
        if spi != packet[12:16]:
            raise DecodeError("authentication-error", "the SPI is not the source address")
    return Authenticated(sequence, spi, integrity, packet[start + _AH.size :])


def _check_integrity(packet: bytes, start: int, key: bytes, integrity: bytes) -> None:
    # OpenSSL costs 3 MB of memory that only the few who still use AH shall pay.
    import hmac

    if not hmac.compare_digest(_integrity(packet, start, key), integrity):
        raise DecodeError("authentication-error", "wrong integrity check value (another password?)")


def _integrity(packet: bytes, start: int, key: bytes) -> bytes:
    """The integrity check value of an IPv4 packet whose authentication header begins at `start`."""
    import hmac

    covered = bytearray(packet)
    covered[1] = 0
    covered[6:8] = covered[10:12] = bytes(2)
    if not is_multicast(packet[16:20]):
        covered[8] = 0
    covered[start + _AH.size - _ICV_LENGTH : start + _AH.size] = bytes(_ICV_LENGTH)
    return hmac.digest(key[:MAX_KEY_LENGTH], bytes(covered), "md5")[:_ICV_LENGTH]

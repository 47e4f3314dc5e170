"""Frames of HTTP/2 (RFC 9113) for a client with one request."""

from __future__ import annotations

import enum
import struct

import msgspec

from alived.base import DecodeError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
MAX_FRAME = 1 << 14
"""Octets of a frame's payload unless we allow more, which we do not (section 4.2)."""
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY = 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH = 1, 2
"""Settings."""
NO_ERROR = 0


class Type(enum.IntEnum):
    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    GOAWAY = 7
    CONTINUATION = 9


class Frame(msgspec.Struct, frozen=True):
    """type: of `Type`, or another number, which is to be passed over."""

    type: int
    flags: int
    stream: int
    payload: bytes


def encode(kind: Type, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + struct.pack("!BBI", kind, flags, stream) + payload


def decode(data: bytes) -> tuple[Frame, bytes] | None:
    """A frame and the rest; None: it is not whole. Raises DecodeError: longer than allowed."""
    if len(data) < HEAD_BYTES:
        return None
    length = int.from_bytes(data[:3])
    if length > MAX_FRAME:
        raise DecodeError("too-long", f"a frame of {length} octets")
    kind, flags, stream = struct.unpack_from("!BBI", data, 3)
    end = HEAD_BYTES + length
    if len(data) < end:
        return None
    return Frame(kind, flags, stream & 0x7FFFFFFF, data[HEAD_BYTES:end]), data[end:]


def content(frame: Frame) -> bytes:
    """Of DATA or HEADERS, without padding and priority. Raises DecodeError."""
    payload = frame.payload
    if frame.flags & PADDED:
        padding = payload[0] if payload else 1
        if padding >= len(payload):
            raise DecodeError("bad-padding", "a frame has more padding than octets")
        payload = payload[1 : len(payload) - padding]
    if frame.type == Type.HEADERS and frame.flags & PRIORITY:
        payload = payload[5:]
    return payload


def settings(values: dict[int, int]) -> bytes:
    return encode(Type.SETTINGS, 0, 0, b"".join(struct.pack("!HI", *item) for item in values.items()))


def goaway(error: int = NO_ERROR) -> bytes:
    """We take no stream of the server any more."""
    return encode(Type.GOAWAY, 0, 0, struct.pack("!II", 0, error))


def error_code(frame: Frame) -> int:
    """Of RST_STREAM or GOAWAY."""
    start = 4 if frame.type == Type.GOAWAY else 0
    return int.from_bytes(frame.payload[start : start + 4])

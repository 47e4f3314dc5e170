"""Messages of gRPC ("gRPC over HTTP2") and of its health service (grpc.health.v1, in protobuf's encoding)."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from alived.base import DecodeError

HEALTH_PATH = "/grpc.health.v1.Health/Check"
HEAD_BYTES = 5
STATUS_NAMES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
_STATUS_FIELD = 1
_LONGEST_VARINT = 10


class ServingStatus(enum.IntEnum):
    UNKNOWN = 0
    SERVING = 1
    NOT_SERVING = 2
    SERVICE_UNKNOWN = 3


def encode_message(payload: bytes) -> bytes:
    """Not compressed."""
    return b"\0" + len(payload).to_bytes(4) + payload


def decode_message(data: bytes) -> bytes:
    """The one message in it. Raises DecodeError."""
    if len(data) < HEAD_BYTES or len(data) != HEAD_BYTES + int.from_bytes(data[1:HEAD_BYTES]):
        raise DecodeError("no-message", "the answer is not one message")
    if data[0]:
        raise DecodeError("compressed", "the answer is compressed, which was not offered")
    return data[HEAD_BYTES:]


def health_request(service: str) -> bytes:
    """HealthCheckRequest. service: "" is the server as a whole."""
    name = service.encode()
    return b"\x0a" + _encode_varint(len(name)) + name if name else b""


def health_status(payload: bytes) -> int:
    """Of a HealthCheckResponse; a number that is not in ServingStatus is possible. Raises DecodeError."""
    status = 0
    for field, value in _fields(payload):
        if field == _STATUS_FIELD and isinstance(value, int):
            status = value
    return status


def _encode_varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _fields(payload: bytes) -> Iterator[tuple[int, int | None]]:
    """Numbers of fields, and values of those that are varints."""
    position = 0
    while position < len(payload):
        tag, position = _decode_varint(payload, position)
        value = None
        match tag & 0x7:
            case 0:
                value, position = _decode_varint(payload, position)
            case 1:
                position += 8
            case 2:
                length, position = _decode_varint(payload, position)
                position += length
            case 5:
                position += 4
            case kind:
                raise DecodeError("bad-field", f"a field of kind {kind}")
        if position > len(payload):
            raise DecodeError("too-short", "the answer is cut off")
        yield tag >> 3, value


def _decode_varint(payload: bytes, position: int) -> tuple[int, int]:
    value = 0
    for count, octet in enumerate(payload[position : position + _LONGEST_VARINT]):
        value |= (octet & 0x7F) << 7 * count
        if octet < 0x80:
            return value, position + count + 1
    raise DecodeError("bad-varint", "a number of the answer is cut off or too long")

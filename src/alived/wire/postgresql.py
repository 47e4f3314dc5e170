"""Messages of PostgreSQL's protocol 3.0, as far as a login and a question need them.

Names are those of the documentation ("Message Formats").
"""

from __future__ import annotations

import hashlib
import struct

import msgspec

from alived.base import DecodeError

MAX_MESSAGE = 1 << 14
"""Octets of a message that a check must hear; an error has some hundred."""
PROTOCOL = 3 << 16
SSL_REQUEST = struct.pack("!II", 8, 80877103)
TERMINATE = b"X\0\0\0\x04"
AUTHENTICATION_OK = 0
CLEARTEXT_PASSWORD = 3
MD5_PASSWORD = 5
SASL, SASL_CONTINUE, SASL_FINAL = 10, 11, 12
_HEAD = struct.Struct("!cI")


class ErrorResponse(msgspec.Struct, frozen=True):
    """code: SQLSTATE."""

    code: str
    text: bytes


def unframe(data: bytes) -> tuple[str, bytes, bytes] | None:
    """Type, content, rest; None: it is not whole. Raises DecodeError: too short or too long."""
    if len(data) < _HEAD.size:
        return None
    kind, length = _HEAD.unpack_from(data)
    if not 4 <= length <= MAX_MESSAGE:
        raise DecodeError("bad-length", f"a message of {length} octets")
    if len(data) < 1 + length:
        return None
    return kind.decode("latin-1"), data[_HEAD.size : 1 + length], data[1 + length :]


def frame(kind: str, content: bytes) -> bytes:
    return _HEAD.pack(kind.encode(), 4 + len(content)) + content


def startup(user: str, database: str) -> bytes:
    """StartupMessage, the only one without a type. database: "" is that of the user's name."""
    said = {"user": user, "database": database or user, "application_name": "alived"}
    content = b"".join(f"{name}\0{value}\0".encode() for name, value in said.items()) + b"\0"
    return struct.pack("!II", 8 + len(content), PROTOCOL) + content


def decode_error(content: bytes) -> ErrorResponse:
    """What is not said is empty."""
    fields = {field[:1]: field[1:] for field in content.split(b"\0") if field}
    return ErrorResponse(fields.get(b"C", b"").decode("latin-1"), fields.get(b"M", b""))


def decode_authentication(content: bytes) -> tuple[int, bytes]:
    """What the server wants, and the data of it. Raises DecodeError."""
    if len(content) < 4:
        raise DecodeError("too-short", "a request without a number")
    return int.from_bytes(content[:4]), content[4:]


def decode_first_column(content: bytes) -> bytes:
    """Of a DataRow. Raises DecodeError: no column, or NULL."""
    length = int.from_bytes(content[2:6], signed=True) if len(content) >= 6 else -1
    if length < 0 or len(content) < 6 + length:
        raise DecodeError("no-column", "no value in the row")
    return content[6 : 6 + length]


def md5_answer(user: str, password: str, salt: bytes) -> bytes:
    inner = hashlib.md5((password + user).encode(errors="surrogateescape"), usedforsecurity=False).hexdigest()
    outer = hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()
    return f"md5{outer}\0".encode()


def sasl_initial_response(mechanism: str, data: bytes) -> bytes:
    return mechanism.encode() + b"\0" + len(data).to_bytes(4) + data

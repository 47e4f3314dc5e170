"""Packets of the client/server protocol of MySQL and MariaDB, as far as a login and a question need them.

Words and numbers are those of the protocol's documentation (MySQL internals, "Connection Phase"; MariaDB, "Clients and
servers protocol"). A packet here is its payload; `frame` puts the header before it.
"""

from __future__ import annotations

import hashlib
import re
import struct

import msgspec

from alived.base import DecodeError

HEADER_BYTES = 4
MAX_PACKET = 1 << 14
"""Of those that a check must hear; a greeting has some hundred octets."""
OK, MORE_DATA, SWITCH, ERROR = 0x00, 0x01, 0xFE, 0xFF
"""First octets of packets; SWITCH is also that of an end of rows."""
FAST_AUTH_OK, FULL_AUTH = 3, 4
"""What caching_sha2_password says in MORE_DATA."""
NATIVE, CACHING_SHA2 = "mysql_native_password", "caching_sha2_password"
ACCESS_DENIED_STATE = "28000"
COM_QUIT = b"\x01"
COM_QUERY = b"\x03"
CLIENT_LONG_PASSWORD = 1 << 0
CLIENT_PROTOCOL_41 = 1 << 9
CLIENT_SSL = 1 << 11
CLIENT_SECURE_CONNECTION = 1 << 15
CLIENT_PLUGIN_AUTH = 1 << 19
_CAPABILITIES = CLIENT_LONG_PASSWORD | CLIENT_PROTOCOL_41 | CLIENT_SECURE_CONNECTION | CLIENT_PLUGIN_AUTH
_UTF8 = 33
_PROTOCOL = 10
_GREETING = re.compile(rb"\x0a([^\0]*)\0.{4}(.{8})\0(..)(?:.(..)(..)(.).{10})?", re.DOTALL)
_ERROR = re.compile(rb"\xff(..)(?:#(.{5}))?", re.DOTALL)
_FOR_OLD_CLIENTS = "5.5.5-"
"""MariaDB 10 begins its version with it, for replicas that know versions of one digit only."""


class Greeting(msgspec.Struct, frozen=True):
    """The server's first packet. nonce: what passwords are scrambled with."""

    version: str
    capabilities: int
    nonce: bytes
    plugin: str


class ServerError(msgspec.Struct, frozen=True):
    """state: SQLSTATE; "" before the login."""

    code: int
    state: str
    text: bytes


def frame(sequence: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes((sequence & 0xFF,)) + payload


def unframe(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Sequence number, payload, rest; None: it is not whole. Raises DecodeError: too long for what is awaited."""
    if len(data) < HEADER_BYTES:
        return None
    length = int.from_bytes(data[:3], "little")
    if length > MAX_PACKET:
        raise DecodeError("too-long", f"a packet of {length} octets")
    end = HEADER_BYTES + length
    return (data[3], data[HEADER_BYTES:end], data[end:]) if len(data) >= end else None


def decode_greeting(payload: bytes) -> Greeting:
    """Raises DecodeError."""
    match = _GREETING.match(payload)
    if match is None:
        raise DecodeError("no-greeting", f"no greeting of protocol {_PROTOCOL}")
    version, nonce, low, _, high, length = match.groups()
    capabilities = int.from_bytes(low + (high or b""), "little")
    rest = payload[match.end() :]
    if capabilities & CLIENT_SECURE_CONNECTION:
        size = max(13, ord(length or b"\0") - len(nonce))
        nonce, rest = nonce + rest[: size - 1], rest[size:]
    plugin = rest.partition(b"\0")[0] if capabilities & CLIENT_PLUGIN_AUTH else NATIVE.encode()
    shown = version.decode("latin-1").removeprefix(_FOR_OLD_CLIENTS)
    return Greeting(shown, capabilities, nonce, plugin.decode("latin-1"))


def decode_error(payload: bytes) -> ServerError:
    """Of a packet that begins with ERROR. Raises DecodeError."""
    match = _ERROR.match(payload)
    if match is None:
        raise DecodeError("too-short", "an error without a number")
    return ServerError(int.from_bytes(match[1], "little"), (match[2] or b"").decode("latin-1"), payload[match.end() :])


def decode_switch(payload: bytes) -> tuple[str, bytes]:
    """The plugin that the server wants instead, and its nonce."""
    name, _, nonce = payload[1:].partition(b"\0")
    return name.decode("latin-1"), nonce.removesuffix(b"\0")


def decode_text(row: bytes) -> bytes:
    """The first column of a row. Raises DecodeError: NULL, or longer than 250 octets."""
    length = row[0] if row else 0xFF
    if length > 250 or len(row) < 1 + length:
        raise DecodeError("no-text", "no short text in the row")
    return row[1 : 1 + length]


def tls_request() -> bytes:
    """It ends where `login` would name the user."""
    return _login_head(_CAPABILITIES | CLIENT_SSL)


def login(user: str, plugin: str, answer: bytes, in_tls: bool) -> bytes:
    """answer: what `scramble` gives."""
    head = _login_head(_CAPABILITIES | (CLIENT_SSL if in_tls else 0))
    return head + user.encode() + b"\0" + bytes((len(answer),)) + answer + plugin.encode("latin-1") + b"\0"


def _login_head(capabilities: int) -> bytes:
    return struct.pack("<IIB23x", capabilities, MAX_PACKET, _UTF8)


def scramble(plugin: str, password: str, nonce: bytes) -> bytes | None:
    """What proves a password; None: an unknown plugin. An empty password needs no proof."""
    if not password:
        return b""
    secret = password.encode(errors="surrogateescape")
    if plugin == NATIVE:
        once = hashlib.sha1(secret).digest()
        return _xor(once, hashlib.sha1(nonce[:20] + hashlib.sha1(once).digest()).digest())
    if plugin == CACHING_SHA2:
        once = hashlib.sha256(secret).digest()
        return _xor(once, hashlib.sha256(hashlib.sha256(once).digest() + nonce[:20]).digest())
    return None


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))

"""Packets of MySQL and MariaDB, by hand from the documentation of their protocol."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.wire.mysql import (
    CACHING_SHA2,
    CLIENT_SSL,
    MAX_PACKET,
    NATIVE,
    Greeting,
    ServerError,
    decode_error,
    decode_greeting,
    decode_switch,
    decode_text,
    frame,
    login,
    scramble,
    tls_request,
    unframe,
)

NONCE = b"abcdefgh" + b"ijklmnopqrst"
GREETING = (
    b"\x0a5.5.5-10.11.6-MariaDB\0"
    b"\x2a\0\0\0"  # thread
    b"abcdefgh\0"
    b"\xfe\xf7"  # capabilities, lower half
    b"\x2d\x02\0"  # character set, status
    b"\xff\x81"  # capabilities, upper half
    b"\x15" + bytes(10) + b"ijklmnopqrst\0"
    b"mysql_native_password\0"
)


def test_a_greeting() -> None:
    greeting = decode_greeting(GREETING)
    assert greeting == Greeting("10.11.6-MariaDB", 0x81FFF7FE, NONCE, NATIVE)
    assert not greeting.capabilities & CLIENT_SSL


def test_a_greeting_of_old_servers_ends_early() -> None:
    greeting = decode_greeting(b"\x0a5.0.1\0\x01\0\0\0abcdefgh\0\x00\x00")
    assert greeting == Greeting("5.0.1", 0, b"abcdefgh", NATIVE)


@pytest.mark.parametrize("payload", [b"", b"\x09" + GREETING[1:], GREETING[:30], b"HTTP/1.1 400 Bad Request"])
def test_what_is_no_greeting(payload: bytes) -> None:
    with pytest.raises(DecodeError, match="no-greeting"):
        decode_greeting(payload)


def test_frames() -> None:
    assert frame(1, b"abc") == b"\x03\0\0\x01abc"
    assert frame(257, b"") == b"\0\0\0\x01"
    assert unframe(b"\x03\0\0\x01abcdef") == (1, b"abc", b"def")
    assert unframe(b"\x03\0\0") is None
    assert unframe(b"\x03\0\0\x01ab") is None
    with pytest.raises(DecodeError, match="a packet of 16385 octets"):
        unframe((MAX_PACKET + 1).to_bytes(3, "little") + b"\0")


def test_errors_before_and_after_the_login() -> None:
    assert decode_error(b"\xff\x10\x04Too many connections") == ServerError(1040, "", b"Too many connections")
    assert decode_error(b"\xff\x15\x04#28000Access denied") == ServerError(1045, "28000", b"Access denied")
    with pytest.raises(DecodeError, match="an error without a number"):
        decode_error(b"\xff\x10")


def test_a_switch_of_the_plugin() -> None:
    assert decode_switch(b"\xfemysql_native_password\0" + NONCE + b"\0") == (NATIVE, NONCE)
    assert decode_switch(b"\xfe") == ("", b""), "the password of old servers"


def test_the_first_column_of_a_row() -> None:
    assert decode_text(b"\x011") == b"1"
    assert decode_text(b"\x00") == b""
    for row in (b"", b"\xfb", b"\x05abc", b"\xfc\xff\xff" + bytes(65535)):
        with pytest.raises(DecodeError, match="no short text"):
            decode_text(row)


def test_a_login() -> None:
    packet = login("lb", NATIVE, b"\x01\x02", in_tls=False)
    assert packet[:4] == (0x00088201).to_bytes(4, "little")
    assert packet[8:32] == b"\x21" + bytes(23)
    assert packet[32:] == b"lb\0\x02\x01\x02mysql_native_password\0"
    secured = login("lb", NATIVE, b"", in_tls=True)
    assert tls_request() == secured[:32], "it is a login that ends before the name"
    assert int.from_bytes(secured[:4], "little") & CLIENT_SSL


@given(st.text(min_size=1), st.binary(min_size=20, max_size=20))
def test_a_scramble_proves_that_the_password_is_known(password: str, nonce: bytes) -> None:
    """As the server does it: it knows only the hash of the hash, and gets the hash out of the scramble."""
    once = hashlib.sha1(password.encode()).digest()
    stored = hashlib.sha1(once).digest()
    answer = scramble(NATIVE, password, nonce)
    assert answer is not None
    mask = hashlib.sha1(nonce + stored).digest()
    assert bytes(a ^ b for a, b in zip(answer, mask)) == once

    once = hashlib.sha256(password.encode()).digest()
    answer = scramble(CACHING_SHA2, password, nonce)
    assert answer is not None
    mask = hashlib.sha256(hashlib.sha256(once).digest() + nonce).digest()
    assert bytes(a ^ b for a, b in zip(answer, mask)) == once


def test_no_password_and_no_known_plugin() -> None:
    assert scramble("client_ed25519", "", NONCE) == b""
    assert scramble("client_ed25519", "x", NONCE) is None

"""Frames of HTTP/2, by hand from RFC 9113."""

from __future__ import annotations

import pytest

from alived.base import DecodeError
from alived.wire.http2 import (
    ENABLE_PUSH,
    HEADER_TABLE_SIZE,
    MAX_FRAME,
    PADDED,
    PRIORITY,
    Frame,
    Type,
    content,
    decode,
    encode,
    error_code,
    goaway,
    settings,
)


def test_frames() -> None:
    octets = b"\0\0\x03\0\x01\0\0\0\x05abc"
    assert encode(Type.DATA, 1, 5, b"abc") == octets
    assert decode(octets + b"more") == (Frame(0, 1, 5, b"abc"), b"more")
    assert decode(b"\0\0\0\x63\0\x80\0\0\x05") == (Frame(0x63, 0, 5, b""), b""), "the first bit of the stream is none"
    assert decode(octets[:8]) is None
    assert decode(octets[:-1]) is None


def test_a_frame_that_is_too_long() -> None:
    with pytest.raises(DecodeError, match="a frame of 16385 octets"):
        decode((MAX_FRAME + 1).to_bytes(3) + bytes(6))


def test_padding_and_priority() -> None:
    assert content(Frame(Type.DATA, 0, 1, b"abc")) == b"abc"
    assert content(Frame(Type.DATA, PADDED, 1, b"\x02abc\0\0")) == b"abc"
    assert content(Frame(Type.DATA, PADDED, 1, b"\x02\0\0")) == b""
    assert content(Frame(Type.HEADERS, PADDED | PRIORITY, 1, b"\x01\0\0\0\0\x10abc\0")) == b"abc"
    assert content(Frame(Type.DATA, PRIORITY, 1, b"abcdef")) == b"abcdef"
    for payload in (b"", b"\x01", b"\x03\0\0"):
        with pytest.raises(DecodeError, match="more padding than octets"):
            content(Frame(Type.DATA, PADDED, 1, payload))


def test_settings_and_goaway() -> None:
    assert settings({HEADER_TABLE_SIZE: 0, ENABLE_PUSH: 0}) == b"\0\0\x0c\x04\0\0\0\0\0\0\x01\0\0\0\0\0\x02\0\0\0\0"
    assert goaway() == b"\0\0\x08\x07\0\0\0\0\0" + bytes(8)
    assert error_code(Frame(Type.GOAWAY, 0, 0, b"\0\0\0\x01\0\0\0\x0bdebug")) == 11
    assert error_code(Frame(Type.RST_STREAM, 0, 1, b"\0\0\0\x07")) == 7

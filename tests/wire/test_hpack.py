"""HPACK: the examples of RFC 7541, and the library hpack as the other side."""

from __future__ import annotations

import hpack as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.wire.hpack import decode, decode_huffman, decode_integer, encode, encode_integer

HEADERS = st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.binary(max_size=300)), max_size=8)


@pytest.mark.parametrize(("value", "prefix", "octets"), [(10, 5, "0a"), (1337, 5, "1f9a0a"), (42, 8, "2a")])
def test_integers_of_section_c_1(value: int, prefix: int, octets: str) -> None:
    assert encode_integer(value, prefix) == bytes.fromhex(octets)
    assert decode_integer(bytes.fromhex(octets), 0, prefix) == (value, len(octets) // 2)


@pytest.mark.parametrize(
    ("block", "headers"),
    [
        ("040c2f73616d706c652f70617468", [(b":path", b"/sample/path")]),  # C.2.2
        ("100870617373776f726406736563726574", [(b"password", b"secret")]),  # C.2.3
        ("82", [(b":method", b"GET")]),  # C.2.4
        ("418cf1e3c2e5f23a6ba0ab90f4ff", [(b":authority", b"www.example.com")]),  # a part of C.4.1
        ("20885f", None),  # cut off
        ("3fe11f88", [(b":status", b"200")]),  # a new size of the table comes first
    ],
)
def test_blocks_of_section_c(block: str, headers: list[tuple[bytes, bytes]] | None) -> None:
    if headers is None:
        with pytest.raises(DecodeError):
            decode(bytes.fromhex(block))
    else:
        assert decode(bytes.fromhex(block)) == headers


@given(HEADERS)
def test_the_library_reads_what_we_write(headers: list[tuple[bytes, bytes]]) -> None:
    assert oracle.Decoder(max_header_list_size=1 << 20).decode(encode(headers), raw=True) == headers


@given(HEADERS, st.booleans())
def test_we_read_what_the_library_writes(headers: list[tuple[bytes, bytes]], huffman: bool) -> None:
    encoder = oracle.Encoder()
    encoder.header_table_size = 0
    assert decode(encoder.encode(headers, huffman=huffman)) == headers


def test_every_field_of_the_static_table() -> None:
    known = oracle.Decoder()
    for index in range(1, 62):
        block = bytes((0x80 | index,))
        assert decode(block) == known.decode(block, raw=True)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("be", "no header field has number 62"),
        ("80", "no header field has number 0"),
        ("ff8080808001", "cut off or too large"),
        ("ff80", "cut off or too large"),
        ("00", "the header is cut off"),
        ("0003616200", "the header is cut off"),
        ("000161", "the header is cut off"),
    ],
)
def test_blocks_that_are_wrong(block: str, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        decode(bytes.fromhex(block))


@pytest.mark.parametrize(("octets", "reason"), [("ffffffff", "its end inside"), ("1fff", "filled"), ("00", "filled")])
def test_strings_that_are_wrong(octets: str, reason: str) -> None:
    """Section 5.2: the end inside, more than 7 bits of padding, padding that is not ones."""
    with pytest.raises(DecodeError, match=reason):
        decode_huffman(bytes.fromhex(octets))


@given(st.binary(max_size=200))
def test_bears_anything(block: bytes) -> None:
    try:
        headers = decode(block)
    except DecodeError:
        return
    assert sum(len(name) + len(value) for name, value in headers) <= 64 * len(block)

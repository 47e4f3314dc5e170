"""Hexadecimal data of UDP_CHECK."""

from __future__ import annotations

import pytest

from alived.config.keywords.probes import parse_hex


@pytest.mark.parametrize(
    ("text", "octets", "mask"),
    [
        ("01", b"\x01", b"\xff"),
        ("0102fF", b"\x01\x02\xff", b"\xff\xff\xff"),
        (" 01\t02 ", b"\x01\x02", b"\xff\xff"),
        ("1 2", b"\x01\x02", b"\xff\xff"),
        ("xX 0x x0", b"\x00\x00\x00", b"\x00\xf0\x0f"),
        ("x", b"\x00", b"\xf0"),
        ("123", b"\x12\x03", b"\xff\xff"),
    ],
)
def test_octets_and_the_bits_that_count(text: str, octets: bytes, mask: bytes) -> None:
    assert parse_hex(text) == (octets, mask)


@pytest.mark.parametrize("text", ["", " ", "0g", "g", "0x1z", "01,02", "٣"])
def test_what_is_no_data(text: str) -> None:
    assert parse_hex(text) is None

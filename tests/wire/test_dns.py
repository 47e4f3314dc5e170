"""Names and headers of the DNS; dnspython reads what we write."""

from __future__ import annotations

import dns.message
import dns.name
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.wire.dns import Header, Type, decode_header, encode_name, encode_query


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        (".", b"\0"),
        ("example.com", b"\x07example\x03com\0"),
        ("example.com.", b"\x07example\x03com\0"),
        (r"a\.b.c", b"\x03a.b\x01c\0"),
        (r"\255\\x", b"\x03\xff\\x\0"),
        ("a" * 63, b"\x3f" + b"a" * 63 + b"\0"),
    ],
)
def test_names(text: str, octets: bytes) -> None:
    assert encode_name(text) == octets


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "'' has an empty label"),
        ("a..b", "'a..b' has an empty label"),
        (".a", "'.a' has an empty label"),
        ("..", "'..' has an empty label"),
        ("a" * 64, "a label has 64 octets, 63 are allowed"),
        (".".join(["a" * 49] * 5 + ["b" * 4]), "it needs 256 octets in a message, 255 are allowed"),
        ("münchen.example", "'ü' cannot be in a name of the DNS: write an international name as xn--..."),
        (r"\256", r"'\\256' cannot be in a name of the DNS: a number after a backslash is 0 to 255"),
        ("a\\", r"a backslash of 'a\\' stands before nothing: \. or \DDD, a decimal number"),
        (r"\12", r"a backslash of '\\12' stands before nothing: \. or \DDD, a decimal number"),
    ],
)
def test_names_that_cannot_be(text: str, error: str) -> None:
    with pytest.raises(ValueError) as caught:
        encode_name(text)
    assert str(caught.value) == error


def test_the_longest_name() -> None:
    assert len(encode_name(".".join(["a" * 49] * 5 + ["b" * 3]))) == 255


@given(
    st.lists(st.binary(min_size=1, max_size=63), min_size=1, max_size=3), st.sampled_from(Type), st.integers(0, 0xFFFF)
)
def test_dnspython_reads_the_same_question(labels: list[bytes], kind: Type, query_id: int) -> None:
    name = dns.name.Name([*labels, b""])
    message = dns.message.from_wire(encode_query(query_id, encode_name(name.to_text()), kind))
    (question,) = message.question
    assert (message.id, question.name, question.rdtype) == (query_id, name, dns.rdatatype.from_text(kind.name))
    assert message.flags == dns.flags.RD


@given(st.text(max_size=300))
def test_a_name_is_encoded_or_refused(text: str) -> None:
    try:
        octets = encode_name(text)
    except ValueError:
        return
    assert octets.endswith(b"\0")
    assert len(octets) <= 255
    parsed, length = dns.name.from_wire(octets, 0)
    assert length == len(octets)
    assert parsed.is_absolute()


def test_headers() -> None:
    assert decode_header(b"\x12\x34\x81\x83\0\1\0\2\0\0\0\0more") == Header(0x1234, True, 3, 2)
    assert not decode_header(b"\x12\x34\x01\x00" + bytes(8)).is_response
    with pytest.raises(DecodeError, match="too-short"):
        decode_header(bytes(11))

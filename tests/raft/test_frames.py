"""Packets on a stream: the same however it is cut, and mistakes of configuration are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.raft.frames import FrameReader, frame, preface
from alived.raft.packets import MAX_PACKET

HERE = 2**63 - 1


def reader() -> FrameReader:
    return FrameReader("blue", HERE)


def reason(data: bytes) -> str:
    with pytest.raises(DecodeError) as error:
        list(reader().feed(data))
    return error.value.reason


@given(st.lists(st.binary(max_size=50)), st.lists(st.integers(1, 30)))
def test_however_it_is_cut(packets: list[bytes], cuts: list[int]) -> None:
    data = preface("blue", HERE) + b"".join(map(frame, packets))
    taken = reader()
    found: list[bytes] = []
    for cut in cuts:
        found += taken.feed(data[:cut])
        data = data[cut:]
    assert found + list(taken.feed(data)) == packets


def test_the_form_is_the_documented_one() -> None:
    assert preface("blue", 5)[:3] == b"aT\x01"
    assert preface("blue", 5)[11:] == (5).to_bytes(8, "little")
    assert frame(b"abc") == b"\x03\x00\x00\x00abc"


def test_the_largest_and_a_larger_one() -> None:
    assert list(reader().feed(preface("blue", HERE) + frame(bytes(MAX_PACKET)))) == [bytes(MAX_PACKET)]
    assert reason(preface("blue", HERE) + (MAX_PACKET + 1).to_bytes(4, "little")) == "oversized"
    with pytest.raises(AssertionError, match=f"a packet of {MAX_PACKET + 1} bytes"):
        frame(bytes(MAX_PACKET + 1))


def test_what_came_before_the_nonsense_counts() -> None:
    packets = reader().feed(preface("blue", HERE) + frame(b"one") + b"\xff" * 4)
    assert next(packets) == b"one"
    with pytest.raises(DecodeError):
        next(packets)


def test_mistakes_of_configuration() -> None:
    assert reason(preface("red", HERE)) == "foreign-cluster"
    assert reason(preface("blue", 1)) == "misdirected"
    assert reason(b"GET / HTTP/1.1\r\nHost: a\r\n") == "not-alived"


@pytest.mark.parametrize(("version", "word"), [(0, "older"), (2, "newer")])
def test_another_version_is_named_beside_ours(version: int, word: str) -> None:
    data = b"aT" + bytes([version]) + bytes(16)
    with pytest.raises(DecodeError, match=f"version {version} of the protocol, and this node speaks version 1"):
        list(reader().feed(data))
    assert reason(data) == f"{word}-version"

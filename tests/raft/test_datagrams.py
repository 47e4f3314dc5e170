"""Datagrams: only what somebody with a key wrote is believed, and what is not says why."""

from __future__ import annotations

import hashlib
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.raft.datagrams import MAX_DATAGRAM, OVERHEAD, Codec, Datagram, Kind
from alived.raft.packets import MAX_PACKET

OLD, NEW = b"the old key of the cluster", b"the new key of the cluster"
NUMBERS = st.integers(0, 2**64 - 1)
DATAGRAM = Datagram(Kind.DATA, 2**63 - 1, 2, 3, 4, 5, b"body")
codec = Codec("blue", [OLD])


def reason(data: bytes, by: Codec = codec) -> str:
    with pytest.raises(DecodeError) as error:
        by.decode(data)
    return error.value.reason


@given(st.sampled_from(Kind), NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=200))
def test_there_and_back(
    kind: Kind, sender: int, recipient: int, session: int, token: int, sequence: int, body: bytes
) -> None:
    datagram = Datagram(kind, sender, recipient, session, token, sequence, body)
    assert codec.decode(codec.encode(datagram)) == datagram


def test_the_form_is_the_documented_one() -> None:
    data = codec.encode(DATAGRAM)
    assert data[:4] == b"aR\x01\x00"
    assert struct.unpack("<5Q", data[12:52]) == (2**63 - 1, 2, 3, 4, 5)
    assert data[52:-16] == b"body"
    key = hashlib.blake2s(OLD, person=b"key").digest()
    assert data[-16:] == hashlib.blake2s(data[:-16], key=key, digest_size=16).digest()
    assert len(data) == OVERHEAD + 4


@given(st.integers(0, OVERHEAD + 3), st.integers(1, 255))
def test_every_byte_is_protected(place: int, flip: int) -> None:
    data = bytearray(codec.encode(DATAGRAM))
    data[place] ^= flip
    expected = {0: "not-alived", 1: "not-alived", 2: "newer-version"}.get(place, "forged")
    if place == 2 and data[2] == 0:
        expected = "older-version"
    if 4 <= place < 12:
        expected = "foreign-cluster"
    assert reason(bytes(data)) == expected


def test_cut_anywhere() -> None:
    data = codec.encode(DATAGRAM)
    for length in range(len(data)):
        expected = "not-alived" if length < 2 else "too-short" if length < OVERHEAD else "forged"
        assert reason(data[:length]) == expected


def test_as_large_as_allowed_and_larger() -> None:
    largest = codec.encode(DATAGRAM._replace(body=bytes(MAX_PACKET)))
    assert len(largest) == MAX_DATAGRAM
    assert codec.decode(largest).body == bytes(MAX_PACKET)
    assert reason(codec.encode(DATAGRAM._replace(body=bytes(MAX_PACKET + 1)))) == "oversized"


@pytest.mark.parametrize(("version", "word"), [(0, "older"), (2, "newer"), (255, "newer")])
def test_another_version_is_named_beside_ours(version: int, word: str) -> None:
    """Whatever follows: its form is not known."""
    with pytest.raises(DecodeError, match=f"version {version} of .* speaks version 1") as error:
        codec.decode(b"aR" + bytes([version]))
    assert error.value.reason == f"{word}-version"


def test_another_cluster_is_told_from_a_forgery() -> None:
    assert reason(Codec("red", [OLD]).encode(DATAGRAM)) == "foreign-cluster"
    assert reason(Codec("blue", [NEW]).encode(DATAGRAM)) == "forged"
    assert reason(Codec("blue", []).encode(DATAGRAM)) == "forged"


def test_without_a_key_the_cluster_id_is_all() -> None:
    keyless = Codec("blue", [])
    assert keyless.decode(Codec("blue", []).encode(DATAGRAM)) == DATAGRAM
    assert reason(codec.encode(DATAGRAM), keyless) == "forged"
    assert reason(Codec("blue", [b"blue"]).encode(DATAGRAM), keyless) == "forged"


def test_a_key_is_exchanged_without_an_interruption() -> None:
    """Every step of one node is understood by nodes that are a step behind or ahead."""
    steps = [Codec("blue", keys) for keys in ([OLD], [OLD, NEW], [NEW, OLD], [NEW])]
    for one, other in itertools.pairwise(steps):
        assert other.decode(one.encode(DATAGRAM)) == DATAGRAM
        assert one.decode(other.encode(DATAGRAM)) == DATAGRAM
    assert reason(steps[0].encode(DATAGRAM), steps[3]) == "forged"
    assert reason(steps[3].encode(DATAGRAM), steps[0]) == "forged"


def test_a_kind_that_is_not_known() -> None:
    assert reason(codec.encode(DATAGRAM._replace(kind=9))) == "unknown-kind"  # type: ignore[arg-type]


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_refused(data: bytes, like_ours: bool) -> None:
    if like_ours:
        data = codec.encode(DATAGRAM)[:12] + data
    assert reason(data) in {
        "not-alived",
        "too-short",
        "older-version",
        "newer-version",
        "foreign-cluster",
        "forged",
    }

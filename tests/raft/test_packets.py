"""Packets as bytes."""

from __future__ import annotations

import msgspec
import pytest

from alived.base import DecodeError
from alived.raft.messages import Append, Entry
from alived.raft.packets import Greeting, GroupReport, Packet, Report, Sublease, Subleases, decode, encode

PACKETS: list[Packet] = [
    Append(sender=1, to=2, term=3, index=4, log_term=3, entries=(Entry(3, 5, b"\x00\xff"),), commit=4),
    Report(number=1, groups=(GroupReport(name="g", able=True, priority=1, held_ns=0),), term=3, serial=9),
    Subleases(term=1, serial=2, number=3, held=(Sublease("g", 5),)),
    Greeting(node="a", formed="id"),
]


@pytest.mark.parametrize("packet", PACKETS)
def test_a_packet_survives_its_encoding(packet: Packet) -> None:
    assert decode(encode(packet)) == packet


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", encode(PACKETS[0])[:-1], msgspec.msgpack.encode({"type": "Dance"}), msgspec.msgpack.encode([1])],
)
def test_nonsense_is_malformed(data: bytes) -> None:
    with pytest.raises(DecodeError) as error:
        decode(data)
    assert error.value.reason == "malformed"

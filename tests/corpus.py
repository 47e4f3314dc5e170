"""The shared corpus: captures of keepalived and FRR with tshark's decode. Tests that need it skip without it."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import struct
from typing import Any, NamedTuple

import pytest

_DEFAULT = pathlib.Path(__file__).resolve().parents[2] / "shared" / "corpus"
CORPUS = pathlib.Path(os.environ.get("ALIVED_CORPUS", _DEFAULT))
PCAP = CORPUS / "pcap"


class Captured(NamedTuple):
    """A frame of a capture and what tshark says about it."""

    file: str
    frame: bytes
    expected: dict[str, Any]

    @property
    def where(self) -> str:
        return f"{self.file} packet {self.expected['no']}"


@functools.cache
def captures() -> tuple[dict[str, Any], ...]:
    """The entries of the index; the test is skipped if there is no corpus."""
    index = PCAP / "index.json"
    if not index.exists():
        pytest.skip(f"no captures at {PCAP} (set ALIVED_CORPUS)")
    return tuple(json.loads(index.read_text())["captures"])


@functools.cache
def captured() -> tuple[Captured, ...]:
    """All frames of all captures, read by the simplest code that can (little-endian pcap, microseconds)."""
    found = []
    for capture in captures():
        data = (PCAP / capture["file"]).read_bytes()
        offset = 24
        for packet in capture["packets"]:
            length = struct.unpack_from("<I", data, offset + 8)[0]
            found.append(Captured(capture["file"], data[offset + 16 : offset + 16 + length], packet))
            offset += 16 + length
        assert offset == len(data)
    return tuple(found)


def with_key(key: str) -> list[Captured]:
    """The captured frames that have a `vrrp`, `ah`, `arp` or `icmpv6` part; at least one."""
    found = [packet for packet in captured() if key in packet.expected]
    assert found
    return found

"""The log as bytes: what a crash can leave is read as far as it was promised, everything else is refused."""

from __future__ import annotations

import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.raft import wal
from alived.raft.confchange import Change, ChangeKind, ConfChange
from alived.raft.memory import MemoryStorage
from alived.raft.messages import Entry, HardState, Snapshot
from alived.raft.wal import Image, Saved, WalNewer, WalUnreadable, encode_image, encode_saved, read
from tests.raft.helpers import configuration

SNAPSHOT = Snapshot(1, 1, configuration([1, 2], learners=[2**63 - 1]), b"state")
CHANGE = ConfChange((Change(ChangeKind.ADD_LEARNER, 2**62 + 1),), context=b"member")


def image(**values: object) -> Image:
    return Image(
        **{  # type: ignore[arg-type]
            "node": "a",
            "cluster_id": "blue",
            "hard_state": HardState(1, 0, 1),
            "snapshot": SNAPSHOT,
            "entries": (),
            **values,
        }
    )


class Segment:
    """A segment as it grows: its bytes, and where each record ends with the state that it leaves."""

    def __init__(self, first: Image) -> None:
        self.data = encode_image(first)
        self.synced = len(self.data)
        self.memory = first.memory()
        self.states = [(len(self.data), state(self.memory))]

    def save(self, hard_state: HardState | None = None, *entries: Entry, sync: bool = True) -> None:
        saved = Saved(synced=self.synced, hard_state=hard_state, entries=entries)
        self.data += encode_saved(saved, len(self.data))
        saved.apply(self.memory)
        self.states.append((len(self.data), state(self.memory)))
        if sync:
            self.synced = len(self.data)

    def state_at(self, length: int) -> object:
        """Of the records that end there or before."""
        return [state for end, state in self.states if end <= length][-1]

    @property
    def begun(self) -> int:
        return self.states[0][0]


def state(memory: MemoryStorage) -> object:
    return memory.initial_state(), list(memory.entries(memory.first_index, memory.last_index + 1))


def some_segment() -> Segment:
    segment = Segment(image(entries=(Entry(1, 2, b"two"), Entry(1, 3, b"three"))))
    segment.save(HardState(2, 1, 1))
    segment.save(None, Entry(2, 4, b"four"), Entry(2, 5, change=CHANGE))
    segment.save(HardState(3, 2, 3), Entry(3, 4, b"another"))
    segment.save(HardState(3, 2, 4), sync=False)
    return segment


def test_what_was_saved_is_read() -> None:
    segment = some_segment()
    recovered = read(segment.data)
    assert recovered.torn_bytes == 0
    assert recovered.image == image(entries=(Entry(1, 2, b"two"), Entry(1, 3, b"three")))
    assert recovered.memory.initial_state() == (HardState(3, 2, 4), SNAPSHOT)
    assert recovered.memory.last_index == 4
    assert recovered.memory.entries(2, 5) == [Entry(1, 2, b"two"), Entry(1, 3, b"three"), Entry(3, 4, b"another")]


def test_the_format_is_the_documented_one() -> None:
    data = encode_image(image())
    head = b"alived raft log, format 1\n"
    assert data.startswith(head)
    frame = data[len(head) :]
    length = int.from_bytes(frame[:4], "little")
    assert len(frame) == 12 + length
    place = zlib.crc32(len(head).to_bytes(8, "little") + frame[:4])
    assert frame[4:8] == place.to_bytes(4, "little")
    assert frame[8:12] == zlib.crc32(frame[12:], place).to_bytes(4, "little")


def test_cut_at_every_byte() -> None:
    """The file ends early: what was saved before is there; a segment that was never whole is none."""
    segment = some_segment()
    for length in range(len(segment.data)):
        if length < segment.begun:
            with pytest.raises(WalUnreadable):
                read(segment.data[:length])
            continue
        recovered = read(segment.data[:length])
        assert state(recovered.memory) == segment.state_at(length)
        ends = [end for end, _ in segment.states if end <= length]
        assert recovered.torn_bytes == length - ends[-1]


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_every_byte_flipped(flip: int) -> None:
    """Whatever a disk garbles, no promise is forgotten: it is refused, also at the very end."""
    segment = some_segment()
    for place in range(len(segment.data)):
        garbled = bytearray(segment.data)
        garbled[place] ^= flip
        with pytest.raises(WalUnreadable):
            read(bytes(garbled))


@pytest.mark.parametrize("pattern", [b"garbage", b"\0" * 12, b"\0" * 40, b"\xff" * 12])
def test_damage_is_named_with_its_place(pattern: bytes) -> None:
    segment = some_segment()
    place = segment.states[1][0]
    data = segment.data[:place] + pattern + segment.data[place + len(pattern) :]
    with pytest.raises(WalUnreadable, match=rf"^it is damaged at byte {place}, where it was already on the disk$"):
        read(data)


def long_tail(*, sync: bool) -> tuple[Segment, int]:
    """Two records after a synced one; the first covers several sectors."""
    segment = some_segment()
    begin = len(segment.data)
    segment.save(None, Entry(3, 5, b"x" * 3 * wal.SECTOR_BYTES), sync=sync)
    segment.save(HardState(3, 2, 5), Entry(3, 6, b"y" * 2 * wal.SECTOR_BYTES), sync=False)
    return segment, begin


def zero_sectors(data: bytes, from_: int, chosen: set[int]) -> bytes:
    """As after a crash in which these sectors, counted from the one with byte `from_`, were never written."""
    result = bytearray(data)
    for place in range(from_, len(data)):
        if place // wal.SECTOR_BYTES - from_ // wal.SECTOR_BYTES in chosen:
            result[place] = 0
    return bytes(result)


@given(st.sets(st.integers(0, 6), min_size=1), st.integers(0, 2 * wal.SECTOR_BYTES))
def test_sectors_that_were_never_written(chosen: set[int], cut: int) -> None:
    """Whichever of the sectors after the last sync are missing: what was saved before is there."""
    segment, begin = long_tail(sync=False)
    crashed = zero_sectors(segment.data, begin, chosen)
    recovered = read(crashed[: len(crashed) - cut])
    assert state(recovered.memory) in [states for end, states in segment.states if end >= begin]
    if 0 in chosen:
        assert state(recovered.memory) == segment.state_at(begin)


def test_a_frame_whose_header_crosses_a_sector_that_was_never_written() -> None:
    padding = b""
    while True:
        segment = some_segment()
        segment.save(None, Entry(3, 5, padding))
        begin = len(segment.data)
        if begin % wal.SECTOR_BYTES == wal.SECTOR_BYTES - 6:
            break
        padding += b"x"
    segment.save(HardState(4, 1, 1), sync=False)
    crashed = zero_sectors(segment.data, begin, {1})
    assert state(read(crashed).memory) == segment.state_at(begin)
    assert read(crashed).torn_bytes == len(crashed) - begin


def test_zeros_where_a_later_record_knows_of_a_sync_are_damage() -> None:
    segment, begin = long_tail(sync=True)
    with pytest.raises(WalUnreadable, match=f"damaged at byte {begin}"):
        read(zero_sectors(segment.data, begin, {1}))


def test_zeros_after_the_end() -> None:
    """The size of a file may reach the disk before its content."""
    segment = some_segment()
    recovered = read(segment.data + bytes(5000))
    assert state(recovered.memory) == segment.state_at(len(segment.data))
    assert recovered.torn_bytes == 5000


def test_a_newer_format_is_not_guessed_at() -> None:
    data = some_segment().data.replace(b"format 1\n", b"format 2\n", 1)
    with pytest.raises(WalNewer, match=r"^it has format 2, and this version of alived knows formats up to 1$"):
        read(data)


@pytest.mark.parametrize("data", [b"", b"alived raft log, format 0\n", b"alived raft log, format x\n", b"#!/bin/sh\n"])
def test_no_log_at_all(data: bytes) -> None:
    with pytest.raises(WalUnreadable, match=r"^it does not begin as a log of alived does$"):
        read(data)


@pytest.mark.parametrize("first", [True, False])
def test_a_whole_record_that_means_nothing(first: bool) -> None:
    """Of a version that forgot to count its format: not skipped, as it may be a promise."""
    data = b"alived raft log, format 1\n" if first else encode_image(image())
    data += wal._frame(b"\x93\x01\x02\x03", len(data))
    with pytest.raises(WalUnreadable, match=re.escape(f"the record at byte {len(data) - 16} is whole, but means")):
        read(data)


def test_a_record_at_another_place_is_none() -> None:
    """A copy of a record, whole as it is, says nothing: it stands where it was not written."""
    segment = some_segment()
    first, second = segment.states[1][0], segment.states[2][0]
    with pytest.raises(WalUnreadable, match=f"damaged at byte {len(segment.data)}"):
        read(segment.data + segment.data[first:second])


@given(st.binary(max_size=300))
def test_any_bytes_are_a_log_or_refused(tail: bytes) -> None:
    begun = encode_image(image())
    for data in (tail, begun[:30] + tail, begun + tail):
        try:
            recovered = read(data)
        except WalUnreadable:
            continue
        assert state(recovered.memory) == state(image().memory())
        assert recovered.torn_bytes == len(tail)

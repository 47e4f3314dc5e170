"""The write-ahead log as bytes: what a node has promised, in an order and a form that tell a crash from damage.

A segment is one file that needs no other:

    "alived raft log, format 1\\n"                the version of everything below
    frame(Image)                                 whose it is, and the whole state when the segment was begun
    frame(Saved) frame(Saved) ...                what was saved after that; replaying them gives the state

    frame = length of the record (4 bytes), CRC-32 of its offset and length (4), CRC-32 of the record (4), the record

Numbers are little-endian, records are msgpack. A segment gets its name only after its image is on the disk, so a crash
can tear nothing but what was appended since the last fdatasync: the file ends early, or sectors that never reached the
disk read as zeros. Such a tail was promised to nobody and is left out. Anything else that does not fit is damage, and
so are zeros before a byte that a later record knows to have been on the disk (`Saved.synced`): then promises may be
lost, and the node must not go on as if nothing had happened.
"""

from __future__ import annotations

import struct
import zlib
from typing import TypeVar

import msgspec

from alived.base import AlivedError
from alived.raft.memory import MemoryStorage
from alived.raft.messages import Entry, HardState, Snapshot

FORMAT = 1
SECTOR_BYTES = 512
"""What a disk writes whole or not at all."""
_MAGIC = b"alived raft log, format "
_HEAD = _MAGIC + b"%d\n" % FORMAT
_FRAME = struct.Struct("<III")
_PLACE = struct.Struct("<QI")


class WalUnreadable(AlivedError):
    """Bytes that are no log, or not one that this version may go on with; the text says what is wrong with "it"."""


class WalNewer(WalUnreadable):
    """Written by a version of alived that knows more than this one."""


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """The first record of a segment: whose log it is, and its state."""

    node: str
    cluster_id: str
    hard_state: HardState
    snapshot: Snapshot
    entries: tuple[Entry, ...]

    def memory(self) -> MemoryStorage:
        memory = MemoryStorage(self.snapshot, self.hard_state)
        memory.append(self.entries)
        return memory


class Saved(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was saved together. Entries replace those of the same index and all after them."""

    synced: int
    """Everything before this offset was on the disk when this record was written"""
    hard_state: HardState | None = None
    """None: as before"""
    entries: tuple[Entry, ...] = ()

    def apply(self, memory: MemoryStorage) -> None:
        if self.hard_state is not None:
            memory.set_hard_state(self.hard_state)
        memory.append(self.entries)


class Recovered(msgspec.Struct, frozen=True):
    """What a segment holds."""

    image: Image
    """As it was when the segment was begun"""
    memory: MemoryStorage
    """With everything that was saved after that"""
    torn_bytes: int
    """At the end, not completely written before a crash"""


R = TypeVar("R", Image, Saved)
_encoder = msgspec.msgpack.Encoder()
_image_decoder = msgspec.msgpack.Decoder(Image)
_saved_decoder = msgspec.msgpack.Decoder(Saved)


def encode_image(image: Image) -> bytes:
    """The beginning of a segment."""
    return _HEAD + _frame(_encoder.encode(image), len(_HEAD))


def encode_saved(saved: Saved, offset: int) -> bytes:
    """What is appended at this offset of a segment."""
    return _frame(_encoder.encode(saved), offset)


def read(data: bytes) -> Recovered:
    """What a segment says, without a tail that a crash has torn.

    Raises:
        WalUnreadable: It is damaged, or no log at all.
        WalNewer: Its format is unknown here.
    """
    offset = _after_head(data)
    record = _record(data, offset)
    if record is None:
        raise _damaged(offset)
    image = _decode(_image_decoder, record, offset)
    memory = image.memory()
    offset += _FRAME.size + len(record)
    while (record := _record(data, offset)) is not None:
        _decode(_saved_decoder, record, offset).apply(memory)
        offset += _FRAME.size + len(record)
    if offset < len(data) and not _torn(data, offset):
        raise _damaged(offset)
    return Recovered(image, memory, len(data) - offset)


def _after_head(data: bytes) -> int:
    if data.startswith(_HEAD):
        return len(_HEAD)
    version = data[len(_MAGIC) : len(_MAGIC) + 10].partition(b"\n")[0]
    if data.startswith(_MAGIC) and version.isdigit() and int(version) > FORMAT:
        raise WalNewer(f"it has format {int(version)}, and this version of alived knows formats up to {FORMAT}")
    raise WalUnreadable("it does not begin as a log of alived does")


def _frame(record: bytes, offset: int) -> bytes:
    place = zlib.crc32(_PLACE.pack(offset, len(record)))
    return _FRAME.pack(len(record), place, zlib.crc32(record, place)) + record


def _end(data: bytes, offset: int) -> int | None:
    """Where the frame at this offset ends; None if there is none."""
    if offset + _FRAME.size > len(data):
        return None
    length, place, _ = _FRAME.unpack_from(data, offset)
    return offset + _FRAME.size + length if place == zlib.crc32(_PLACE.pack(offset, length)) else None


def _record(data: bytes, offset: int) -> bytes | None:
    """The record in the frame at this offset; None if there is none that is whole."""
    end = _end(data, offset)
    if end is None or end > len(data):
        return None
    _, place, check = _FRAME.unpack_from(data, offset)
    record = data[offset + _FRAME.size : end]
    return record if zlib.crc32(record, place) == check else None


def _decode(decoder: msgspec.msgpack.Decoder[R], record: bytes, offset: int) -> R:
    try:
        return decoder.decode(record)
    except msgspec.DecodeError as error:  # ValidationError is one
        raise WalUnreadable(f"the record at byte {offset} is whole, but means nothing: {error}") from error


def _torn(data: bytes, offset: int) -> bool:
    """Whether what begins here, and is no whole record, is the work of a crash."""
    if offset + _FRAME.size > len(data):
        return True
    end = _end(data, offset)
    if end is not None and end > len(data):
        return True
    if not _has_unwritten_sector(data, offset, end):
        return False
    return all(_synced_before(data, later) <= offset for later in range(offset + 1, len(data)))


def _has_unwritten_sector(data: bytes, offset: int, end: int | None) -> bool:
    """Whether a sector of the frame reads as zeros. If its end is unknown, those that hold its first bytes count."""
    known_end = end if end is not None else _next_sector(offset + _FRAME.size - 1)
    start = offset
    while start < known_end:
        stop = min(_next_sector(start), known_end)
        if not any(data[start:stop]):
            return True
        start = stop
    return False


def _next_sector(offset: int) -> int:
    return (offset // SECTOR_BYTES + 1) * SECTOR_BYTES


def _synced_before(data: bytes, offset: int) -> int:
    """What a record at this offset says was on the disk before it; 0 if there is none."""
    record = _record(data, offset)
    return _decode(_saved_decoder, record, offset).synced if record is not None else 0


def _damaged(offset: int) -> WalUnreadable:
    return WalUnreadable(f"it is damaged at byte {offset}, where it was already on the disk")

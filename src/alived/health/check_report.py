"""What one performance of a check by hand shows: what was said, what decided, and what it means."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alived.health.check_events import Sight
from alived.health.dialogues.conversation import printable
from alived.health.recording import Said, Side


class Speech(msgspec.Struct, frozen=True):
    """One side speaks, or something happens. octets: as many were sent or heard; lines: the beginning of them."""

    side: Side
    octets: int
    lines: tuple[str, ...]


class StageReport(msgspec.Struct, frozen=True, kw_only=True):
    """name: "" if the check has only this stage. ok None: this machine could not ask."""

    name: str
    ok: bool | None
    reason: str
    took_ns: int
    speeches: tuple[Speech, ...]
    left_out: int
    """Of the speeches"""
    sight: Sight


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    subject: str
    keyword: str
    target: str
    patience_ns: int
    stages: tuple[StageReport, ...]
    """All up to the first one that did not succeed"""
    up: bool | None
    """The verdict that counts, which this changes in nothing"""
    outlook: str

    @property
    def ok(self) -> bool | None:
        return self.stages[-1].ok


def speeches(pieces: Iterable[Said]) -> tuple[Speech, ...]:
    """As text; what is none is shown as escapes."""
    return tuple(Speech(said.side, said.octets, _lines(said.data)) for said in pieces)


def _lines(data: bytes) -> tuple[str, ...]:
    text = data.decode("utf-8", "backslashreplace")
    return tuple(printable(line) for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n"))

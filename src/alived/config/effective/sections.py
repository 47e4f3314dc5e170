"""Values with their origins, block by block."""

from __future__ import annotations

import enum

import msgspec

from alived.base import Location


class Kind(enum.StrEnum):
    """Where a value came from."""

    SAID = "said"
    """From a statement: in a file, or from what was said instead of one."""
    INHERITED = "inherited"
    """From a statement in another block, which sets the default."""
    DEFAULT = "default"
    DERIVED = "derived"
    """Something else follows from the whole than what this statement says."""


class Origin(msgspec.Struct, frozen=True):
    """place: of the statement, if there is one; note: the block, the reason or whatever else there is to say."""

    kind: Kind
    place: Location | None = None
    note: str = ""

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        match self.kind:
            case Kind.SAID:
                return f"{self.place}{note}"
            case Kind.INHERITED:
                return f"{self.note} {self.place}"
            case Kind.DEFAULT:
                return f"default{note}"
            case Kind.DERIVED:
                return f"derived from {self.place}{note}"


class Entry(msgspec.Struct, frozen=True):
    """A value; several of one keyword are the lines of its list."""

    keyword: str
    value: str
    origin: Origin


class Section(msgspec.Struct, frozen=True):
    """A block: its words, its values, and the blocks in it. title "": statements outside all blocks."""

    title: str
    origin: Origin
    entries: tuple[Entry, ...]
    sections: tuple[Section, ...] = ()

"""keepalived's `regex_options`, which are PCRE2's: those that change what is found, and those that cannot."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from alived.health.regex.sets import MAX_CODE_POINT, MAX_OCTET
from alived.health.regex.syntax import RegexNotKnown

UNKNOWN = {
    "alt_bsux": "its other meaning of \\u, \\U and \\x is not known here: write \\x{...}",
    "ucp": "properties of Unicode are not known here: name the characters",
}
"""Options that cannot be had, and why"""


class Flags(msgspec.Struct, frozen=True):
    """Those that can change within a pattern, by (?i) and the like."""

    caseless: bool = False
    dotall: bool = False
    multiline: bool = False
    extended: bool = False


class Options(msgspec.Struct, frozen=True):
    """`no_auto_possess`, `ungreedy`, `dupnames` and others say how PCRE2 searches, not what is found: no fields."""

    flags: Flags = Flags()
    allow_empty_class: bool = False
    alt_circumflex: bool = False
    dollar_endonly: bool = False
    firstline: bool = False
    utf: bool = False

    @property
    def most(self) -> int:
        """The highest symbol."""
        return MAX_CODE_POINT if self.utf else MAX_OCTET


def read(names: Iterable[str]) -> Options:
    """Raises RegexError."""
    said = frozenset(names)
    for name in sorted(said & UNKNOWN.keys()):
        raise RegexNotKnown(f"option {name}: {UNKNOWN[name]}")
    flags = Flags(**{field: field in said for field in Flags.__struct_fields__})
    others = {field: field in said for field in Options.__struct_fields__ if field != "flags"}
    return Options(flags=flags, **others)

"""How a row of a keyword table is written in YAML and TOML: the names of keys, and what shape stands under them.

A block that may stand several times has a key in the plural, and under it a list of mappings; the words between its
keyword and its brace are keys of that mapping:

    virtual_server 192.0.2.1 80 { ... }     virtual_servers: [{address: 192.0.2.1, port: 80, ...}]
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterator, Mapping

from alived.base import NS_PER_MS, NS_PER_S
from alived.config.keywords.converters import Converter
from alived.config.keywords.table import Keyword, Table

Head = tuple[str, ...]

HEADS: Mapping[str, tuple[Head, ...]] = {
    "virtual_server": (("address", "port"), ("fwmark",), ("group",)),
    "real_server": (("address", "port"),),
    "node": (("id",),),
}
"""Keyword -> keys of the words before its brace; several ways to say it if there are several. Default: a name."""
NAMED: tuple[Head, ...] = (("name",),)
SPOKEN = ("fwmark", "group")
"""Keys of a head that keepalived.conf says too: `virtual_server fwmark 5 { ... }`."""
PAIR: Head = ("name", "value")
"""First words of lines that are names with values: a mapping may say many of them."""
ENTRIES = "entries"
"""Key of the lines of a block that has a name and holds lines: `virtual_server_group NAME { 192.0.2.1 80 }`."""

_PLACEHOLDER = re.compile(r"(?P<optional>\[)?(?P<name>[A-Z][A-Z0-9_]*)(?:\[[^\]]*\]|[/|][A-Z/|]+)?\]?\Z")
_CHOICE = re.compile(r"\| ([a-z_]+)")
_RANGE = re.compile(r"-?[0-9.]+\.\.-?[0-9.]+\Z")
_DURATION = re.compile(r"(MILLI)?SECONDS\b")
_BOOLEAN = re.compile(r"\[?(?:on\|off|BOOL)")


class Kind(enum.Enum):
    """What stands under a key."""

    NAMED = "blocks with a head"
    REPEATED = "blocks without a head, any number"
    BLOCK = "one block of keywords"
    LIST = "one block of lines"
    STATEMENTS = "statements, any number"
    STATEMENT = "one statement"


def kind(row: Keyword) -> Kind:
    if row.converter is None or not row.converter.block:
        if row.children is not None:
            return Kind.BLOCK
        return Kind.STATEMENTS if row.repeats else Kind.STATEMENT
    has_head = not row.converter.shape.startswith("{")
    if row.children is None:
        return Kind.NAMED if has_head else Kind.LIST
    if has_head:
        return Kind.NAMED
    return Kind.REPEATED if row.repeats else Kind.BLOCK


def heads(row: Keyword) -> tuple[Head, ...]:
    return HEADS.get(row.name, NAMED)


def key_of(row: Keyword) -> str:
    """The key of a row: plural where several may stand. Checks are named by their keyword, as one rarely has two."""
    if kind(row) not in (Kind.NAMED, Kind.REPEATED) or row.name.isupper():
        return row.name
    return f"{row.name}es" if row.name.endswith("s") else f"{row.name}s"


def rows_by_key(rows: Table) -> Mapping[str, Keyword]:
    """The table with the keys of documents."""
    return _rows_by_key(_Identity(rows))


class _Identity:
    """A table as a key of a cache: tables are made once and never change."""

    def __init__(self, rows: Table) -> None:
        self.rows = rows

    def __hash__(self) -> int:
        return id(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.rows is other.rows


@functools.cache
def _rows_by_key(table: _Identity) -> Mapping[str, Keyword]:
    return {key_of(row): row for row in table.rows.values()}


def takes_nothing(converter: Converter | None) -> bool:
    """Whether a keyword speaks by being there: then `true` writes it down and `false` leaves it out."""
    return converter is None or not converter.shape or (converter.shape[0] == "[" and not is_boolean(converter))


def is_boolean(converter: Converter | None) -> bool:
    """`[on|off]` and the like."""
    return converter is not None and _BOOLEAN.match(converter.shape) is not None


def is_duration(converter: Converter | None) -> bool:
    return converter is not None and _DURATION.match(converter.shape) is not None


def unit_ns(converter: Converter) -> int:
    """The unit of a bare number under a keyword that takes a duration."""
    match = _DURATION.match(converter.shape)
    return NS_PER_MS if match and match[1] else NS_PER_S


def takes_several_words(converter: Converter | None) -> bool:
    """Whether a string under the key is a line of words, not one word with blanks."""
    if converter is None or converter.is_command:
        return False
    words = [word for word in converter.shape.split() if not _RANGE.match(word)]
    return len(words) > 1 or converter.shape.rstrip("]").endswith("...")


def entry_heads(converter: Converter) -> Head:
    """Keys of the words that an entry of a list begins with: "address" of `{ ADDRESS[/LENGTH] [dev NAME] }`."""
    return tuple(name for name, _ in _entry_heads(converter))


def entry_needs(converter: Converter) -> str:
    """The key of the first of them that an entry cannot do without; "" if it can do without all."""
    return next((name for name, optional in _entry_heads(converter) if not optional), "")


def _entry_heads(converter: Converter) -> Iterator[tuple[str, bool]]:
    """Each with whether it may be left out."""
    for word in _inside(converter).split():
        match = _PLACEHOLDER.match(word)
        if match is None:
            return
        yield match["name"].lower(), match["optional"] is not None


def entry_choices(converter: Converter) -> tuple[str, ...]:
    """Words that an entry may begin with instead: "fwmark" of `{ ADDRESS [PORT] | fwmark NUMBER }`."""
    return tuple(_CHOICE.findall(_inside(converter)))


def _inside(converter: Converter) -> str:
    """What the shape says between its braces."""
    return converter.shape.partition("{")[2].removesuffix("}")

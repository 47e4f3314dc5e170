"""What a document is made of when it is written: keys, values and the comments beside them, in no language yet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

import msgspec

Comments: TypeAlias = tuple[str, ...]
"""Lines, each without its sign (" " if there is nothing else); "" for a blank line."""

_NOT_PRINTABLE = re.compile("[^\t -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What neither YAML nor TOML may hold as it is, in strings and comments."""


class Leaf(msgspec.Struct, frozen=True):
    """bare: written without quotes, as a number, true, false or nothing at all (text "")."""

    text: str
    bare: bool = False


TRUE = Leaf("true", True)
FALSE = Leaf("false", True)
NOTHING = Leaf("", True)


class Item(msgspec.Struct, frozen=True):
    """An entry of a list. comments: the lines above; remark: at the end of its first line."""

    value: Value
    comments: Comments = ()
    remark: str = ""


class Pair(msgspec.Struct, frozen=True):
    """A key with its value, and comments as those of an item."""

    key: str
    value: Value
    comments: Comments = ()
    remark: str = ""


class Array(msgspec.Struct, frozen=True):
    items: tuple[Item, ...]
    last_comments: Comments = ()


class Object(msgspec.Struct, frozen=True):
    pairs: tuple[Pair, ...]
    last_comments: Comments = ()


Value: TypeAlias = Leaf | Array | Object


def without_sign(comments: tuple[str, ...]) -> Comments:
    """Comments of a block, which have their sign, as those of a document."""
    shown = (_NOT_PRINTABLE.sub("\N{REPLACEMENT CHARACTER}", comment) for comment in comments)
    return tuple(comment and (comment[1:] or " ") for comment in shown)


def at_the_end(comments: tuple[str, ...]) -> Comments:
    """The same for comments behind which nothing comes: no blank line sets them apart from it."""
    while comments and not comments[-1]:
        comments = comments[:-1]
    return without_sign(comments)


def as_text(lines: Iterable[str]) -> str:
    """Lines as a text, with no blank line at its ends and never two of them together."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    while kept and not kept[-1]:
        kept.pop()
    return "".join(f"{line}\n" for line in kept)


def quoted(text: str) -> str:
    """A text in quotes that mean the same in YAML and TOML."""
    if "'" not in text and ('"' in text or "\\" in text) and "\t" not in text and not _NOT_PRINTABLE.search(text):
        return f"'{text}'"
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"{_NOT_PRINTABLE.sub(_code, plain)}"'


def _code(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def is_plain(value: Value) -> bool:
    """Whether nothing in a value has a comment, so that it may stand in one line."""
    match value:
        case Leaf():
            return True
        case Array():
            return not value.last_comments and all(_is_plain_entry(item) for item in value.items)
        case Object():
            return not value.last_comments and all(_is_plain_entry(pair) for pair in value.pairs)


def _is_plain_entry(entry: Item | Pair) -> bool:
    return not any(entry.comments) and not entry.remark and is_plain(entry.value)

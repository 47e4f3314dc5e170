"""`~SEQ(NAME, start, step, end) rest` and `~LST(NAME, a, b) rest`: the rest of the line once for each value of NAME.

As keepalived 2.2.7 reads them (lib/parser.c, observed): numbers are C's (0x10, 010); step and start may be missing;
`~SEQx` writes the values in hexadecimal; `~LST({A, B}, {1, 2}, {3, 4})` sets several names at a time, and values that
a set does not have are empty. The names keep their last value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_SEQ = re.compile(r"~SEQ(?P<hex>x?)[ \t]*\([ \t]*(?P<name>[^ \t,)]+)[ \t]*,(?P<numbers>[^)]*)\)")
_LST = re.compile(r"~LST[ \t]*\(")
_ITEM = re.compile(r"[ \t]*(?:\{(?P<several>[^{}]*)\}|(?P<one>[^ \t,{})]*))[ \t]*(?P<after>[,)])")
_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\Z")
_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_LIMIT = 2**63
"""keepalived counts with a C long."""


class NotASequence(ValueError):
    """What `~SEQ` or `~LST` says cannot be; the argument is the rest of a sentence."""


class Sequence(NamedTuple):
    """rounds: for each what the names stand for; end: where the rest of the line begins."""

    rounds: Iterator[dict[str, str]]
    end: int


def is_sequence(text: str) -> bool:
    return text.startswith(("~SEQ", "~LST"))


def read_sequence(text: str, fill: Callable[[str], str]) -> Sequence:
    """The sequence at the beginning of a text. fill: replaces the names in its numbers. Raises NotASequence."""
    return _numbers(text, fill) if text.startswith("~SEQ") else _list(text)


def _numbers(text: str, fill: Callable[[str], str]) -> Sequence:
    match = _SEQ.match(text)
    if match is None:
        raise NotASequence("is not ~SEQ(NAME, start, step, end)")
    name = _name(match["name"])
    numbers = [_number(word.strip(" \t")) for word in fill(match["numbers"]).split(",")]
    start, step, end = _range(numbers)
    if match["hex"] and (start < 0 or end < 0):
        raise NotASequence("counts below 0, which has no hexadecimal form")
    form = "x" if match["hex"] else "d"
    values = range(start, end + (1 if step > 0 else -1), step)
    return Sequence(({name: format(value, form)} for value in values), match.end())


def _range(numbers: list[int]) -> tuple[int, int, int]:
    """Start, step and end."""
    match numbers:
        case [end]:
            return (-1 if end < 0 else 1), (-1 if end < 1 else 1), end
        case [start, end]:
            return start, (1 if start <= end else -1), end
        case [start, step, end] if step and (end - start) * step >= 0:
            return start, step, end
        case [_, _, _]:
            raise NotASequence("never comes to its end")
    raise NotASequence("has more than three numbers")


def _number(word: str) -> int:
    if not _NUMBER.match(word):
        raise NotASequence(f"has {word!r} where a number should be")
    digits = word.lstrip("+-")
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    value = int(digits, base) if len(digits) < 30 else _LIMIT
    if value >= _LIMIT:
        raise NotASequence(f"has a number that is too large: {word[:40]}")
    return -value if word[0] == "-" else value


def _list(text: str) -> Sequence:
    match = _LST.match(text)
    sets: list[list[str]] = []
    end = match.end() if match else 0
    after = "," if match else ""
    while after == ",":
        item = _ITEM.match(text, end)
        if item is None:
            break
        sets.append(_words(item))
        end, after = item.end(), item["after"]
    if after != ")" or len(sets) < 2:
        raise NotASequence("is not ~LST(NAME, value, ...) or ~LST({NAME, NAME}, {value, value}, ...)")
    names, *values = sets
    names = [_name(name) for name in names]
    if any(len(words) > len(names) for words in values):
        raise NotASequence(f"has more values in a set than the {len(names)} that have a name")
    return Sequence((_pairs(names, words) for words in values), end)


def _words(item: re.Match[str]) -> list[str]:
    words = [item["one"]] if item["several"] is None else [word.strip(" \t") for word in item["several"].split(",")]
    for word in words:
        if " " in word or "\t" in word:
            raise NotASequence(f"has a value of two words: {word!r}")
    return words


def _pairs(names: list[str], words: list[str]) -> dict[str, str]:
    return dict(zip(names, words + [""] * (len(names) - len(words)), strict=True))


def _name(word: str) -> str:
    if not _NAME.match(word):
        raise NotASequence(f"has {word!r} where a name should be")
    return word

"""Sets of symbols (octets, or code points with `utf`) as sorted ranges that do not touch; both ends belong to them."""

from __future__ import annotations

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]
MAX_OCTET = 0xFF
MAX_CODE_POINT = 0x10FFFF
NEWLINE = 0x0A
MAX_FOLDED = 0x3000
"""Of a range: further symbols have no other case"""

DIGIT: Ranges = ((0x30, 0x39),)
WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACE: Ranges = ((0x09, 0x0D), (0x20, 0x20))
HORIZONTAL: Ranges = (
    (0x09, 0x09),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x180E, 0x180E),
    (0x2000, 0x200A),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
)
VERTICAL: Ranges = ((0x0A, 0x0D), (0x85, 0x85), (0x2028, 0x2029))
POSIX: dict[str, Ranges] = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "ascii": ((0x00, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0x00, 0x1F), (0x7F, 0x7F)),
    "digit": DIGIT,
    "graph": ((0x21, 0x7E),),
    "lower": ((0x61, 0x7A),),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": SPACE,
    "upper": ((0x41, 0x5A),),
    "word": WORD,
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}


def union(ranges: Iterable[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def within(ranges: Ranges, most: int) -> Ranges:
    return tuple((first, min(last, most)) for first, last in ranges if first <= most)


def complement(ranges: Ranges, most: int) -> Ranges:
    """All others up to `most`."""
    found, begin = [], 0
    for first, last in ranges:
        if begin < first:
            found.append((begin, first - 1))
        begin = last + 1
    if begin <= most:
        found.append((begin, most))
    return tuple(found)


def fold(ranges: Ranges, most: int) -> Ranges:
    """With the other case of each letter; of octets those of ASCII only, as PCRE2 does without a locale."""
    letters = 0x7F if most == MAX_OCTET else MAX_FOLDED
    found = list(ranges)
    for first, last in ranges:
        for symbol in range(first, min(last, letters) + 1):
            char = chr(symbol)
            found += [(ord(other), ord(other)) for other in (char.lower(), char.upper()) if len(other) == 1]
    return within(union(found), most)

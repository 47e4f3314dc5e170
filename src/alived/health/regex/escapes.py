"""What a letter behind a backslash means in PCRE2."""

from __future__ import annotations

import re

from alived.health.regex.sets import DIGIT, HORIZONTAL, SPACE, VERTICAL, WORD, Ranges, complement, within
from alived.health.regex.syntax import Place, RegexError, RegexNotKnown

LITERAL_ESCAPES = {"a": 0x07, "e": 0x1B, "f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09}
PLACES = {
    "A": Place.START,
    "b": Place.WORD_BOUNDARY,
    "B": Place.NO_WORD_BOUNDARY,
    "Z": Place.END_OR_LAST_NEWLINE,
    "z": Place.END,
}
SETS = {"d": DIGIT, "w": WORD, "s": SPACE, "h": HORIZONTAL, "v": VERTICAL}
SETS |= {letter.upper(): ranges for letter, ranges in SETS.items()}
"""The capital letter: all others"""
_REFUSED = {
    "R": "any line end: write (?:\\r\\n|\\n|\\r)",
    "X": "an extended cluster of Unicode",
    "p": "a property of Unicode",
    "P": "a property of Unicode",
    "K": "a new start of the match",
    "G": "the first place of a search",
    "C": "one octet of a character",
    "g": "a reference to a group",
    "k": "a reference to a group",
}
_OCTAL = re.compile(r"0[0-7]{0,2}")
_BRACED_OCTAL = re.compile(r"o\{([0-7]+)\}")
_HEX = re.compile(r"x(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{1,2})|(?!\{))")
_CONTROL = re.compile(r"c([\x20-\x7e])")


def named_set(letter: str, most: int) -> Ranges:
    """Of \\d and the like."""
    ranges = within(SETS[letter], most)
    return complement(ranges, most) if letter.isupper() else ranges


def number_escape(text: str, at: int, most: int) -> tuple[int | None, int]:
    """A symbol said by its number, \\x41 and the like, and where the text goes on; None: it is something else."""
    for form, base in ((_BRACED_OCTAL, 8), (_HEX, 16), (_OCTAL, 8)):
        if found := form.match(text, at):
            digits = next((group for group in found.groups() if group), "") if form is not _OCTAL else found[0]
            number = int(digits or "0", base)
            if number > most:
                raise RegexError(f"\\{found[0]} is above {most:#x}" + ("" if most > 0xFF else ", the last octet"))
            return number, found.end()
    if found := _CONTROL.match(text, at):
        return ord(found[1].upper()) ^ 0x40, found.end()
    return None, at


def refuse_letter(letter: str) -> None:
    """Raises RegexError for what is not known, here or to PCRE2."""
    if letter in _REFUSED:
        raise RegexNotKnown(f"\\{letter}, {_REFUSED[letter]}, is not known here")
    if letter in "123456789":
        raise RegexNotKnown(f"\\{letter}, a reference to a group, is not known here: it needs backtracking")
    if letter.isascii() and letter.isalnum() and letter not in LITERAL_ESCAPES:
        raise RegexError(f"\\{letter} means nothing")

"""Characters that look like others or like nothing: they came with a copy from a web page or a word processor."""

from __future__ import annotations

import unicodedata

from alived.base import Location
from alived.config.findings import Findings

_LOOK_ALIKE = "\N{MINUS SIGN}\N{FULLWIDTH COMMA}\N{FULLWIDTH COLON}\N{FULLWIDTH SOLIDUS}\N{FULLWIDTH FULL STOP}"
"""Besides dashes, quotes and blanks; what an input method for Chinese or Japanese leaves behind."""


def check_characters(word: str, place: Location, findings: Findings) -> None:
    """Reports the first character of a word that is no text or is easily overlooked."""
    for character in word:
        if character == "\N{REPLACEMENT CHARACTER}":
            message = f"{word!r} has bytes that are not UTF-8: its value is not known"
            findings.error(place, "not-utf-8", message, "save the file as UTF-8")
            return
        if character > "\x7f" and _is_overlooked(character):
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            message = f"{word!r} holds the character {name}, which is easily overlooked"
            findings.warning(place, "invisible-character", message, "type this word again by hand")
            return


def _is_overlooked(character: str) -> bool:
    """Invisible ones, blanks, dashes, quotes, and other doubles of ASCII."""
    return unicodedata.category(character) in ("Cf", "Zs", "Cc", "Pd", "Pi", "Pf") or character in _LOOK_ALIKE

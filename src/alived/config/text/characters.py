"""Characters that look like others or like nothing: they came with a copy from a web page or a word processor."""

from __future__ import annotations

import unicodedata

from alived.base import Location
from alived.config.findings import Findings


def check_characters(word: str, place: Location, findings: Findings) -> None:
    """Reports the first character of a word that is no text or is easily overlooked."""
    for character in word:
        if character == "\N{REPLACEMENT CHARACTER}":
            message = f"{word!r} has bytes that are not UTF-8: its value is not known"
            findings.error(place, "not-utf-8", message, "save the file as UTF-8")
            return
        if character > "\x7f" and unicodedata.category(character) in ("Cf", "Zs", "Cc", "Pd"):
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            message = f"{word!r} holds the character {name}, which is easily overlooked"
            findings.warning(place, "invisible-character", message, "type this word again by hand")
            return

"""A document as a tree of words with their places, whichever language it was written in.

No value is converted here: a word counts as it is written, so that a password `012345` or `no` stays what it is.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from alived.base import Location
from alived.config.text.blocks import MAX_DEPTH, Word

MAX_NODES = 200_000
"""Values in a document; an alias counts as much as what it stands for, so that a "billion laughs" ends here."""

TRUE_WORDS = ("true", "True", "TRUE", "yes", "on")
FALSE_WORDS = ("false", "False", "FALSE", "no", "off")
NULL_WORDS = ("", "~", "null", "Null", "NULL")


class Scalar(msgspec.Struct, frozen=True, gc=False):
    """bare: it stood there without quotes, so that it may mean yes, no or nothing where the keyword allows that."""

    text: str
    location: Location
    bare: bool = False

    @property
    def is_null(self) -> bool:
        return self.bare and self.text in NULL_WORDS

    @property
    def truth(self) -> bool | None:
        """What a bare word says, if it says yes or no."""
        if not self.bare:
            return None
        return True if self.text in TRUE_WORDS else False if self.text in FALSE_WORDS else None

    @property
    def word(self) -> Word:
        return Word(self.text, self.location)


class Sequence(msgspec.Struct, frozen=True):
    items: tuple[Node, ...]
    location: Location


class Mapping(msgspec.Struct, frozen=True):
    """Pairs in the order of the text; no key stands there twice."""

    pairs: tuple[tuple[Word, Node], ...]
    location: Location

    def get(self, key: str) -> Node | None:
        return next((value for word, value in self.pairs if word.text == key), None)


Node: TypeAlias = Scalar | Sequence | Mapping


class DocumentError(Exception):
    """A document that cannot be read any further."""

    def __init__(self, location: Location, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.location = location
        self.code = code
        self.message = message
        self.hint = hint


def too_deep(location: Location) -> DocumentError:
    return DocumentError(location, "too-deep", f"values are nested more than {MAX_DEPTH} deep")


def too_many(location: Location) -> DocumentError:
    return DocumentError(location, "too-many-values", f"more than {MAX_NODES} values", "is this a configuration?")

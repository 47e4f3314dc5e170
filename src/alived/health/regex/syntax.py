"""What a regular expression consists of once it is parsed."""

from __future__ import annotations

import enum
from typing import TypeAlias

import msgspec

from alived.base import AlivedError
from alived.health.regex.sets import Ranges


class RegexError(AlivedError):
    """A pattern that means nothing in PCRE2; the text is a sentence."""


class RegexNotKnown(RegexError):
    """A pattern that may mean something in PCRE2, but not here."""


class Place(enum.Enum):
    """What an assertion says about a place between two symbols."""

    START = enum.auto()
    """\\A, and ^ without `multiline`"""
    LINE_START = enum.auto()
    """^ with `multiline`: at the start, and after a newline that is not the last symbol"""
    ANY_LINE_START = enum.auto()
    """The same with `alt_circumflex`: after the last newline, too"""
    END = enum.auto()
    """\\z, and $ with `dollar_endonly`"""
    END_OR_LAST_NEWLINE = enum.auto()
    """\\Z, and $"""
    LINE_END = enum.auto()
    """$ with `multiline`"""
    WORD_BOUNDARY = enum.auto()
    NO_WORD_BOUNDARY = enum.auto()


class Symbol(msgspec.Struct, frozen=True):
    """One symbol of these."""

    ranges: Ranges


class Assertion(msgspec.Struct, frozen=True):
    place: Place


class Sequence(msgspec.Struct, frozen=True):
    """One after the other; empty: nothing at all."""

    parts: tuple[Node, ...]


class Choice(msgspec.Struct, frozen=True):
    options: tuple[Node, ...]


class Repeat(msgspec.Struct, frozen=True):
    """most None: without end. Whether it is greedy does not matter to whether something is found."""

    part: Node
    least: int
    most: int | None


Node: TypeAlias = Symbol | Assertion | Sequence | Choice | Repeat

"""`$NAME` and `${NAME}` in a line become what they stand for.

A name without braces ends at a blank, a comma, a closing parenthesis or the end of the line; others stay as they are,
as do names that nobody has defined. The text that took the place of a name is looked at again, so names may be made of
names; a name that comes up inside its own text would never end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from alived.base import Location
from alived.config.text.definitions import Definition
from alived.config.text.lines import Line

MAX_LENGTH = 65_536
"""Characters of a line after its names were replaced; keepalived 2.2.7 stops at 1023."""

_WORK = 128
"""What it takes to replace a name in an empty line, in the unit of `spend`."""
HIDDEN_DOLLAR = "\0"
"""Stands for `$` in text in which no names are replaced; a configuration has no NUL."""

_NAME = re.compile(r"\$(?:\{([A-Za-z_]\w*)([ \t\w]*)\}|([A-Za-z_]\w*)(?=[ \t,)]|\Z))", re.ASCII)
_QUOTES = re.compile(r'\\.|(")')
_WORD_OR_NAME = re.compile(r"\"(?:[^\"\\]|\\.)*\"?|(?P<name>\$[A-Za-z_]\w*)(?=[ \t,)]|\Z)", re.ASCII)
_COMMENT_SIGN = re.compile("[#!]")


class Names(Protocol):
    def find(self, name: str, parameters: list[str]) -> Definition | None: ...

    def spend(self, work: int) -> bool:
        """Counts work; False if it is too much for one configuration. The unit is a character that was looked at."""
        ...


class Filled(NamedTuple):
    """rests: definitions whose further lines come after this one, with where they are used; the last comes first."""

    line: Line
    rests: tuple[tuple[Definition, Location], ...]


class Endless(Exception):
    """A name whose text leads to itself; chain: the names on the way. Empty if the line grows too long."""

    def __init__(self, line: Line, offset: int, chain: Sequence[str]) -> None:
        super().__init__(*chain)
        self.place = line.place(offset)
        self.chain = chain


class _Open(NamedTuple):
    """A definition whose text is being looked at; tail: how much of the line lies behind that text, None if all of the
    line is part of it."""

    definition: Definition
    tail: int | None = None

    def ends_before(self, line: Line, offset: int) -> bool:
        return self.tail is not None and len(line.text) - self.tail <= offset


def fill(line: Line, names: Names, around: Sequence[Definition] = ()) -> Filled:
    """The line with its names replaced; the same object if there was nothing to replace.

    It stops early if the line begins with `~` now, since that may be a sequence, which is dealt with first.
    around: the definitions of several lines that this line is part of. Raises Endless.
    """
    opened = [_Open(definition) for definition in around]
    rests: list[tuple[Definition, Location]] = []
    at = 0
    while (match := _NAME.search(line.text, at)) is not None:
        start, end = match.span()
        definition = _find(match, names, at_end=end == len(line.text))
        if definition is None:
            at = start + 1
            continue
        while opened and opened[-1].ends_before(line, start):
            opened.pop()
        being_used = [one.definition for one in opened]
        if definition in being_used:
            chain = being_used[being_used.index(definition) :]
            raise Endless(line, start, [one.name for one in (*chain, definition)])
        if len(line.text) > MAX_LENGTH or not names.spend(len(line.text) + _WORK):
            raise Endless(line, start, ())
        value, origin = definition.lines[0]
        if definition.is_final:
            value = _as_it_is(value, line.text[:start])
        else:
            opened.append(_Open(definition, len(line.text) - end))
        if len(definition.lines) > 1:
            rests.append((definition, line.place(start)))
        line = line.replaced(start, end, value, origin)
        at = start + len(value) if definition.is_final else start
        if start == 0 and value.startswith("~"):
            break
    return Filled(line, tuple(rests))


def undefined(text: str) -> Iterator[tuple[int, str]]:
    """Names without braces that are still there, outside quotes, with their places: they may be wrong."""
    for match in _WORD_OR_NAME.finditer(text):
        if match["name"]:
            yield match.start("name"), match["name"]


def _find(match: re.Match[str], names: Names, at_end: bool) -> Definition | None:
    """A definition of several lines counts at the end of a line only."""
    definition = names.find(match[1] or match[3], (match[2] or "").split())
    return None if definition is not None and definition.at_end and not at_end else definition


def _as_it_is(value: str, before: str) -> str:
    """Text in which neither names nor comments begin: in quotes, comment signs need no escape."""
    value = value.replace("$", HIDDEN_DOLLAR)
    in_quotes = sum(1 for match in _QUOTES.finditer(before) if match[1]) % 2
    return value if in_quotes else _COMMENT_SIGN.sub(r"\\\g<0>", value)

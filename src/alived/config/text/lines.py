"""Lines on their way from a file to the parser: their text may change, the places of their words do not.

A line is a row of stretches, each with a mark: text as it stands in the file, whose columns count on, or text that
was put in place of a name, all of which has the place of that name.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from alived.base import Location

_CODE = re.compile(r"""(?: [^"\#!\\]+ | "(?:[^"\\]|\\.)*" | \\(?:.|\Z) )*""", re.VERBOSE | re.DOTALL)
_BLANKS = " \t\r\f\v\n"


class Mark(NamedTuple):
    """start: offset in the text of the line; moves: whether columns count on from there."""

    start: int
    place: Location
    moves: bool


class Line(NamedTuple):
    """remark: the comment at its end, with its sign and a blank if there is one before it."""

    text: str
    marks: tuple[Mark, ...]
    remark: str = ""

    def place(self, offset: int) -> Location:
        """Where what has this offset was written."""
        return place_of(self.marks, offset)

    def from_(self, offset: int) -> Line:
        """The rest of the line, without blanks around it."""
        rest = self.text[offset:].lstrip(_BLANKS)
        return Line(rest.rstrip(_BLANKS), _marks_from(self.marks, len(self.text) - len(rest)), self.remark)

    def with_comment_apart(self) -> Line:
        """After its text has changed: a comment that begins in it now goes to its comment."""
        code, comment = split_comment(self.text)
        return Line(code.rstrip(_BLANKS), self.marks, comment + self.remark) if comment else self

    def until(self, offset: int) -> Line:
        """The part before an offset; the comment stays with the rest."""
        return Line(self.text[:offset], self.marks)

    def replaced(self, start: int, end: int, value: str, origin: Location | None) -> Line:
        """With a value in the place of [start, end); origin: where the value was written."""
        used = self.place(start)
        place = Location(used.file, used.line, used.column, origin or used.origin)
        shift = start + len(value)
        before = tuple(mark for mark in self.marks if mark.start < start)
        after = tuple(Mark(mark.start + shift, mark.place, mark.moves) for mark in _marks_from(self.marks, end))
        text = f"{self.text[:start]}{value}{self.text[end:]}"
        return Line(text, (*before, Mark(start, place, moves=False), *after), self.remark)


def place_of(marks: tuple[Mark, ...], offset: int) -> Location:
    """Where the text with this offset was written."""
    mark = marks[bisect_right(marks, offset, key=_start) - 1]
    if not mark.moves:
        return mark.place
    return Location(mark.place.file, mark.place.line, mark.place.column + offset - mark.start)


def line_of(raw: str, file: str, number: int) -> Line:
    """A line of a file, without its line end: comment and code apart, no blanks around the code."""
    code, remark = split_comment(raw)
    text = code.lstrip(_BLANKS)
    marks = (Mark(0, Location(file, number, len(code) - len(text) + 1), moves=True),)
    stripped = text.rstrip(_BLANKS)
    return Line(stripped, marks, f" {remark}" if remark and stripped != text else remark)


def line_from(text: str, used: Location, origin: Location | None) -> Line:
    """A line that was written elsewhere and is read where a name was used."""
    return Line(text, (Mark(0, Location(used.file, used.line, used.column, origin or used.origin), moves=False),))


def split_comment(raw: str) -> tuple[str, str]:
    """What a line says and the comment at its end; a quote that is not closed hides the signs behind it."""
    match = _CODE.match(raw)
    assert match is not None  # it matches the empty string
    end = match.end()
    if end == len(raw) or raw[end] == '"':
        return raw, ""
    return raw[:end], raw[end:].rstrip()


def _start(mark: Mark) -> int:
    return mark.start


def _marks_from(marks: tuple[Mark, ...], offset: int) -> tuple[Mark, ...]:
    """The marks of the text from an offset on, relative to it."""
    at = bisect_right(marks, offset, key=_start)
    first = Mark(0, place_of(marks, offset), marks[at - 1].moves)
    return (first, *(Mark(mark.start - offset, mark.place, mark.moves) for mark in marks[at:]))

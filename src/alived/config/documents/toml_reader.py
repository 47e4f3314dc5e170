"""TOML -> a tree of words with their places.

`tomllib` judges whether a text is TOML, but keeps no places, and findings need them. So it only judges: the tree is
built by a scanner that may be simple because the text is right, and that goes back to `tomllib` for the value of
a string with escapes. No library on PyPI gives both values and places without a parser of its own for the whole
language.
"""

from __future__ import annotations

import bisect
import re
import tomllib
from typing import TypeAlias

from alived.base import Location
from alived.config.documents import tree
from alived.config.documents.tree import DocumentError, Mapping, Node, Scalar, Sequence
from alived.config.text.blocks import MAX_DEPTH, Word

_STRING = r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\[^\n])*"|\'[^\'\n]*\''
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?P<comment>\#[^\n]*)|(?P<open>[\[{{])|(?P<close>[\]}}])|(?P<dot>\.)|(?P<next>[,=\n])",
    re.DOTALL,
)
_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|\#[^\n]*)*")
_KEY = re.compile(rf"{_STRING}|[A-Za-z0-9_-]+", re.DOTALL)
_VALUE = re.compile(rf"(?P<string>{_STRING})|\d{{4}}-\d\d-\d\d \d[^\s\[\]{{}},#]*|[^\s\[\]{{}},#]+", re.DOTALL)
_INTEGER = re.compile(r"[+-]?(?:0[xob][0-9A-Fa-f_]+|[0-9_]+)\Z")
_DECIMAL = re.compile(r"[+-]?[0-9_]+\.[0-9_]+\Z")
_ENDLESS_NUMBER = re.compile(r"[0-9_]{4000,}")
"""Python converts no number of more than 4300 digits."""
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")


def read_toml(text: str, file: str) -> Mapping:
    """The root of a document. Raises DocumentError for what is not TOML."""
    text = text.replace("\r\n", "\n")
    _check_bounds(text, file)
    try:
        tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or a number with more digits than Python converts
        message, place = _explain(text, file, str(error))
        raise DocumentError(place, "toml", f"not TOML: {message}") from error
    return _Scanner(text, file).document()


def _check_bounds(text: str, file: str) -> None:
    """Depth and number of values, before anybody builds something of them."""
    depth = dots = values = 0
    for match in _TOKEN.finditer(text):
        match match.lastgroup:
            case "open":
                depth += 1
            case "close":
                depth -= 1
            case "dot":
                dots += 1
            case "next":
                dots = 0
                values += match[0] != "\n"
        if depth + dots > MAX_DEPTH:
            raise tree.too_deep(_place(text, file, match.start()))
        if values > tree.MAX_NODES:
            raise tree.too_many(_place(text, file, match.start()))


def _place(text: str, file: str, offset: int) -> Location:
    return Location(file, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _explain(text: str, file: str, message: str) -> tuple[str, Location]:
    found = _PLACE.search(message)
    if found is None:
        digits = _ENDLESS_NUMBER.search(text)
        return message, _place(text, file, digits.start() if digits else 0)
    place = Location(file, int(found[1]), int(found[2])) if found[1] else _place(text, file, len(text))
    what = message[: found.start()]
    return what[:1].lower() + what[1:], place


class _Table:
    """A mapping that further lines of the text may still add to."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self.pairs: dict[str, tuple[Word, _Growing]] = {}

    def below(self, key: Word, new: _Growing) -> _Growing:
        """What stands under a key already, or `new` if nothing does."""
        return self.pairs.setdefault(key.text, (key, new))[1]

    def node(self) -> Mapping:
        return Mapping(tuple((key, _node(value)) for key, value in self.pairs.values()), self.location)


class _Tables:
    """An array of tables (`[[name]]`)."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self.items: list[_Table] = []

    def node(self) -> Sequence:
        return Sequence(tuple(table.node() for table in self.items), self.location)


_Growing: TypeAlias = _Table | _Tables | Node


def _node(value: _Growing) -> Node:
    return value.node() if isinstance(value, (_Table, _Tables)) else value


class _Scanner:
    """Reads a text that is known to be TOML."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.offset = 0
        self.lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def document(self) -> Mapping:
        root = _Table(Location(self.file, 1, 1))
        table = root
        while self.skip(_BLANK_LINES):
            if self.text.startswith("[[", self.offset):
                place = self.take("[[")
                table = _Table(place)
                *path, last = self.keys()
                array = _enter(root, path).below(last, _Tables(last.location))
                assert isinstance(array, _Tables)
                array.items.append(table)
                self.take("]]")
            elif self.text.startswith("[", self.offset):
                self.take("[")
                table = _enter(root, self.keys())
                self.take("]")
            else:
                self.pair(table)
        return root.node()

    def pair(self, table: _Table) -> None:
        *path, last = self.keys()
        self.take("=")
        _enter(table, path).below(last, self.value())

    def keys(self) -> list[Word]:
        """`a.b."c d"`"""
        words: list[Word] = []
        while not words or self.text.startswith(".", self.offset):
            if words:
                self.take(".")
            place = self.here()
            match = self.match(_KEY)
            words.append(Word(_string(match[0]) if match[0][0] in "\"'" else match[0], place))
            self.skip(_BLANK)
        return words

    def value(self) -> Node:
        place = self.here()
        if self.text.startswith("[", self.offset):
            return Sequence(tuple(self.items("[", "]")), place)
        if self.text.startswith("{", self.offset):
            table = _Table(place)
            self.take("{")
            while self.skip(_BLANK_LINES) and not self.text.startswith("}", self.offset):
                self.pair(table)
                self.skip(_BLANK_LINES)
                if self.text.startswith(",", self.offset):
                    self.take(",")
            self.take("}")
            return table.node()
        match = self.match(_VALUE)
        if match["string"]:
            return Scalar(_string(match[0]), place)
        return Scalar(_bare(match[0]), place, bare=True)

    def items(self, opening: str, closing: str) -> list[Node]:
        found: list[Node] = []
        self.take(opening)
        while self.skip(_BLANK_LINES) and not self.text.startswith(closing, self.offset):
            found.append(self.value())
            self.skip(_BLANK_LINES)
            if self.text.startswith(",", self.offset):
                self.take(",")
        self.take(closing)
        return found

    def match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self.text, self.offset)
        assert found is not None, f"{self.here()}: tomllib took this text for TOML"
        self.offset = found.end()
        return found

    def skip(self, pattern: re.Pattern[str]) -> bool:
        """Goes on behind the pattern; whether something is left there."""
        self.match(pattern)
        return self.offset < len(self.text)

    def take(self, sign: str) -> Location:
        place = self.here()
        assert self.text.startswith(sign, self.offset), f"{place}: {sign} expected, tomllib took this text for TOML"
        self.offset += len(sign)
        self.skip(_BLANK)
        return place

    def here(self) -> Location:
        line = bisect.bisect_right(self.lines, self.offset)
        return Location(self.file, line, self.offset - self.lines[line - 1] + 1)


def _enter(table: _Table, path: list[Word]) -> _Table:
    """The table at the end of a path of keys; an array of tables is entered by its last one."""
    for key in path:
        found = table.below(key, _Table(key.location))
        table = found.items[-1] if isinstance(found, _Tables) else found  # type: ignore[assignment]
        assert isinstance(table, _Table)
    return table


def _string(literal: str) -> str:
    """The value of a string in any of the four kinds of quotes."""
    if literal[:3] not in ('"""', "'''") and "\\" not in literal:
        return literal[1:-1]
    value: str = tomllib.loads(f"value = {literal}")["value"]
    return value


def _bare(literal: str) -> str:
    """A number, date or boolean: as written, integers and decimals without what only TOML knows."""
    if _INTEGER.match(literal):
        return str(int(literal, 0))
    return literal.replace("_", "").removeprefix("+") if _DECIMAL.match(literal) else literal

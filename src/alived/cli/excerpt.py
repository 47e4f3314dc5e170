"""The line that a finding is about, with a mark below the word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from alived.base import Location

WIDTH = 100
"""Characters of a line that are shown, around the word."""
_WORD = re.compile(r"[^\s{}]+|[{}]|.")
_SECRET = re.compile(r"(auth_pass|password)(\W+)([^\s\"']+)")


class Excerpts:
    """Lines of files, each file read once. read: gives the bytes of a file or raises OSError."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._lines: dict[str, list[str]] = {}

    def at(self, place: Location) -> list[str]:
        """The line and its mark; nothing if there is no such line."""
        lines = self._of(place.file) if place.line else []
        if not 0 < place.line <= len(lines):
            return []
        text, column = _window(_printable(_without_secret(lines[place.line - 1])), place.column - 1)
        number = str(place.line)
        blanks = sum(map(_columns, text[:column]))
        word = _WORD.match(text, column)
        mark = "^" * max(1, sum(map(_columns, word[0])) if word else 1)
        return [f"{number} | {text}".rstrip(), f"{' ' * len(number)} | {' ' * blanks}{mark}"]

    def _of(self, file: str) -> list[str]:
        if file not in self._lines:
            try:
                text = self._read(file).removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
                self._lines[file] = text.split("\n")
            except OSError:
                self._lines[file] = []
        return self._lines[file]


def _without_secret(line: str) -> str:
    """A password is not shown, but keeps its length: reports are mailed around, and the mark stays where it is."""
    return _SECRET.sub(lambda match: match[1] + match[2] + "*" * len(match[3]), line)


def _printable(line: str) -> str:
    """One character for one: a file must not be able to write to the terminal."""
    return "".join(" " if sign.isspace() else sign if sign.isprintable() else "?" for sign in line)


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a long line around a column, and where the column is in it."""
    if len(line) <= WIDTH:
        return line, column
    first = max(0, min(column - WIDTH // 3, len(line) - WIDTH))
    return line[first : first + WIDTH], column - first


def _columns(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1

"""Where lines come from: files, definitions of several lines, sequences, and the rest of a line behind a brace."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from alived.base import Location
from alived.config.text.definitions import Definition, is_continued
from alived.config.text.includes import Check
from alived.config.text.lines import Line, Mark, line_from, line_of

_SPECIAL = re.compile(r"\$|(?:^|[{}])[ \t\r\f\v]*(?:[@~]|include)", re.MULTILINE)
"""Where a line may be more than words: everything between two of these places goes to the parser as it is."""
_SIGNS = ("$", "@", "~", "include")
"""A text without any of them has no such place, which is found out a hundred times faster."""


class Piece(NamedTuple):
    """Text for the parser: [start, end) of a file as it stands, the first line of which is `line`; or, with marks, a
    line that was made."""

    text: str
    start: int
    end: int
    file: str
    line: int
    marks: tuple[Mark, ...] = ()


class Source(Protocol):
    def next(self) -> Piece | Line | Source | None:
        """What comes next: text for the parser, a line to look at, or something to be read first; None at the end."""
        ...


class OpenFile:
    """A file that is being read. real_path: which file it is, by whatever name; checks: those of `include_check`."""

    def __init__(self, text: str, path: str, real_path: str, checks: Check) -> None:
        self.text = text
        self.path = path
        self.real_path = real_path
        self.checks = checks
        self._at = 0
        self._line = 1
        self._is_plain = not any(sign in text for sign in _SIGNS)

    @property
    def directory(self) -> str:
        return posixpath.dirname(self.path)

    def next(self) -> Piece | Line | None:
        """A stretch of lines that are only words, or one line that may be more."""
        start = self._at
        if start == len(self.text):
            return None
        special = None if self._is_plain else _SPECIAL.search(self.text, start)
        end = len(self.text) if special is None else max(self.text.rfind("\n", start, special.start()) + 1, start)
        if end == start:
            return line_of(*self._take_line())
        first = self._line
        self._at = end
        self._line += self.text.count("\n", start, end)
        return Piece(self.text, start, end, self.path, first)

    def next_of_definition(self) -> tuple[Line, bool] | None:
        """The next line with whether it is continued; lines with nothing but blanks and a comment do not count. None
        at an empty line and at the end."""
        while self._at < len(self.text):
            raw, path, number = self._take_line()
            if not raw.rstrip("\r"):
                return None
            line = line_of(raw, path, number)
            if line.text or is_continued(line):
                return line, is_continued(line)
        return None

    def _take_line(self) -> tuple[str, str, int]:
        end = self.text.find("\n", self._at)
        end = len(self.text) if end < 0 else end
        raw = self.text[self._at : end]
        self._at = min(end + 1, len(self.text))
        self._line += 1
        return raw, self.path, self._line - 1


class OpenDefinition:
    """The lines of a definition after its first, which stands where it was used already."""

    def __init__(self, definition: Definition, used: Location) -> None:
        self.definition = definition
        self._lines = (line_from(text, used, place) for text, place in definition.lines[1:])

    def next(self) -> Line | None:
        return next(self._lines, None)


class OpenSequence:
    """A line that is read once for each round, after `define` was told what the names stand for."""

    def __init__(self, rounds: Iterator[dict[str, str]], line: Line, define: Callable[[dict[str, str]], None]) -> None:
        self._rounds = rounds
        self._line = line
        self._define = define

    def next(self) -> Line | None:
        values = next(self._rounds, None)
        if values is None:
            return None
        self._define(values)
        return self._line


class OpenLines:
    """Lines that are already there."""

    def __init__(self, *lines: Line) -> None:
        self._lines = iter(lines)

    def next(self) -> Line | None:
        return next(self._lines, None)


class OpenInclusion:
    """Files that an include statement brings in. open_file: None if it cannot be read, which was said then."""

    def __init__(self, paths: tuple[str, ...], open_file: Callable[[str], OpenFile | None]) -> None:
        self._paths = iter(paths)
        self._open_file = open_file

    def next(self) -> OpenFile | None:
        return next(filter(None, map(self._open_file, self._paths)), None)

"""Which files a pattern means: `*`, `?`, `[a-z]` in names and `{a,b}` anywhere, as glob(3) with GLOB_BRACE.

Names come in alphabetical order, alternatives in braces in the order in which they are written. A leading dot must be
written; a backslash takes the meaning of the character behind it away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import translate
from typing import NamedTuple

from alived.config.text.host import Host, Kind

MAX_MATCHES = 1000
"""Alternatives and files of one pattern, and directories that are looked into."""

_MAGIC = re.compile(r"\\.|([*?\[])", re.DOTALL)
_ESCAPED_OR_NEGATED = re.compile(r"\\(.)|\[\^", re.DOTALL)
_BRACE_OR_COMMA = re.compile(r"\\.|[{},]", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class TooMany(Exception):
    """A pattern means more than MAX_MATCHES files."""


class Found(NamedTuple):
    """missing: what is named but is not there."""

    paths: tuple[str, ...]
    missing: tuple[str, ...]


def find(pattern: str, directory: str, host: Host) -> Found:
    """The paths that are there; a relative pattern begins in the directory. Raises TooMany."""
    search = _Search(directory, host)
    for alternative in alternatives(pattern):
        search.run(alternative)
    return Found(tuple(search.paths), tuple(search.missing))


def has_braces(pattern: str) -> bool:
    return any(match[0] == "{" for match in _BRACE_OR_COMMA.finditer(pattern))


def alternatives(pattern: str) -> Iterator[str]:
    """The patterns that one with braces stands for; braces that are not closed are plain characters."""
    waiting = [("", pattern)]
    made = 0
    while waiting:
        done, rest = waiting.pop()
        brace = _first_brace(rest)
        if brace is None:
            yield done + rest
            continue
        start, parts, end = brace
        made += len(parts)
        if made > MAX_MATCHES:
            raise TooMany(pattern)
        waiting.extend((done + rest[:start], part + rest[end:]) for part in reversed(parts))


def _first_brace(pattern: str) -> tuple[int, list[str], int] | None:
    """Where the first group of alternatives begins, what they are, and where it ends."""
    depth = 0
    start = begin = 0
    parts: list[str] = []
    for match in _BRACE_OR_COMMA.finditer(pattern):
        sign = match[0]
        if sign == "{":
            depth += 1
            if depth == 1:
                start, begin = match.start(), match.end()
        elif depth == 1 and sign in ",}":
            parts.append(pattern[begin : match.start()])
            begin = match.end()
            if sign == "}":
                return start, parts, match.end()
        elif sign == "}" and depth:
            depth -= 1
    return None


class _Search:
    def __init__(self, directory: str, host: Host) -> None:
        self.directory = directory
        self.host = host
        self.paths: list[str] = []
        self.missing: list[str] = []
        self.searched = 0

    def run(self, pattern: str) -> None:
        """Walks along the path: the places where one may be after each part of it."""
        places = ["/" if pattern.startswith("/") else self.directory]
        parts = [part for part in pattern.split("/") if part]
        wild = False
        for number, part in enumerate(parts, 1):
            wild = any(match[1] for match in _MAGIC.finditer(part))
            if wild:
                places = [path for place in places for path in self._matching(place, part)]
            else:
                name = _ESCAPED.sub(r"\1", part)
                places = [_join(place, name) for place in places]
            if wild and number < len(parts):
                places = [place for place in places if self.host.kind(place) is Kind.DIRECTORY]
        for place in places:
            there = wild or self.host.kind(place) is not Kind.NOTHING
            (self.paths if there else self.missing).append(place)
        if len(self.paths) + len(self.missing) > MAX_MATCHES:
            raise TooMany(pattern)

    def _matching(self, place: str, part: str) -> list[str]:
        self.searched += 1
        if self.searched > MAX_MATCHES:
            raise TooMany(part)
        try:
            names = self.host.names(place)
        except OSError:
            self.missing.append(place)
            return []
        matches = re.compile(translate(_ESCAPED_OR_NEGATED.sub(_to_fnmatch, part))).match
        dots = part.startswith((".", "\\."))
        return [_join(place, name) for name in sorted(names) if matches(name) and (dots or name[:1] != ".")]


def _to_fnmatch(match: re.Match[str]) -> str:
    """fnmatch knows no backslash and writes a negation as `[!a]`."""
    return f"[{match[1]}]" if match[1] else "[!"


def _join(place: str, name: str) -> str:
    return f"{place}{name}" if not place or place.endswith("/") else f"{place}/{name}"

"""Bytes -> text -> tokens of keepalived.conf: one regular expression, every token with its line and column.

What the language says (keepalived 2.2.7, lib/parser.c, observed):

- words are separated by blanks; `"` opens and closes a word that may hold blanks; braces are words of their own
  wherever they stand outside double quotes
- `#` and `!` begin a comment wherever they stand outside double quotes; a backslash before them takes that away
- a statement ends with the line; a backslash at the very end continues it on the next one
- nothing else is special here: single quotes and C escapes count in commands only (`commands.py`)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from alived.base import Location
from alived.config.findings import Findings

MAX_BYTES = 16 * 1024 * 1024
"""Larger files are refused: the largest configuration that we know of is a thirtieth of it."""

_TOKEN = re.compile(
    r"""
    [ \t\r\f\v]*
    (?: (?P<newline> \n )
      | (?P<open> \{ )
      | (?P<close> \} )
      | (?P<comment> [#!][^\n]* )
      | (?P<continuation> \\[ \t\r]*(?:\n|\Z) )
      | "(?P<quoted> (?:[^"\\\n]|\\[^\n])* )"
      | (?P<unclosed> "[^\n]* )
      | (?P<word> (?: [^ \t\r\f\v\n{}"#!\\$]+                   # plain
                    | \$\{[^{}\n"]*\} | \$                      # ${NAME} keeps its braces
                    | \\(?![ \t\r]*(?:\n|\Z))[^\s{}]? )+ )      # \# and \! do not begin a comment
    )
    """,
    re.VERBOSE,
)
_ESCAPED_COMMENT = re.compile(r"\\([#!])")
_NUL_TO_END_OF_LINE = re.compile(r"\0[^\n]*")


_KINDS = ("", *_TOKEN.groupindex)
"""The names of the groups by their numbers: each group has a name."""


class Token(msgspec.Struct, frozen=True, gc=False):
    """kind: the name of the group that matched; start and end are offsets into the text."""

    kind: str
    text: str
    line: int
    column: int
    start: int
    end: int


def decode(data: bytes, file: str, findings: Findings) -> str:
    """The text of a file: UTF-8, without byte order mark and NUL. What had to be changed is reported with its place."""
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data)} bytes, more than {MAX_BYTES}"
        findings.error(Location(file), "file-too-large", message, "is this the right file?")
        return ""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        findings.error(Location(file, 1, 1), "not-utf-8", "this is UTF-16", f"iconv -f UTF-16 -t UTF-8 {file}")
        return ""
    if data.startswith(b"\xef\xbb\xbf"):
        message = "byte order mark at the beginning: skipped here; keepalived takes it for part of the first word"
        findings.warning(Location(file, 1, 1), "byte-order-mark", message, "save the file as UTF-8 without BOM")
        data = data[3:]
    return _without_nul(_utf8(data, file, findings), file, findings)


def _utf8(data: bytes, file: str, findings: Findings) -> str:
    """Bytes that are not UTF-8 become U+FFFD: harmless in comments, an error in words (`blocks.py`)."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        findings.warning(Location(file, line, column), "not-utf-8", message, "save the file as UTF-8")
        return data.decode(errors="replace")


def _without_nul(text: str, file: str, findings: Findings) -> str:
    first = text.find("\0")
    if first < 0:
        return text
    place = Location(file, text.count("\n", 0, first) + 1, first - text.rfind("\n", 0, first))
    message = "NUL byte: the rest of such a line is skipped, as keepalived does"
    findings.warning(place, "nul-byte", message, "the file may be damaged")
    return _NUL_TO_END_OF_LINE.sub("", text)


def scan(text: str, start: int = 0, end: int | None = None, line: int = 1) -> Iterator[Token]:
    """All tokens of [start, end), which begins with the given line. Columns count characters from 1; that of a quoted
    word is its quote. The end may follow only the last character of a line."""
    line_start = start
    for match in _TOKEN.finditer(text, start, len(text) if end is None else end):
        number = match.lastindex
        assert number is not None
        kind = _KINDS[number]
        first, last = match.span(number)
        if kind == "quoted":
            yield Token(kind, text[first:last], line, first - line_start, first - 1, last + 1)
            continue
        yield Token(kind, text[first:last], line, first - line_start + 1, first, last)
        if kind == "newline" or kind == "continuation":
            line, line_start = line + 1, last


def unescape_comment_signs(word: str) -> str:
    r"""`\#` and `\!` outside quotes stand for the bare characters."""
    return _ESCAPED_COMMENT.sub(r"\1", word)

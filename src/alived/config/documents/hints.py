"""Hints for who writes YAML or TOML: what rules and readers say in keepalived's words and braces, in theirs.

    check web { ... }                       checks: {web: {...}}                 checks = {web = {...}}
    unicast_peer { ADDRESS }, if need be    unicast_peer: [ADDRESS], if need be
    smtp_user NAME                          smtp_user: NAME

What is no statement of a keyword that the tables know stays as it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from alived.base import Diagnostic
from alived.config.documents.naming import HEADS, Kind, heads, key_of, kind, takes_nothing
from alived.config.keywords.index import tables
from alived.config.keywords.table import Keyword, Table

_REST = "..."
_TOKEN = re.compile(r'"[^"]*"|[{}]|[^\s{}]+')
_STATEMENT = re.compile(r"(?P<keyword>[A-Za-z_]+)(?P<head>(?: (?:\"[^\"]*\"|[^\s{},;:]+))*) \{")
_WORD = r"(?:\"[^\"]*\"|https?://[^\s;,]+|\.\.\.|[A-Z/0-9\[][^\s;,]*)"
_VALUE = re.compile(
    rf"(?P<keyword>[a-z_]+) (?P<value>{_WORD}(?: {_WORD})*)(?=[;,]|\Z)|(?P<alone>[a-z_]+ [^\s:;,{{}}]+)\Z"
)


class Language(msgspec.Struct, frozen=True):
    """How a key stands before its value, and whether texts have quotes."""

    sign: str
    quote: str = ""


YAML = Language(": ")
TOML = Language(" = ", '"')


def in_document(found: Iterable[Diagnostic], language: Language) -> tuple[Diagnostic, ...]:
    """The same findings, with hints for a document."""
    return tuple(msgspec.structs.replace(one, hint=translate(one.hint, language)) if one.hint else one for one in found)


def translate(hint: str, language: Language) -> str:
    """A hint with every block in it, and the statement that it begins with, as a document has them."""
    first = _VALUE.match(hint)
    if first and (row := _stating(first[0].split()[0])) is not None:
        words = _TOKEN.findall(first[0])[1:]
        inside = [_REST] if kind(row) is Kind.NAMED else None
        return _pair(row, words, inside, language) + hint[first.end() :]
    told, rest = "", hint
    while (found := _block(rest)) is not None:
        told += rest[: found.begin] + _pair(found.row, found.head, found.inside, language)
        rest = rest[found.end :]
    return told + rest


class _Shown(NamedTuple):
    """A block in a hint. begin, end: where it stands; head: words before its brace; inside: tokens behind it."""

    row: Keyword
    begin: int
    end: int
    head: list[str]
    inside: list[str]


def _block(text: str) -> _Shown | None:
    """The first block of a known keyword. What stands before the keyword may look like one, too."""
    for found in _STATEMENT.finditer(text):
        inside, end = _inside(text, found.end())
        words = [found["keyword"], *found["head"].split()]
        for at, word in enumerate(words):
            row = _fitting(word, len(words) - at - 1)
            if row is not None and end:
                begin = found.start() + sum(len(before) + 1 for before in words[:at])
                return _Shown(row, begin, end, words[at + 1 :], inside)
    return None


def _inside(text: str, begin: int) -> tuple[list[str], int]:
    """The tokens up to the brace that closes the one before `begin`, and where it ends; 0: nowhere."""
    depth, tokens = 1, list[str]()
    for token in _TOKEN.finditer(text, begin):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if not depth:
            return tokens, token.end()
        tokens.append(token[0])
    return [], 0


def _stating(word: str) -> Keyword | None:
    """The row of a keyword that may stand without braces; else of a block, which needs a name."""
    rows = _rows().get(word, ())
    statements = [row for row in rows if kind(row) in (Kind.STATEMENT, Kind.STATEMENTS)]
    return next(iter(statements or [row for row in rows if kind(row) is Kind.NAMED]), None)


def _fitting(word: str, count: int) -> Keyword | None:
    """The row of a keyword that may have a block behind so many words."""
    for row in _rows().get(word, ()):
        if kind(row) in (Kind.STATEMENT, Kind.STATEMENTS):
            continue
        if (kind(row) is Kind.NAMED) == bool(count):
            return row
    return None


@functools.cache
def _rows() -> Mapping[str, tuple[Keyword, ...]]:
    """All rows of a keyword, those of the highest tables first."""
    found: dict[str, tuple[Keyword, ...]] = {}
    for rows in tables().values():
        for row in rows.values():
            found[row.name] = (*found.get(row.name, ()), row)
    return found


def _pair(row: Keyword, head: Sequence[str], inside: Sequence[str] | None, language: Language) -> str:
    """KEY: VALUE. inside: the tokens between the braces; None: there are none, and `head` is the value."""
    key = f"{key_of(row)}{language.sign}"
    if inside is None:
        if any(word.startswith('"') for word in head[1:]):
            return f"{key}[{', '.join(_word(word, language) for word in head)}]"
        return key + (_word(" ".join(head), language) if head else "true")
    body = _body(row, inside, language)
    if kind(row) is Kind.NAMED:
        if row.name not in HEADS:
            return f"{key}{{{' '.join(head)}{language.sign}{body}}}"
        names = next((keys for keys in heads(row) if len(keys) == len(head)), heads(row)[0])
        said = [f"{name}{language.sign}{_word(word, language)}" for name, word in zip(names, head)]
        return f"{key}[{{{', '.join([*said, *filter(None, [body[1:-1]])])}}}]"
    return f"{key}[{body}]" if kind(row) is Kind.REPEATED else key + body


def _body(row: Keyword, tokens: Sequence[str], language: Language) -> str:
    if row.children is None:
        return f"[{', '.join(_word(token, language) for token in tokens)}]"
    return f"{{{', '.join(_statements(tokens, row.children, language))}}}"


def _statements(tokens: Sequence[str], rows: Table, language: Language) -> Iterator[str]:
    at = 0
    while at < len(tokens):
        word = tokens[at]
        at += 1
        if word not in rows:
            yield word
            continue
        head: list[str] = []
        inside: Sequence[str] | None = None
        while at < len(tokens) and tokens[at] != "{" and (tokens[at] not in rows or not (head or _is_flag(rows[word]))):
            head.append(tokens[at])
            at += 1
        if at < len(tokens) and tokens[at] == "{":
            end = _end(tokens, at)
            inside, at = tokens[at + 1 : end], end + 1
        yield _pair(rows[word], head, inside, language)


def _is_flag(row: Keyword) -> bool:
    """What comes behind it is no value of it."""
    return kind(row) is Kind.STATEMENT and takes_nothing(row.converter)


def _end(tokens: Sequence[str], begin: int) -> int:
    depth = 0
    for at in range(begin, len(tokens)):
        depth += {"{": 1, "}": -1}.get(tokens[at], 0)
        if not depth:
            return at
    return len(tokens)


def _word(text: str, language: Language) -> str:
    is_plain = text == _REST or text.startswith('"') or text.replace(".", "").isdigit()
    return text if is_plain or not language.quote else f"{language.quote}{text}{language.quote}"

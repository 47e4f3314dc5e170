"""A tree of blocks -> sections: what was said, statement by statement, and the defaults of what was not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from alived.config.effective.sections import Entry, Kind, Origin, Section
from alived.config.effective.values import in_words
from alived.config.findings import Findings
from alived.config.keywords.counting import counting
from alived.config.keywords.table import Keyword, Status, Table
from alived.config.text.blocks import Block
from alived.config.write.keepalived import write_word

SECRETS = frozenset({("authentication", "auth_pass"), ("auth_hmac", "key"), ("SSL", "password")})
"""Block and keyword of what nobody should read in a report."""
HIDDEN = "(not shown)"

Finish = Callable[[Block, Keyword, Section], Section]
"""Completes the section of a block with this row."""


def sections(blocks: Iterable[Block], rows: Table, finish: Finish) -> Iterator[Section]:
    """The blocks that have braces and keywords or names of their own."""
    for one in counting(blocks, rows):
        if _has_section(one.block, one.row):
            yield finish(one.block, one.row, section(one.block, one.row, finish))


def section(block: Block, row: Keyword, finish: Finish) -> Section:
    """What a block says, and what is said in the blocks in it."""
    title = " ".join(word.text for word in block.words)
    inside, origin = block.children or (), Origin(Kind.SAID, block.location, _remark(row))
    if row.children is None:
        return Section(title, origin, tuple(_line("", line) for line in inside))
    return Section(
        title, origin, tuple(entries(inside, row.children, row.name)), tuple(sections(inside, row.children, finish))
    )


def entries(blocks: Iterable[Block], rows: Table, inside: str) -> Iterator[Entry]:
    """The statements and lists of a block. Words that no table has are reported when a file is checked, not here."""
    for one in counting(blocks, rows):
        if not _has_section(one.block, one.row):
            yield from _statement(one.block, one.row, inside)


def defaults(rows: Table, said: Collection[str]) -> Iterator[Entry]:
    """What holds where nothing was said. said: fields."""
    for row in rows.values():
        is_other_word = row.field != row.name and row.field in rows
        if row.status is Status.WORKS and row.default and row.field not in said and not is_other_word:
            yield Entry(row.name, row.default, Origin(Kind.DEFAULT))


def _has_section(block: Block, row: Keyword) -> bool:
    return block.children is not None and (row.children is not None or bool(block.arguments))


def _statement(block: Block, row: Keyword, inside: str) -> Iterator[Entry]:
    origin = Origin(Kind.SAID, block.location, _remark(row))
    if (inside, block.keyword) in SECRETS:
        yield Entry(row.name, HIDDEN, origin)
    elif block.children is not None:
        yield from (_line(row.name, line) for line in block.children)
    elif block.arguments or row.converter is None:
        yield Entry(row.name, " ".join(write_word(word.text) or word.text for word in block.arguments), origin)
    else:
        value = row.converter.read(block, Findings())
        undoes = value is False and row.field
        yield Entry(row.field if undoes else row.name, in_words(value) if isinstance(value, bool) else "", origin)


def _line(keyword: str, line: Block) -> Entry:
    value = " ".join(write_word(word.text) or word.text for word in line.words)
    return Entry(keyword, value, Origin(Kind.SAID, line.location))


def _remark(row: Keyword) -> str:
    match row.status:
        case Status.WORKS:
            return ""
        case Status.NOT_YET:
            return "not in this version"
        case _:
            return str(row.status)

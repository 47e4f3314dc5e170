"""What the tables say about a word: the same rows that read a configuration explain it.

A word may stand in several blocks. Where the rows say the same, they are one explanation with several places.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from alived.config.keywords.index import TOP_PATH, tables
from alived.config.keywords.table import Keyword, Status, Table

SEPARATOR = "/"


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """blocks: the paths of the blocks where the word stands, "" for the top level; inside: the keywords of its own
    block. Everything else is as in `Keyword`."""

    keyword: str
    blocks: tuple[str, ...]
    arguments: str
    meaning: str
    status: Status
    consequence: str
    default: str
    example: str
    repeats: bool
    since: str
    deprecated: str
    inside: tuple[str, ...]


def explain(word: str) -> tuple[Explanation, ...]:
    """All that a word means; () if no table has it. `real_server/weight` and longer paths say where to look."""
    wanted = tuple(word.strip(SEPARATOR).split(SEPARATOR))
    merged: dict[Explanation, list[str]] = {}
    for block, row in _rows():
        path = (*block.split(SEPARATOR), row.name)
        if path[-len(wanted) :] == wanted:
            merged.setdefault(_explanation(row), []).append(block)
    return tuple(msgspec.structs.replace(explanation, blocks=tuple(blocks)) for explanation, blocks in merged.items())


def words() -> tuple[str, ...]:
    """Every keyword once, sorted."""
    return tuple(sorted({row.name for _, row in _rows()}))


def _rows() -> Iterator[tuple[str, Keyword]]:
    """Every row with the path of its block."""
    for path, rows in tables().items():
        for row in rows.values():
            yield "" if path == TOP_PATH else path, row


def _explanation(row: Keyword) -> Explanation:
    """The row without its place."""
    return Explanation(
        keyword=row.name,
        blocks=(),
        arguments=row.converter.shape if row.converter else "",
        meaning=row.meaning,
        status=row.status,
        consequence=row.consequence,
        default=row.default,
        example=row.sample,
        repeats=row.repeats,
        since=row.since,
        deprecated=row.deprecated,
        inside=_names(row.children),
    )


def _names(rows: Table | None) -> tuple[str, ...]:
    return tuple(rows or ())

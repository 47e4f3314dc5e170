"""What the tables say about a word: the same rows that read a configuration explain it.

A word may stand in several blocks. Where the rows say the same, they are one explanation with several places.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from alived.config.findings import Findings
from alived.config.keywords.index import TOP_PATH, tables
from alived.config.keywords.table import Keyword, Status, Table
from alived.config.keywords.top import TOP
from alived.config.text.read import read_text
from alived.config.this_host import ThisHost
from alived.config.write.document import statement
from alived.config.write.keepalived import write_statement
from alived.config.write.nodes import Object
from alived.config.write.yaml_writer import write_yaml

SEPARATOR = "/"


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """blocks: the paths of the blocks where the word stands, "" for the top level; inside: the keywords of its own
    block; example and yaml: the same statement in both languages; held_back: the block around it that does not work,
    and what happens. Everything else is as in `Keyword`."""

    keyword: str
    blocks: tuple[str, ...]
    arguments: str
    meaning: str
    status: Status
    consequence: str
    held_back: str
    default: str
    example: str
    yaml: str
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
            merged.setdefault(_explanation(row, _held_back(block)), []).append(block)
    return tuple(msgspec.structs.replace(explanation, blocks=tuple(blocks)) for explanation, blocks in merged.items())


def words() -> tuple[str, ...]:
    """Every keyword once, sorted."""
    return tuple(sorted({row.name for _, row in _rows()}))


def _rows() -> Iterator[tuple[str, Keyword]]:
    """Every row with the path of its block."""
    for path, rows in tables().items():
        for row in rows.values():
            yield "" if path == TOP_PATH else path, row


def _held_back(block: str) -> str:
    """The first block on the path that does not work, "" if all do."""
    rows: Table = TOP
    for name in filter(None, block.split(SEPARATOR)):
        row = rows[name]
        if row.status is not Status.WORKS:
            return f"{row.name}: {row.consequence}"
        rows = row.children or {}
    return ""


def _explanation(row: Keyword, held_back: str) -> Explanation:
    """The row without its place."""
    example, yaml = _example(row)
    return Explanation(
        keyword=row.name,
        blocks=(),
        arguments=row.converter.shape if row.converter else "",
        meaning=row.meaning,
        status=row.status,
        consequence=row.consequence,
        held_back=held_back,
        default=row.default,
        example=example,
        yaml=yaml,
        repeats=row.repeats,
        since=row.since,
        deprecated=row.deprecated,
        inside=tuple(row.children or ()),
    )


def _example(row: Keyword) -> tuple[str, str]:
    """The sample as people write it in keepalived.conf and in YAML."""
    tree = read_text(row.sample, "sample", ThisHost(), Findings())
    document = Object((statement(tree.blocks[0], row),))
    return write_statement(tree.blocks[0], row), write_yaml(document).rstrip()

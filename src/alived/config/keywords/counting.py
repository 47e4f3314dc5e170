"""Which of several statements counts, as `table.Settings` has it: for who looks at a tree, not at its values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from alived.config.findings import Findings
from alived.config.keywords.table import Keyword, Table
from alived.config.text.blocks import Block


class Counted(msgspec.Struct, frozen=True):
    """A statement that counts, and those of the same field that it overrules."""

    block: Block
    row: Keyword
    overruled: tuple[Block, ...] = ()


def counting(blocks: Iterable[Block], rows: Table) -> list[Counted]:
    """The statements that count, each where its field is spoken of first; without words that no table has."""
    of_field: dict[object, list[Block]] = {}
    for number, block in enumerate(blocks):
        row = rows.get(block.keyword)
        if row is not None:
            adds_up = row.repeats or (row.converter is not None and row.converter.merge == "append")
            of_field.setdefault(number if adds_up else row.field or row.name, []).append(block)
    return [_counted(same, rows) for same in of_field.values()]


def _counted(blocks: Sequence[Block], rows: Table) -> Counted:
    if len(blocks) == 1:
        return Counted(blocks[0], rows[blocks[0].keyword])
    readable = [block for block in blocks if _has_value(block, rows[block.keyword])] or blocks
    converter = rows[blocks[0].keyword].converter
    counts = readable[0 if converter is not None and converter.merge == "first" else -1]
    return Counted(counts, rows[counts.keyword], tuple(block for block in blocks if block is not counts))


def _has_value(block: Block, row: Keyword) -> bool:
    return row.converter is not None and row.converter.read(block, Findings()) is not None
